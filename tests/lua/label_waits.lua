-- Those who wait for a label cost the worker no fibers: it answers everybody else meanwhile, and
-- them when the label is set; who dies or gives up while it waits leaves nothing there.
--@ worker A flags=--max-fibers,20
bakaGaijin.double = function(n) return 2 * n end
bakaGaijin.open = function(v) bakaGaijin.gate = v end
bakaGaijin.figures = function() local s = gaijin.stats() return s.label_waits, s.fibers end
--@ worker C exit=0
for i = 1, 50 do gaijin.async(gaijin.wait_for, "A", "never " .. i, 1000) end
bakaGaijin.leave = function() gaijin.after(0, function() os.exit(0) end) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local double, open, figures = A.double, A.open, A.figures
local leave = gaijin.wait_for("C", "leave", 10)
local futures = {}
for i = 1, 300 do futures[i] = gaijin.async(gaijin.wait_for, "A", "gate", 1000) end
t.eventually(function()
  local waits, fibers = figures()
  return waits == 350 and fibers == 1 -- the one that tells it
end)
for i = 1, 20 do t.eq(double(i), 2 * i) end
for i = 1, 100 do futures[i]:cancel() end
t.eventually(function() return figures() == 250 end)
gaijin.post(leave)
t.eventually(function() return figures() == 200 end)
t.raises("^gaijin: timeout: label nothing of A is not there after 0.05 s$", gaijin.wait_for, "A", "nothing", 0.05)
t.eventually(function() return figures() == 200 end)
open(7)
for i = 101, 300 do t.eq(futures[i]:get(10), 7) end
t.eq(figures(), 0)
