-- The new worker's first object is not taken for the old one's first object.
--@ worker A once
local finished = false
bakaGaijin.t = { v = "old" }
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B once nowait
local t = require "t"
local old = bakaGaijin("A").t
t.eq(old.v, "old")
bakaGaijin("A").finish()
local new = gaijin.wait_for("A", "u", 10)
t.ok(not rawequal(old, new))
t.eq(new.v, "new")
new.v = "x"
t.eq(bakaGaijin("A").read(), "x")
t.raises("^gaijin: dead: ", function() return old.v end)
--@ worker A after=A
local u = { v = "new" }
bakaGaijin.u = u
bakaGaijin.read = function() return u.v end
