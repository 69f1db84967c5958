-- A handler, or a script, that tries again and again although it was cancelled or its time is over keeps nobody from running; nor
-- does one that polls.
--@ expect R: 4 requests still under way after 0.1 s; they are cancelled
--@ worker R exit=0 flags=--grace,0.1
local begun = 0
bakaGaijin.retry = function()
  begun = begun + 1
  while true do pcall(gaijin.sleep, 60) end
end
bakaGaijin.remote_retry = function(f)
  begun = begun + 1
  while true do pcall(f) end
end
bakaGaijin.begun = function() return begun end
bakaGaijin.count_retries = function() -- of a tenth of a second
  local n, till = 0, gaijin.now() + 0.1
  pcall(gaijin.sleep, 60)
  local begun = gaijin.now()
  while gaijin.now() < till do
    pcall(gaijin.sleep, 60)
    n = n + 1
  end
  R_retries, R_seconds = n, gaijin.now() - begun
end
bakaGaijin.retries = function() return R_retries, R_seconds end
-- a callback that takes longer than its interval
local busy = true
gaijin.every(0.001, function()
  local till = gaijin.now() + 0.003
  while busy and gaijin.now() < till do end
end)
bakaGaijin.rest = function() busy = false end
bakaGaijin.alive = function() return true end
bakaGaijin.stop = function() gaijin.stop() end
gaijin.spawn(function()
  gaijin.timeout(0.01, function() while true do pcall(gaijin.sleep, 60) end end)
end)
--@ worker B once
local t = require "t"
local R = bakaGaijin("R")
local alive, stop = R.alive, R.stop
local function here() return true end
for _, retry in ipairs { R.retry, R.remote_retry } do
  local future = gaijin.async(retry, here)
  t.eq(alive(), true)
  future:cancel()
  for _ = 1, 20 do t.eq(alive(), true) end
  -- Its time may be over before it has begun: then another one shall.
  local before = R.begun()
  repeat t.raises("^gaijin: timeout: ", gaijin.timeout, 0.01, retry, here) until R.begun() > before
  for _ = 1, 20 do t.eq(alive(), true) end
end
local counting = gaijin.async(R.count_retries)
t.eq(alive(), true)
counting:cancel()
t.eventually(R.retries)
local retries, seconds = R.retries()
t.ok(retries <= seconds / 0.01 + 3, retries .. " retries in " .. seconds .. " s keep the processor busy")
R.rest()
-- here
local ticks = 0
local stop_ticks = gaijin.every(0.001, function() ticks = ticks + 1 end)
t.raises("^enough$", gaijin.timeout, 0.005, function()
  while ticks < 10 do pcall(gaijin.sleep, 60) end
  error("enough", 0)
end)
stop_ticks()
local done = gaijin.async(function() gaijin.sleep(0.005) return "done" end)
local ok, e
repeat ok, e = pcall(done.get, done, 0) until ok
t.eq(e, "done")
stop()
t.eventually(function() return #gaijin.peers() == 0 end)
