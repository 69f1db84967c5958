--@ worker A once nowait
local t = require "t"
t.raises("^gaijin: timeout: nobody is not there after 0.05 s$", gaijin.wait_for, "nobody", 0.05)
t.raises("^gaijin: timeout: label later of A is not there after 0.05 s$", gaijin.wait_for, "A", "later", 0.05)
gaijin.after(0.02, function() bakaGaijin.later = { v = 1 } end)
t.eq(gaijin.wait_for("A", "later").v, 1)
t.eq(gaijin.wait_for("A"), true)
t.eq(gaijin.wait_for("A", 0), true, "asked once, however short the time")
t.eq(gaijin.wait_for("B", "x", 10), "late")
t.raises("bad argument #1 to 'wait_for'", gaijin.wait_for)
t.raises("bad argument #3 to 'wait_for' %(number expected, got nan%)", gaijin.wait_for, "nobody", 0 / 0)
t.raises("a label is a string or a number", gaijin.wait_for, "A", {})
local n = 0
local cancel = gaijin.every(0.001, function() n = n + 1 end)
t.eventually(function() return n >= 5 end)
cancel()
local fired = false
local never = gaijin.after(0.01, function() fired = true end)
never()
local before = gaijin.now()
gaijin.sleep(0.03)
t.ok(gaijin.now() - before >= 0.03)
t.eq(fired, false)
bakaGaijin.later = nil
t.eq(gaijin.name, "A")
t.eq(gaijin.caller(), nil)
t.eq(coroutine.running(), nil)
coroutine.wrap(function() t.ok(coroutine.running()); t.eq(gaijin.wait_for("B", "who", 5)(), "A") end)()
--@ worker B
bakaGaijin.who = function() gaijin.sleep(0.001) return gaijin.caller() end
gaijin.sleep(0.02)
bakaGaijin.x = "late"
