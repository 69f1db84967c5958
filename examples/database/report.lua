-- SPDX-License-Identifier: MIT
--
-- report hears of sales as they happen and counts them in the database afterwards. Both must agree.
gaijin.wait_for("shop", "filled", 20)
local store = bakaGaijin("store")
local db = store.db

local heard, earned = 0, 0
local price = store.prepare "select price from item where name = ?"
-- Called by store, runs here, and asks store again meanwhile.
store.listen(function(item, pieces, buyer)
  heard = heard + pieces
  earned = earned + pieces * store.first(price(item))
  print(("%s bought %d x %s"):format(buyer or "somebody", pieces, item))
end)

function bakaGaijin.stop() gaijin.after(0, gaijin.stop) end
bakaGaijin.listens = true
gaijin.ready()

-- shop's sales have been made when this is there. The cursor lives in store, came from shop, and each row is a round trip.
local cursor = gaijin.wait_for("shop", "cursor", 20)
local first, cheap = cursor:fetch()
local second = bakaGaijin("shop").next_row() -- shop takes a row of the same cursor
-- By name: fetch(table, "a") fills a table of store's; gaijin.copy{} makes one there. gaijin.fetch brings the content here.
local third = gaijin.fetch(cursor:fetch(gaijin.copy {}, "a"))
assert(first == "apple" and cheap == 30 and second == "pear", "the first two rows")
assert(third.name == "O'Hara's quince" and third.price == 120, "the third row")
assert(cursor:fetch() == nil and pcall(cursor.fetch, cursor) == false, "the cursor closes itself after its last row")

local total, pieces = store.first(db:execute "select sum(price * pieces), sum(pieces) from sale join item on item = name")
print(("the database has %d pieces for %d; heard of %d for %d"):format(pieces, total, heard, earned))
assert(pieces == 7 and total == 405, "what is in the database")
assert(heard == pieces and earned == total, "what was heard")
assert(store.first(db:execute "select count(*) from sale where buyer is null") == 1, "nil arrived as null")

local ok, why = pcall(store.prepare "select nonsense from nowhere")
assert(not ok and why:find "no such table: nowhere", why)
bakaGaijin.finished = true
