-- What gaijin.copy gives can be used here like the table that it stands for.
--@ worker A
bakaGaijin.take = function(v) return gaijin.copy(v), raw_type(v) end
bakaGaijin.sum = function(v) return v[1] + v.more[1], raw_type(v.more) end
bakaGaijin.depths = function(v) return raw_type(v.a), raw_type(v.a.b) end
bakaGaijin.table = { 7, far = true }
bakaGaijin.plus = function(list) return setmetatable({}, { __add = function(_, v) return raw_type(v), v[1] end }) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")

-- Reads, writes, length.
local original = { 1, 2, 3, name = "o", inner = { x = 1 } }
local c = gaijin.copy(original)
t.eq(c[2], 2)
t.eq(c.name, "o")
t.eq(c.nothing, nil)
t.ok(rawequal(c.inner, original.inner))
t.eq(#c, 3)
t.eq(len(c), 3)
c[4], c.name = 4, "n"
t.eq(original[4], 4)
t.eq(original.name, "n")
local sent, kind = A.take(c)
t.eq(kind, "table")
t.eq(sent.name, "n", "writes are sent")
t.eq(sent[4], 4)
original.name = "later"
t.eq(A.take(c).name, "later", "what the table has when it is sent")
t.raises("^[^\n]*B%.lua:%d+: table index is nil$", function() c[nil] = 1 end)
t.raises("table index is NaN$", function() c[0 / 0] = 1 end)
t.eq(c[nil], nil)

-- What it is.
t.eq(type(c), "table")
t.eq(raw_type(c), "userdata")
t.eq(isBaka(c), false)
t.eq(tostring(c), tostring(original))
t.ok(c == gaijin.copy(original))
t.ok(c ~= gaijin.copy {})
t.ok(not rawequal(c, gaijin.copy(original)))

-- The library.
local seen = {}
for k, v in pairs(c) do seen[k] = v end
t.eq(seen.name, "later")
t.eq(seen[4], 4)
local n = 0
for i, v in ipairs(c) do n = n + i * v end
t.eq(n, 1 + 4 + 9 + 16)
t.eq(next(gaijin.copy { key = 1 }), "key")
t.eq(next(gaijin.copy { key = 1 }, "key"), nil)
local a, b, d, e = unpack(c)
t.eq(a + b + d + e, 10)
t.eq(rawget(c, "name"), "later")
t.ok(rawequal(rawset(c, "name", "raw"), c))
t.eq(original.name, "raw")
table.insert(c, 5)
t.eq(original[5], 5)
t.eq(table.remove(c), 5)
t.eq(table.concat(c, "-"), "1-2-3-4")
table.sort(c, function(x, y) return x > y end)
t.eq(original[1], 4)
table.sort(c)
t.eq(table.maxn(c), 4)
t.eq(table.getn(c), 4)
local date = { year = 2000, month = 1, day = 1, hour = 12 }
t.eq(os.time(gaijin.copy(date)), os.time(date))
t.eq((next(bakaGaijin)), nil)
local list = gaijin.copy { 5, 6 }
n = 0
table.foreachi(list, function(i, v) n = n + v end)
table.foreach(list, function(k, v) n = n + v end)
t.eq(n, 22)
t.eq(("$name"):gsub("%$(%w+)", c), "raw")
t.eq(gaijin.path(c, "inner", "x"), 1)
t.ok(rawequal(gaijin.fetch(c), c))
t.raises("bad argument #2 to 'insert' %(number expected, got string%)", function() table.insert(c, "x", 1) end)

-- Metatables are those of the table.
t.eq(getmetatable(c), nil)
local meta = {}
meta.__index = function(_, k) return k == "missing" and "found" or nil end
meta.__call = function(self, x) return rawequal(self, original), x end
meta.__add = function(x, y) return (raw_type(x) == "table" and x[1] or x) + (raw_type(y) == "table" and y[1] or y) end
meta.__unm = function(x) return -x[1] end
meta.__concat = function(x, y) return "joined" end
meta.__lt = function(x, y) return #x < #y end
meta.__eq = function(x, y) return x.id == y.id end
meta.__tostring = function(x) return "text" end
t.ok(rawequal(setmetatable(c, meta), c))
t.ok(rawequal(getmetatable(original), meta))
t.ok(rawequal(getmetatable(c), meta))
t.ok(rawequal(debug.getmetatable(c), meta))
local other = gaijin.copy(setmetatable({ 9, 9, 9, 9, 9, 9 }, meta))
t.eq(c.missing, "found")
local same, x = c(7)
t.eq(same, true)
t.eq(x, 7)
local yielding = gaijin.copy(setmetatable({}, { __call = function(_, v) return coroutine.yield(v) end }))
local step = coroutine.wrap(function(v) return "ended", yielding(v) end)
t.eq(step(1), 1)
t.eq(select("#", step(2, nil)), 3)
t.eq(c + 1, 2)
t.eq(1 + c, 2)
t.eq(c + other, 10)
t.eq(-c, -1)
t.eq(c .. "x", "joined")
t.eq("x" .. c, "joined")
t.ok(c < other and c <= other and other > c and not (other <= c))
t.ok(c == other, "equal ids, nil")
original.id = 1
t.ok(c ~= other)
t.eq(tostring(c), "text")
setmetatable(c, nil)
t.eq(getmetatable(original), nil)
t.eq(setmetatable({}, gaijin.copy { __index = { k = "v" } }).k, "v")
t.raises("^[^\n]*B%.lua:%d+: attempt to perform arithmetic on a table value$", function() return c + 1 end)
t.raises("^[^\n]*B%.lua:%d+: attempt to concatenate a table value$", function() return "x" .. c end)
t.raises("^[^\n]*B%.lua:%d+: attempt to call a table value$", function() return (c()) end)
t.raises("^[^\n]*B%.lua:%d+: attempt to compare two table values$", function() return c < list end)
t.raises("^[^\n]*B%.lua:%d+: attempt to compare two table values$", function() return c <= list end)

-- Copies in copies, of copies, of remote tables.
local outer = gaijin.copy { 1, more = list }
t.ok(rawequal(outer.more, list))
t.eq(outer.more[2], 6)
n, kind = A.sum(outer)
t.eq(n, 6)
t.eq(kind, "table")
t.ok(rawequal(gaijin.copy(c), c), "a copy of a copy is that copy")
local deep = gaijin.copy { a = { b = {} } }
local ka, kb = A.depths(deep)
t.eq(kb, "table")
local shallow = gaijin.copy(deep, 1)
t.ok(shallow == deep and not rawequal(shallow, deep))
t.eq((A.depths(shallow)), "userdata")
t.eq((A.depths(gaijin.copy(deep, 2))), "table")
ka, kb = A.depths(deep)
t.eq(ka, "table")
t.eq(kb, "table")
local far = A.table
t.ok(rawequal(gaijin.copy(far), far), "what is no table of ours stays what it is")
t.eq(gaijin.copy(far)[1], 7)

-- Beside a remote operand it is sent, by value.
local plus = A.plus()
t.eq((plus + gaijin.copy { 3 }), "table")
t.eq((gaijin.copy { 3 } + setmetatable({}, { __add = function(l) return raw_type(l) end })), "table")

-- In compiled code.
n = 0
for i = 1, 300 do
  local one = gaijin.copy { i }
  if type(one) == "table" and #one == 1 then n = n + one[1] end
  one[1] = 0
  for _, v in ipairs(one) do n = n + v end
  table.insert(one, 1)
  n = n + unpack(one, 2)
end
t.eq(n, 300 * 301 / 2 + 300)

-- Its insides stay ours.
for _, name in ipairs { "getfenv", "setfenv", "setmetatable" } do
  t.raises("^gaijin: unsupported: debug%.%a+ of a future or a copy$", debug[name], c, {})
end
t.eq(raw_getmetatable(c), "gaijin")
-- Where the library wants a table, a copy is one.
t.eq(os.time(gaijin.copy { year = 2001, month = 2, day = 3 }), os.time { year = 2001, month = 2, day = 3 })
do
  local environment = { known = 5 }
  t.eq(setfenv(function() return known end, gaijin.copy(environment))(), 5)
  t.eq(debug.setfenv(function() return known end, gaijin.copy(environment))(), 5)
  local o = {}
  debug.setmetatable(o, gaijin.copy(environment))
  t.eq(getmetatable(o), environment)
end
original, c, other, deep, shallow, far, plus, list, outer, sent = nil
bakaGC()
