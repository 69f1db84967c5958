-- Beyond --max-fibers a worker answers `busy`, to calls and about posts, and goes on as before when some have ended.
--@ expect A: a post (call) was not done: gaijin: busy: A serves as many requests as it can (20, --max-fibers) or is short of memory
--@ worker A flags=--max-fibers,20
local open = false
bakaGaijin.enter = function(i) while not open do gaijin.sleep(0.001) end return i end
bakaGaijin.figures = function() local s = gaijin.stats() return s.fibers, s.posts_failed end
bakaGaijin.open_at = function(seconds) gaijin.after(seconds, function() open = true end) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local enter, figures, open_at = A.enter, A.figures, A.open_at
open_at(0.2)
local futures, entered, busy = {}, 0, 0
for i = 1, 60 do futures[i] = gaijin.async(enter, i) end
for _ = 1, 5 do gaijin.post(enter, 0) end
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
local fibers, posts_failed = figures()
t.ok(fibers <= 2)
t.eq(posts_failed, 5)
