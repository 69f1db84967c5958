--@ worker A
bakaGaijin.take = function(v) return raw_type(v), v end
bakaGaijin.inspect = function(v)
  return raw_type(v.list), v.list[3], v.shared == v.again, v.self == v, v.list[4] == nil, raw_type(v.f), v.f and v.f()
end
local inner = { deep = { deeper = { x = 7 } } }
bakaGaijin.tree = { a = inner, b = inner, n = 1, f = function() return "A's" end }
bakaGaijin.tree.me = bakaGaijin.tree
bakaGaijin.echo = function(...) return ... end
bakaGaijin.copied = function() return gaijin.copy { 1, { 2 } }, "second" end
bakaGaijin.link = { to = nil }
--@ worker C
bakaGaijin.root = { x = { y = "C's" } }
bakaGaijin.link_a = function() bakaGaijin("A").link.to = bakaGaijin.root end
bakaGaijin.unlink = function() bakaGaijin("A").link.to = nil bakaGC() end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local shared = {}
local v = { list = { 1, 2, 3 }, shared = shared, again = shared, f = function() return "B's" end }
v.self = v
local lt, third, same, cyclic, no4, ft, f = A.inspect(gaijin.copy(v))
t.eq(lt, "table")
t.eq(third, 3)
t.eq(same, true)
t.eq(cyclic, true)
t.eq(ft, "function")
t.eq(f, "B's", "functions stay references")
t.eq((A.take(gaijin.copy {})), "table")
t.eq((A.take({})), "userdata")
t.eq(gaijin.copy(5), 5)
local back = A.echo(gaijin.copy { [1.5] = true, ["a\0b"] = false, [true] = 0 / 0 })
t.eq(raw_type(back), "userdata", "what was copied to A comes back as A's table")
t.eq(back[1.5], true)
t.eq(back["a\0b"], false)
local c, second = A.copied()
t.eq(raw_type(c), "table")
t.eq(c[2][1], 2)
t.eq(second, "second")
local tree = gaijin.fetch(A.tree)
t.eq(raw_type(tree), "table")
t.eq(tree.a.deep.deeper.x, 7)
t.ok(tree.a == tree.b and tree.me == tree)
t.eq(tree.f(), "A's")
local shallow = gaijin.fetch(A.tree, 1)
t.eq(raw_type(shallow), "table")
t.eq(raw_type(shallow.a), "userdata")
t.ok(rawequal(shallow.me, shallow))
t.eq(raw_type(gaijin.fetch(A.tree, 2).a), "table")
t.eq(raw_type(gaijin.fetch(A.tree, 2).a.deep), "userdata")
t.eq(gaijin.path(A.tree, "a", "deep", "deeper", "x"), 7)
t.eq(gaijin.path({ x = { y = 1 } }, "x", "y"), 1)
bakaGaijin("C").link_a()
t.eq(gaijin.path(A.link, "to", "x", "y"), "C's", "across hosts")
t.raises("attempt to index", gaijin.path, A.tree, "no", "way")
t.raises("gaijin: too_large: ", A.take, gaijin.copy { ("x"):rep(17 * 1024 * 1024) })
local big = {}
for i = 1, 20000 do big[i] = { i } end
t.eq(#gaijin.fetch(A.echo(gaijin.copy(big))), 20000)
tree, shallow, back, c = nil
collectgarbage()
bakaGaijin("C").unlink()
