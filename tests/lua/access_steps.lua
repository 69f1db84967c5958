-- gaijin.path asks for each step as the chain of reads would, gaijin.fetch for each table it
-- brings; and a path into a third worker is walked in the name of who asked.
--@ tokens-left
--@ worker C
bakaGaijin.object = { pin = 1234, open = { x = "C's" } }
gaijin.access = function(client, op, _, key)
  return client == "A" or op == "apply" or (op == "get" and key ~= "pin")
end
--@ worker A
local secret = { pin = 1234 }
local open = { x = 1, secret = secret }
local plain = { { { 7 } } }
bakaGaijin.tree = { open = open, secret = secret, hidden = 1, plain = plain, [2] = { open } }
bakaGaijin.link = { to = bakaGaijin("C").object }
local seen = {}
bakaGaijin.seen = function() return table.concat(seen, " ") end
gaijin.access = function(client, op, object, key)
  if op == "get" or op == "apply" then seen[#seen + 1] = op .. ":" .. tostring(key) end
  return object ~= secret and key ~= "hidden"
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local tree, link = A.tree, A.link
t.eq(gaijin.path(tree, "open", "x"), 1)
t.eq(A.seen(), "apply:steps get:open get:x")
local why = "^gaijin: denied: A refuses get to B$"
t.raises(why, gaijin.path, tree, "open", "secret", "pin")
t.raises(why, gaijin.path, tree, "secret", "pin")
t.raises(why, gaijin.path, tree, "hidden")
t.eq(type(gaijin.path(tree, "secret")), "table")
t.eq(gaijin.path(tree, "none"), nil)
t.raises("attempt to index", gaijin.path, tree, "none", "x")
t.eq(gaijin.path(tree), tree)
t.eq(gaijin.path(link, "to", "open", "x"), "C's")
t.raises("^gaijin: denied: C refuses get to B$", gaijin.path, link, "to", "pin")
why = "^gaijin: denied: A refuses apply to B$"
t.raises(why, gaijin.fetch, tree)
t.raises(why, gaijin.fetch, tree.open)
t.raises(why, gaijin.fetch, tree.secret)
t.raises(why, gaijin.fetch, tree[2])
t.raises(why, gaijin.fetch, tree, 2)
t.eq(gaijin.fetch(tree.plain)[1][1][1], 7)
local shallow = gaijin.fetch(tree, 1)
t.ok(isBaka(shallow.secret))
t.raises("^gaijin: denied: ", function() return shallow.secret.pin end)
