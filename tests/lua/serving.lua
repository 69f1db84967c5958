-- Serving in the middle of work and at its end; who is there, who has ended; figures.
--@ expect A: after the run
--@ worker A exit=0
local asked = 0
bakaGaijin.ask = function() asked = asked + 1 return asked end
bakaGaijin.stop = function() gaijin.stop() end
bakaGaijin.stats = function() return gaijin.copy(gaijin.stats()) end
gaijin.ready()
while asked < 3 do gaijin.yield() end -- works without waiting, and answers all the same
gaijin.run()
print("after the run")
gaijin.sleep(0.01)
--@ worker D
bakaGaijin.x = {}
bakaGaijin.die = function() os.exit(0) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
for i = 1, 5 do t.eq(A.ask(), i) end
t.eq(table.concat(gaijin.peers(), " "), "A D")
local s = A.stats()
t.eq(s.serving, 1)
t.ok(s.fibers >= 1 and s.stacks >= 1 and s.lua_bytes > 0 and s.futures == 0 and s.posts_failed == 0)
-- deaths
local told = {}
local function tell(as) return function(name) told[as] = name end end
gaijin.on_death("nobody", tell "nobody")
t.eventually(function() return told.nobody == "nobody" end)
gaijin.on_death("A", tell "A")
gaijin.on_death(A.ask, tell "A's")
gaijin.on_death("B", tell "B")
local take_back = gaijin.on_death("A", tell "never")
take_back()
t.eq(told.A, nil)
local ask = A.ask
A.stop()
t.eventually(function() return told.A == "A" and told["A's"] == "A" end)
gaijin.on_death(ask, tell "again")
t.eventually(function() return told.again == "A" end)
t.eq(told.never, nil)
t.eq(told.B, nil)
t.eq(table.concat(gaijin.peers(), " "), "D")
t.raises("bad argument #1 to 'on_death' %(name or remote object expected, got number%)", gaijin.on_death, 7, print)
