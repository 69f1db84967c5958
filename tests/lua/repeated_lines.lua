-- A timer whose function's owner has ended ends, with one line; lines that others can have repeated are thinned.
--@ expect S: the timer that called its function ends
--@ expect S: more such lines were left out before
--@ worker S
bakaGaijin.every = function(s, f) gaijin.every(s, f) end
bakaGaijin.fail = function() error("on purpose", 0) end
bakaGaijin.figures = function() return gaijin.stats().fibers, gaijin.stats().posts_failed end
--@ worker guest once
local ticks = 0
bakaGaijin("S").every(0.005, function() ticks = ticks + 1 end)
while ticks < 3 do gaijin.sleep(0.005) end
--@ worker B once
local t = require "t"
local fail, figures = bakaGaijin("S").fail, bakaGaijin("S").figures
t.eventually(function() return figures() == 1 end) -- the timer's fiber has gone
for _ = 1, 500 do gaijin.post(fail) end
t.eventually(function() local _, failed = figures() return failed == 500 end)
gaijin.sleep(1.1)
gaijin.post(fail)
t.eventually(function() local _, failed = figures() return failed == 501 end)
