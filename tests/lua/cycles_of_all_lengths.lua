-- Rings over 2 to 12 workers, with chains that end in further rings, and one that goes by way of its own worker: two rounds, and all is
-- gone. What is used by the end of a chain stays, and goes in two more rounds when it is not used any more.
--@ limit 400
--@ broker --cycle-time=0
--@ worker R
require "looker"
--@ worker W1 flags=--cycle-pause,1.5
require "ring"
--@ worker W2 flags=--cycle-pause,1.5
require "ring"
--@ worker W3 flags=--cycle-pause,1.5
require "ring"
--@ worker W4 flags=--cycle-pause,1.5
require "ring"
--@ worker W5 flags=--cycle-pause,1.5
require "ring"
--@ worker W6 flags=--cycle-pause,1.5
require "ring"
--@ worker W7 flags=--cycle-pause,1.5
require "ring"
--@ worker W8 flags=--cycle-pause,1.5
require "ring"
--@ worker W9 flags=--cycle-pause,1.5
require "ring"
--@ worker W10 flags=--cycle-pause,1.5
require "ring"
--@ worker W11 flags=--cycle-pause,1.5
require "ring"
--@ worker W12 flags=--cycle-pause,1.5
require "ring"
--@ worker B once flags=--call-timeout,0
local t = require "t"
local look = bakaGaijin("R").look
local W, made = {}, 0
for i = 1, 12 do
  local worker = bakaGaijin("W" .. i)
  W[i] = { make = worker.make, close = worker.close, left = worker.left, collect = worker.collect }
end
local function make(i, ...)
  made = made + 1
  return W[(i - 1) % 12 + 1].make(...)
end
-- n objects of as many workers from the k-th on, the first of which holds `tail`, too.
local function ring(n, k, tail)
  local first = make(k, tail)
  local object = first
  for i = k + n - 1, k + 1, -1 do object = make(i, object) end
  W[(k - 1) % 12 + 1].close(first, object)
  return first
end
local function chain(n, k, object)
  for i = k, k + n - 1 do object = make(i, object) end
  return object
end
local function count()
  local left = 0
  for i = 1, 12 do left = left + W[i].left() end
  return left
end
-- Everybody collects until nobody finds anything: what was held by what was garbage, and so on along a chain.
local function settle()
  local before
  repeat
    before = count()
    bakaGC()
  until count() == before
  return before
end
local function make_garbage()
  for n = 2, 12 do ring(n, n, chain(5, n + 3, ring(2, n + 6))) end
  local first = make(1)
  W[1].close(first, make(2, make(1, make(2, make(1, first))))) -- W1 has its own object by way of W2's
end
make_garbage()
t.eq(made, 77 + 11 * 5 + 11 * 2 + 5)
t.eq(settle(), made, "without rounds they stay")
look()
look()
t.eq(settle(), 0, "left after two rounds")
-- The same, used by one end of a chain.
made = 0
local used = chain(6, 1, ring(5, 2, chain(3, 4, ring(3, 7))))
make_garbage()
settle()
for _ = 1, 8 do look() end -- live chains fall away a layer in a turn, if workers tell no edges
t.eq(settle(), 6 + 5 + 3 + 3)
local at = used
for _ = 1, 6 do at = at[1] end
for _ = 1, 5 do at = at.other or at[1] end
t.ok(at)
used, at = nil, nil
bakaGC()
look()
look()
t.eq(settle(), 0)
