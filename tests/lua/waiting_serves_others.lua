-- A worker that waits for one call serves others; answers may come in any order.
--@ worker A
local B
local released = {}
bakaGaijin.slow = function(key)
  while not released[key] do gaijin.sleep(0.002) end
  return key
end
bakaGaijin.release = function(key) released[key] = true end
bakaGaijin.fast = function(x) return x + 1 end
bakaGaijin.via_b = function(key) return bakaGaijin("B").ask(key) end
--@ worker B
bakaGaijin.ask = function(key) return bakaGaijin("A").slow(key) end
bakaGaijin.id = function(x) return x end
--@ worker C once
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local done = {}
for i = 1, 50 do
  gaijin.spawn(function()
    t.eq(A.via_b(i), i)
    done[#done + 1] = i
  end)
end
for i = 1, 20 do
  t.eq(A.fast(i), i + 1)
  t.eq(B.id(i), i)
end
t.eq(#done, 0)
for i = 50, 1, -1 do
  A.release(i)
  t.eventually(function() return #done == 51 - i end)
  t.eq(done[#done], i, "the latest released is the first done")
end
