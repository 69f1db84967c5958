-- One way calls: no answer, in order with other requests, and the giver may let go before the taker has it.
--@ expect A: a post of B failed:
--@ worker A
local got = {}
bakaGaijin.take = function(o) got[#got + 1] = o end
bakaGaijin.fail = function() error("on purpose") end
bakaGaijin.callable = setmetatable({}, { __call = function(_, v) got[#got + 1] = v end })
bakaGaijin.count = function() return #got end
bakaGaijin.check = function()
  for i, o in raw_ipairs(got) do
    if type(o) == "table" and o.n ~= i then return "object " .. i .. " has " .. tostring(o.n) end
  end
  got = {}
  bakaGC()
  return "good"
end
--@ worker C exit=0
bakaGaijin.f = function() end
bakaGaijin.finish = function() gaijin.stop() end
--@ worker B once nowait
local t = require "t"
local A = bakaGaijin("A")
local take, count = A.take, A.count
for i = 1, 300 do
  gaijin.post(take, { n = i })
  if i % 50 == 0 then bakaGC() end
end
t.eq(count(), 300, "a call never overtakes an earlier post")
t.eq(A.check(), "good")
gaijin.post(A.callable, "v")
t.eq(count(), 1)
t.eq(select("#", gaijin.post(take, 1)), 0)
gaijin.post(A.fail)
local mine
gaijin.post(function(v) mine = v end, 7)
t.eventually(function() return mine == 7 end)
t.raises("bad argument #1 to 'post' %(function expected, got no value%)", function() gaijin.post() end)
local f = bakaGaijin("C").f
bakaGaijin("C").finish()
t.eventually(function() return not pcall(function() return bakaGaijin("C").f end) end)
t.eventually(function() -- never raises: refused on the way until the death is known here, then counted at once
  local failed = gaijin.stats().posts_failed
  gaijin.post(f)
  return gaijin.stats().posts_failed > failed
end)
local failed = gaijin.stats().posts_failed
for _ = 1, 50 do gaijin.post(f) end
t.eq(gaijin.stats().posts_failed, failed + 50)
A.check()
