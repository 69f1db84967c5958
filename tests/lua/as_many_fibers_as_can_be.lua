-- Beyond --max-fibers a worker answers calls with `busy`, keeps posts waiting, and goes on as before when some have ended.
--@ worker A flags=--max-fibers,20
local posted = 0
bakaGaijin.posted = function() return posted end
bakaGaijin.enter = function(i) if i == 0 then posted = posted + 1 end gaijin.wait_for("B", "open") return i end
bakaGaijin.figures = function() local s = gaijin.stats() return s.fibers, s.posts_failed, s.posts_waiting end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local enter, figures = A.enter, A.figures
local futures, entered, busy = {}, 0, 0
for i = 1, 60 do futures[i] = gaijin.async(enter, i) end
for _ = 1, 5 do gaijin.post(enter, 0) end
t.eventually(function() -- the others are inside
  local done = 0
  for i = 1, 60 do if futures[i]:done() then done = done + 1 end end
  return done >= 40
end)
bakaGaijin.open = true
for i = 1, 60 do
  local ok, v = pcall(futures[i].get, futures[i])
  if ok then
    t.eq(v, i)
    entered = entered + 1
  else
    t.ok(v:find("^gaijin: busy: A serves as many requests as it can"), v)
    busy = busy + 1
  end
end
t.eq(entered + busy, 60)
t.ok(entered >= 18 and entered <= 20, entered)
for i = 1, 100 do t.eq(enter(i), i) end
local fibers, posts_failed, posts_waiting = figures()
t.ok(fibers <= 2)
t.eq(posts_failed, 0)
t.eq(posts_waiting, 0)
t.eq(A.posted(), 5)
