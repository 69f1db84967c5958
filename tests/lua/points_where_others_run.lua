-- Each touch of a remote value is a point where other requests run; between two of them a handler runs alone. So read and write by
-- two touches loses updates, and a function at the host does not.
--@ worker A
local inside, entered, overlaps, switches = 0, 0, 0, 0
bakaGaijin.stock = { apples = 0 }
bakaGaijin.take = function(n)
  local stock = bakaGaijin.stock
  stock.apples = stock.apples - n
end
bakaGaijin.alone = function() -- no touch inside
  inside = inside + 1
  for _ = 1, 20000 do
    if inside ~= 1 then overlaps = overlaps + 1 end
  end
  inside = inside - 1
end
bakaGaijin.touching = function(remote)
  entered = entered + 1
  local mine = entered
  local _ = remote.x
  if entered ~= mine then switches = switches + 1 end
end
bakaGaijin.figures = function() return overlaps, switches end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local stock, take, alone, touching, figures = A.stock, A.take, A.alone, A.touching, A.figures
local function many(n, f, ...)
  local futures = {}
  for i = 1, n do futures[i] = gaijin.async(f, ...) end
  for i = 1, n do futures[i]:get() end
end
many(100, take, 1)
t.eq(stock.apples, -100)
many(50, alone)
many(50, touching, { x = 1 })
local overlaps, switches = figures()
t.eq(overlaps, 0)
t.ok(switches > 0, "nobody ran while a handler touched a remote value")
stock.apples = 0
many(100, function() stock.apples = stock.apples + 1 end) -- two touches: all read before any has written
t.ok(stock.apples < 100, stock.apples)
