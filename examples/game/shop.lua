-- SPDX-License-Identifier: MIT
--
-- shop sells things, which are objects of its own: whoever has bought one holds it. It can be replaced while it is used:
--
--   gaijinctl restart shop                              under a supervisor
--   gaijin-worker --succeed examples/game/shop.lua      without one
--
-- The new one takes the stock over. From that moment on the old one hands to it whatever it is still asked to sell, so nothing
-- is sold twice or lost; and it serves what it has sold until nobody has any of it, or for --linger.
local before = bakaGaijin("shop").hand_over -- of the one that has the name; nil: there is none
local prices = { sword = 5, potion = 1 }
local stock, successor
local sold = 0

local function buy(player, what)
  if successor then return successor(player, what) end
  while not stock do gaijin.sleep(0.001) end -- it is on its way
  if (stock[what] or 0) == 0 then return nil, "there is no " .. what end
  stock[what], sold = stock[what] - 1, sold + 1
  player.gold = player.gold - prices[what]
  return { name = what, use = function(by) by.health = by.health + 1 end }
end

function bakaGaijin.hand_over(new_buy)
  successor = new_buy
  return gaijin.copy { stock = stock, sold = sold }
end

if before then
  local taken = before(buy)
  stock, sold = taken.stock, taken.sold
else
  stock = { sword = 10, potion = 1e6 }
end
bakaGaijin.buy = buy
function bakaGaijin.count() return stock.potion + stock.sword + sold, sold end
bakaGaijin.stop = function() gaijin.stop() end
