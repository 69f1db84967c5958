-- A thousand requests that wait in calls of others do not delay the next one, whatever the order of the answers. A host in an
-- endless loop harms only those who ask it.
--@ worker A flags=--call-timeout,100
local waiting = 0
bakaGaijin.ask = function(i)
  waiting = waiting + 1
  return bakaGaijin("B").when_released(i)
end
bakaGaijin.waiting = function() return waiting end
bakaGaijin.quick = function() return gaijin.caller() end
bakaGaijin.ask_loop = function() return bakaGaijin("L").loop() end
--@ worker B
local released = {}
bakaGaijin.when_released = function(i)
  while not released[i] do gaijin.sleep(0.1) end -- a thousand of them poll
  return i
end
bakaGaijin.release = function(i) released[i] = true end
--@ worker L signal=9
local pid = io.popen("echo $PPID"):read()
bakaGaijin.pid = function() return pid end
bakaGaijin.loop = function() while true do end end
gaijin.ready()
--@ worker C once flags=--call-timeout,100
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local ask, quick, waiting = A.ask, A.quick, A.waiting
local futures = {}
for i = 1, 1000 do futures[i] = gaijin.async(ask, i) end
t.eventually(function() return waiting() == 1000 end)
for _ = 1, 50 do t.eq(quick(), "C") end
for i = 1, 1000 do t.eq(futures[i]:done(), false) end
local release = B.release
for i = 1000, 2, -1 do gaijin.post(release, i) end
for i = 2, 1000 do t.eq(futures[i]:get(), i) end
t.eq(futures[1]:done(), false)
release(1)
t.eq(futures[1]:get(), 1)
futures = nil
-- the loop
local L = bakaGaijin("L")
local pid = L.pid()
local through_a = gaijin.async(gaijin.timeout, 0.3, A.ask_loop)
t.raises("^gaijin: timeout: call to worker L got no answer in 0%.0%d+ s", gaijin.timeout, 0.05, L.loop)
t.raises("^gaijin: timeout: ", gaijin.timeout, 0.05, function() return L.pid end)
t.eq(quick(), "C")
t.raises("^gaijin: timeout: call to worker A got no answer in 0%.[0-3]%d* s", through_a.get, through_a)
os.execute("kill -9 " .. pid)
t.eventually(function() return #gaijin.peers() == 2 end)
t.eventually(function() bakaGC() A.waiting() return true end)
