-- SPDX-License-Identifier: MIT
--
-- What examples/c/call.c calls: a worker that exposes two functions and then serves.
--
--   build/gaijin-worker -n shop examples/c/shop.lua

local prices = { apple = 2, pear = 3 }

-- price(fruit [, pieces]) -> what it costs, and a sentence.
bakaGaijin.price = function(fruit, pieces)
  pieces = pieces or 1
  local each = prices[fruit]
  if not each then error("we do not sell " .. tostring(fruit)) end
  return each * pieces, pieces .. " x " .. fruit
end

-- stock() -> the table itself: the caller gets a reference to it, not a copy.
bakaGaijin.stock = function() return prices end

gaijin.ready()
