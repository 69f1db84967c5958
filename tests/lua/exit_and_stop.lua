--@ expect C: before
--@ worker A exit=7
bakaGaijin.x = 1
gaijin.ready()
gaijin.after(0.01, function() gaijin.stop(7) end)
--@ worker B exit=3 nowait
os.exit(3)
--@ worker C exit=1 nowait
print("before")
local function inner() error("told on stderr") end
inner()
--@ worker D once args=one two
local t = require "t"
t.eq(arg[0]:match("%.lua$"), ".lua")
t.eq(arg[1], "one")
t.eq(select(2, ...), "two")
t.ok(arg[-1])
