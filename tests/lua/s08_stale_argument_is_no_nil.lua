-- An object of a worker that was started anew is dead for the new one, never nil.
--@ worker A once
local finished = false
bakaGaijin.t = { v = 1 }
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B once nowait
local t = require "t"
local old = bakaGaijin("A").t
bakaGaijin("A").finish()
bakaGaijin.old = old
local f = gaijin.wait_for("A", "type_and_read", 10)
local kind, ok, err = f(old)
t.eq(kind, "table")
t.eq(ok, false)
t.ok(err:match("^gaijin: dead:"), err)
bakaGaijin.old = nil
--@ worker A after=A
bakaGaijin.type_and_read = function(o) return type(o), pcall(function() return o.v end) end
