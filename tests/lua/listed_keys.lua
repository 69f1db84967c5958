-- The keys that pairs lists for others are bounded for each of them, and go with who asked.
--@ limit 60
--@ worker H flags=--max-decoded,4718592
local big = {}
for i = 1, 30000 do big["k" .. i] = i end
bakaGaijin.big = big
bakaGaijin.memory = function() collectgarbage() return collectgarbage "count" end
--@ worker G once nowait
-- Opens traversals and keeps them, as many as it may; ends with all of them.
local t = require "t"
local big = gaijin.wait_for("H", "big", 10)
local kept, why = {}
for i = 1, 100 do
  local ok, iterate = pcall(pairs, big)
  if not ok then why = iterate break end
  kept[i] = iterate
end
t.ok(why:find "^gaijin: busy: pairs has listed as many keys for G as it may %(of 4718592 bytes for all%)")
t.eq(#kept, 2)
bakaGaijin.full = true
gaijin.wait_for("V", "done", 30)
--@ worker V once
local t = require "t"
local big = gaijin.wait_for("H", "big", 10)
gaijin.wait_for("G", "full", 30)
local n = 0
for k, v in pairs(big) do n = n + (k == "k" .. v and 1 or 0) end
t.eq(n, 30000)
local ended
gaijin.on_death("G", function() ended = true end)
bakaGaijin.done = true
repeat gaijin.sleep(0.01) until ended
-- What G had is free for all again.
local kept = {}
for i = 1, 2 do
  local ok, iterate
  repeat ok, iterate = pcall(pairs, big) until ok
  kept[i] = iterate
end
t.raises("^gaijin: busy: ", pairs, big)
