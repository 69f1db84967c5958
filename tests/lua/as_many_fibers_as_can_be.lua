-- When the fibers that one worker may have are used up (seven eighths of --max-fibers), what it asks beyond waits in its order and is
-- done when some have ended. Others find fibers meanwhile.
--@ tokens-left
--@ worker A flags=--max-fibers,20
local posted, entered, order = 0, 0, true
bakaGaijin.posted = function() return posted end
bakaGaijin.enter = function(i)
  if i == 0 then posted = posted + 1 else order, entered = order and i == entered + 1, entered + 1 end
  gaijin.wait_for("B", "open")
  return i
end
bakaGaijin.figures = function()
  local s = gaijin.stats()
  return entered, order, s.fibers, s.posts_failed, s.posts_waiting
end
--@ worker C
local figures = bakaGaijin("A").figures
bakaGaijin.figures = function() return figures() end
--@ worker B once
local t = require "t"
local enter, figures = bakaGaijin("A").enter, bakaGaijin("C").figures
local futures = {}
for i = 1, 60 do futures[i] = gaijin.async(enter, i) end
for _ = 1, 5 do gaijin.post(enter, 0) end
t.eventually(function()
  local entered, _, _, _, waiting = figures()
  return entered >= 17 and waiting == 5 -- one may be had by the one that says so
end)
local entered = figures()
t.ok(entered >= 17 and entered <= 18, entered)
for i = 1, 60 do t.eq(futures[i]:done(), false) end
bakaGaijin.open = true
for i = 1, 60 do t.eq(futures[i]:get(), i) end
for i = 61, 160 do t.eq(enter(i), i) end
local all, order, fibers, posts_failed, posts_waiting = figures()
t.eq(all, 160)
t.eq(order, true)
t.eq(posts_failed, 0)
t.eq(posts_waiting, 0)
t.eventually(function() _, _, fibers = figures() return fibers <= 2 end)
t.eq(bakaGaijin("A").posted(), 5)
