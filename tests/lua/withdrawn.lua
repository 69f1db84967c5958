-- What is taken back goes at once: timers, and those who wait for deaths. News of a death is told once. Posts and spawned pieces
-- nest nothing.
--@ worker ping
local n = 0
bakaGaijin.post_on = function(peer) n = n + 1 if n < 1500 then gaijin.post(bakaGaijin(peer).post_on, gaijin.name) end end
bakaGaijin.spawn_on = function(peer) n = n + 1 if n < 1500 then gaijin.spawn(function() bakaGaijin(peer).spawn_on(gaijin.name) end) end end
bakaGaijin.count = function() return n end
bakaGaijin.reset = function() n = 0 end
--@ worker pong
local n = 0
bakaGaijin.post_on = function(peer) n = n + 1 if n < 1500 then gaijin.post(bakaGaijin(peer).post_on, gaijin.name) end end
bakaGaijin.spawn_on = function(peer) n = n + 1 if n < 1500 then gaijin.spawn(function() bakaGaijin(peer).spawn_on(gaijin.name) end) end end
bakaGaijin.count = function() return n end
bakaGaijin.reset = function() n = 0 end
--@ worker victim exit=0
bakaGaijin.object = {}
bakaGaijin.stop = function() gaijin.stop() end
--@ worker B once flags=--max-fibers,50
local t = require "t"
local object = bakaGaijin("victim").object
local base = gaijin.stats().fibers
for _ = 1, 1000 do
  gaijin.after(60, print)()
  gaijin.every(60, print)()
  if gaijin.stats().fibers > 40 then gaijin.yield() end
end
t.eventually(function() return gaijin.stats().fibers == base end)
-- as many fibers as can be: the first on_death is refused, not those after it
local others = {}
while pcall(gaijin.spawn, gaijin.sleep, 0.05) do end
t.raises("^gaijin: busy: ", gaijin.on_death, "victim", print)
t.eventually(function() return gaijin.stats().fibers == base end)
bakaGC()
local function on_death_and_back() for _ = 1, 2000 do gaijin.on_death(object, print)() end end
on_death_and_back()
bakaGC()
local kilobytes = collectgarbage("count")
for _ = 1, 5 do on_death_and_back() end
bakaGC()
t.ok(collectgarbage("count") < kilobytes + 50, "what was taken back is kept: " .. collectgarbage("count") - kilobytes)
local told = 0
gaijin.on_death("victim", function() told = told + 1 end)
gaijin.on_death(object, function() told = told + 1 end)
gaijin.on_death("victim", function() told = told + 100 end)()
gaijin.post(bakaGaijin("victim").stop)
t.eventually(function() return told == 2 end)
t.eventually(function() return not table.concat(gaijin.peers(), " "):find("victim") end)
gaijin.on_death("victim", function() told = told + 1 end)
t.eventually(function() return told == 3 end)
-- chains in which nobody waits
local ping, pong = bakaGaijin("ping"), bakaGaijin("pong")
for _, start in ipairs { "post_on", "spawn_on" } do
  ping.reset()
  pong.reset()
  gaijin.post(ping[start], "pong")
  t.eventually(function() return ping.count() + pong.count() >= 2999 end)
end
t.eq(told, 3)
-- lists of futures have no holes
local done = gaijin.async(function() return 1 end)
t.raises("element 2: future expected, got nil", gaijin.all, { done, nil, done })
t.raises("table of this worker expected", gaijin.all, ping)
t.raises("number expected, got nan", gaijin.sleep, 0 / 0)
t.raises("number expected, got nan", done.get, done, 0 / 0)
t.raises("number expected, got nan", gaijin.timeout, 0 / 0, print)
local ran = false
local unbegun = gaijin.async(function() ran = true end)
t.eq(unbegun:cancel(), true)
gaijin.yield()
gaijin.yield()
t.eq(ran, false)
local failed = gaijin.async(function() error(42, 0) end)
local ok, e = pcall(failed.get, failed)
t.eq(raw_type(e), "number")
