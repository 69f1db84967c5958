-- Trees of calls that pass two workers again and again, more of them than windows and fibers have room for: each ends with its value
-- or with `busy`, none waits for its own tree until its time is over.
--@ limit 100
--@ broker --window-posts 8
--@ tokens-left
--@ worker A flags=--max-fibers,24
require("ladder").serve("B")
--@ worker B flags=--max-fibers,24
require("ladder").serve("A")
--@ worker C once
local t = require "t"
local a, b = gaijin.wait_for("A", "tree"), gaijin.wait_for("B", "tree")
t.eq(a(20), 21)
local futures = {}
for i = 1, 300 do
  futures[i] = gaijin.async(i % 2 == 0 and a or b, 6)
end
local done, busy = 0, 0
for i = 1, 300 do
  local ok, v = pcall(futures[i].get, futures[i])
  if ok then
    t.eq(v, 7)
    done = done + 1
  else
    t.ok(tostring(v):find("gaijin: busy: ", 1, true), v)
    busy = busy + 1
  end
end
t.eq(done + busy, 300)
t.ok(done > 0, "none went through")
t.eq(a(20), 21)
t.eq(b(20), 21)
