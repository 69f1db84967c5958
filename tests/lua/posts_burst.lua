-- A burst of posts slows its sender down and is done as a whole, in order; calls do not overtake it, other callers are served meanwhile.
--@ limit 60
--@ worker sink
local n, wrong = 0, 0
bakaGaijin.add = function(i)
  if i ~= n + 1 then wrong = wrong + 1 end
  n = i
end
bakaGaijin.count = function() return n, wrong, gaijin.stats().posts_failed, gaijin.stats().fibers end
bakaGaijin.quick = function() return gaijin.caller() end
--@ worker other
local ended, calls
bakaGaijin.start = function()
  local quick = bakaGaijin("sink").quick
  gaijin.spawn(function()
    calls = 0
    while not ended do
      if quick() ~= "other" then error("another caller") end
      calls = calls + 1
    end
  end)
end
bakaGaijin.finish = function() ended = true return calls end
--@ worker source once
local t = require "t"
local sink, other = bakaGaijin("sink"), bakaGaijin("other")
local add, count = sink.add, sink.count
other.start()
local N = t.share(200000)
for i = 1, N do
  gaijin.post(add, i)
  if i % 20011 == 0 then t.eq(count(), i, "a call never overtakes an earlier post") end
end
local n, wrong, failed, fibers = count()
t.eq(n, N)
t.eq(wrong, 0)
t.eq(failed, 0)
t.ok(fibers < 600, fibers)
t.eq(gaijin.stats().posts_failed, 0)
t.ok(gaijin.stats().queued_bytes < 1e6)
t.ok(other.finish() > 0)
