-- What was accepted is done or told: by a receiver that stops, and of a sender that ends right after posting.
--@ expect B: a post (call) was not done: gaijin: dead: Gaijin tried accessing dead resource. (S)
--@ broker --window-posts 500
--@ tokens-left
--@ worker count
local n, last = {}, {}
bakaGaijin.add = function(who, i)
  n[who] = (n[who] or 0) + 1
  last[who] = i
end
bakaGaijin.get = function(who) return n[who] or 0, last[who] end
--@ worker S exit=0 flags=--max-fibers,16
local add = bakaGaijin("count").add
bakaGaijin.work = function(i) -- 14 of them are begun, the others wait
  gaijin.wait_for("C", "go", 60)
  gaijin.post(add, "S", i)
end
bakaGaijin.stop = function() gaijin.stop() end
bakaGaijin.waiting = function() return gaijin.stats().posts_waiting end
--@ worker quick once
local add = bakaGaijin("count").add
for i = 1, 3000 do gaijin.post(add, "quick", i) end
--@ worker C
local S = bakaGaijin("S")
local stop, waiting = S.stop, S.waiting
bakaGaijin.waiting = function() return waiting() end
bakaGaijin.stop = function() stop() end
bakaGaijin.open = function() bakaGaijin.go = true end
--@ worker B once
local t = require "t"
local S, get = bakaGaijin("S"), bakaGaijin("count").get
local n, last = get("quick") -- it has ended
t.eq(n, 3000)
t.eq(last, 3000)
local work = S.work
for i = 1, 100 do gaijin.post(work, i) end
t.eventually(function() -- asked by one that has no posts before it
  return bakaGaijin("C").waiting() == 86
end)
bakaGaijin("C").stop() -- nothing new is begun from here on
for i = 1, 50 do gaijin.post(work, i) end
t.eventually(function() return gaijin.stats().posts_failed == 50 end)
t.eq(get("S"), 0)
bakaGaijin("C").open()
t.eventually(function() return get("S") == 100 end)
local _, at_last = get("S")
t.eq(at_last, 100)
