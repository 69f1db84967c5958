-- How a worker has ended, as gaijin.on_death tells it: another has its name, or not, or nobody ever had it.
--@ worker S exit=0 flags=--linger,0.3
bakaGaijin.thing = { version = 1 }
--@ worker B exit=0
local t = require "t"
local thing = gaijin.wait_for("S", "thing")
local told = {}
local function tell(as) return function(name, how) told[as] = name .. " " .. how end end
gaijin.on_death("nobody", tell "nobody")
gaijin.on_death("S", tell "name")
gaijin.on_death(thing, tell "object")
gaijin.ready()
local function all(list) return function()
  for _, as in ipairs(list) do if not told[as] then return false end end
  return true
end end
t.eventually(all { "nobody", "name", "object" })
t.eq(told.nobody, "nobody absent")
t.eq(told.name, "S succeeded")
t.eq(told.object, "S succeeded")
-- whenever it is asked
gaijin.on_death(thing, tell "again")
t.eventually(all { "again" })
t.eq(told.again, "S succeeded")
t.raises("which another worker of that name has succeeded", function() return thing.version end)
-- the next one is not succeeded
local second = bakaGaijin("S").thing
gaijin.on_death("S", tell "second")
gaijin.on_death(second, tell "its object")
bakaGaijin("S").stop()
t.eventually(all { "second", "its object" })
t.eq(told.second, "S ended")
t.eq(told["its object"], "S ended")
gaijin.on_death(second, tell "its object again")
t.eventually(all { "its object again" })
t.eq(told["its object again"], "S ended")
gaijin.stop()
--@ worker T exit=0 flags=-n,S,--succeed
bakaGaijin.thing = { version = 2 }
bakaGaijin.stop = function() gaijin.stop() end
