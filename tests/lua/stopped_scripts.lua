-- A worker that stops cancels what waits and serves nobody, so that it can tidy up: the script and what it spawned.
--@ expect A: script: gaijin: cancelled: gaijin.sleep: the worker is stopping
--@ expect A: spawned: gaijin: cancelled: a future: the worker is stopping
--@ worker A exit=0 nowait
local never, asked = gaijin.wait_for("C", "never"), false
gaijin.spawn(function()
  asked = true
  local ok, e = pcall(never)
  print("spawned: " .. e:gsub("call to worker C", "a future"))
end)
gaijin.every(0.001, function() end)
gaijin.after(60, function() print("never") end)
gaijin.on_death("B", print)
while not asked do gaijin.yield() end
gaijin.ready()
bakaGaijin.stop = function() gaijin.stop() end -- asked for only when the script waits
local ok, e = pcall(gaijin.sleep, 60)
print("script: " .. e)
gaijin.sleep(60) -- raises, quietly
print("not this")
--@ worker C nowait
bakaGaijin.never = function() pcall(gaijin.sleep, 60) end
--@ worker B once
local t = require "t"
gaijin.wait_for("A", "stop")()
t.eventually(function() return table.concat(gaijin.peers()) == "C" end)
