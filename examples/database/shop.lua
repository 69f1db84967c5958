-- SPDX-License-Identifier: MIT
--
-- shop fills the database of store and sells, with statements that store has prepared for it.
gaijin.wait_for("store", "transaction", 20) -- all start at once; this is the last thing that store exposes
local store = bakaGaijin("store")

-- Prepared here once; the text and the escaping stay in store.
local add_item = store.prepare "insert into item values (?, ?)"
local add_sale = store.prepare "insert into sale values (?, ?, ?)"
for name, price in pairs { apple = 30, pear = 45, ["O'Hara's quince"] = 120 } do add_item(name, price) end

-- An error of SQLite comes through as it was raised.
local ok, why = pcall(add_item, "apple", 31)
assert(not ok and why:find("^store: .*UNIQUE constraint failed: item.name"), why)
print("refused: " .. why)

local known = store.prepare "select count(*) from item where name = ?"

-- The function runs here, between a begin and an end in store; when a part of it fails, the parts before are undone.
local sold = {}
local function sell(buyer, basket)
  store.transaction(function()
    for item, pieces in pairs(basket) do
      assert(store.first(known(item)) == 1, "no item " .. item)
      add_sale(item, pieces, buyer)
    end
  end)
  for item, pieces in pairs(basket) do
    sold[#sold + 1] = item
    store.sold(item, pieces, buyer)
  end
end

bakaGaijin.filled = true
gaijin.ready()
gaijin.wait_for("report", "listens", 20)
sell("ann", { apple = 4, pear = 1 })
sell(nil, { ["O'Hara's quince"] = 2 }) -- an unknown buyer: nil arrives as null
ok, why = pcall(sell, "bob", { apple = 100, melon = 1 })
assert(not ok and why:find "no item melon", why)
ok, why = pcall(sell, "bob", { pear = 0 })
assert(not ok and why:find "CHECK constraint failed", why)
assert(#sold == 3)
print("sold 3 items; two sales were undone")

-- A cursor of store's, handed on to report, which reads it while we do.
bakaGaijin.cursor = assert(store.db:execute "select name, price from item order by price")
bakaGaijin.next_row = function() return bakaGaijin.cursor:fetch() end

function bakaGaijin.stop() gaijin.after(0, gaijin.stop) end
bakaGaijin.finished = true
