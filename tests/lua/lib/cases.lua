-- SPDX-License-Identifier: MIT
--
-- The assertions of the transparency suite: each takes fresh objects (objects.lua) and returns what is to be the same
-- wherever the objects live. An error is an outcome too.
local cases = {}
local function case(name, f) cases[#cases + 1] = { name = name, f = f } end
-- Makes a case of each line of Lua text, an expression or a list of them with o as the objects.
local function each(group, text)
  for line in text:gmatch("[^\n]+") do
    line = line:match("^%s*(.-)%s*$")
    if line ~= "" then
      local code = line:match("^return ") and line or line:match("^do ") and line or "return " .. line
      local f = assert(loadstring("local o = ...\n" .. code, "=" .. group), line)
      case(group .. ": " .. line, f)
    end
  end
end

each("types", [[
  type(o), type(o.list), type(o.id), type(o.co), type(o.u), type(o.plain_u), type(o.upper), type(o.nope), type(o.yes), type(o.list[1])
  o.type_of(o.list), o.type_of(o.id), o.type_of(o.co), o.type_of(o.u), o.type_of(nil), o.type_of({}), o.type_of(print)
  o.print_type(o.co), o.print_type(o.u), o.print_type(1)
]])
each("values", [[
  o.nan ~= o.nan, o.yes, o.no, o.nope
  unpack(o.id({ o.id(nil, 1, nil) }, nil) and { 1 })
  o.count(), o.count(nil), o.count(nil, nil), o.count(1, nil, 3, nil)
  o.id(), "and", o.id(nil), o.id(nil, 1)
  o.varnil()
  select("#", o.varnil()), select("#", o.none()), select("#", o.id(nil, nil, nil))
  o.nth(3, 1, nil, "third", nil)
  select("#", o.many(250)), (select(250, o.many(250)))
  o.id("a\0b"), o.id("\255"), #o.id(("x"):rep(1000)), o.id("")
  o.id(2 ^ 53), o.id(2 ^ 53 + 2), o.id(1 / 0), o.id(-1 / 0), 1 / o.id(-0.0), o.id(0.1), o.id(-2 ^ 31)
  o.id(true), o.id(false)
  o.map[3], o.map[2.5], o.map[true], o.map[false], o.map.zzz
  o.map[nil]
  o.map[0 / 0]
]])
for i = 1, 20 do each("numbers", "o.numbers[" .. i .. "]; ") end
for i = 1, 6 do each("strings", "o.strings[" .. i .. "], #o.strings[" .. i .. "]") end
each("reading and writing", [[
  o.nested.a.b.c.d
  o.nested.a.b.c.d.e
  o.nested.x.y
  o.list[1], o.list[4], o.list[5], o.list["1"], o.list[1.0]
  do o.list[5] = 50 return #o.list, o.list[5] end
  do o.list[2] = nil return o.list[2] end
  do o.map.new = "v" return o.map.new, o.get(o.map, "new") end
  do o.map[nil] = 1 end
  do o.map[0 / 0] = 1 end
  do o.map[o.list] = o.id return rawequal(o.map[o.list], o.id), o.map[o.list](5) end
  do o.empty[o.empty] = o.empty return rawequal(o.empty[o.empty], o.empty), rawequal(o.empty[o.empty][o.empty], o.empty) end
  do o.set(o.list, 1, "s") return o.list[1] end
  do local t = {} o.set(t, "k", o.list) return rawequal(t.k, o.list) end
  do local t = { 1, 2 } o.fill(t, 5) return t[5], #t end
  do local t = o.fill({}, 3) return t[1], t[2], t[3] end
  rawequal(o.list, o.list), rawequal(o.id, o.id), rawequal(o.co, o.co), rawequal(o.u, o.u), o.is_list(o.list), o.is_list({})
  rawequal(o.self_returning(), o.self_returning)
  o.id.x
  do o.id.x = 1 end
  o.co.x
  do o.co.x = 1 end
  o.yes.x
]])
each("length", [[
  #o.list, #o.empty, #o.words, #o.strings
  #o.lenient
  #o.id
  #o.co
  #o.u
  #o.plain_u
  len(o.list), len("abc"), len(o.empty)
  len(o.id)
  o.len(o.list), o.len({ 1, 2, 3 })
]])
each("calls", [[
  o.add(1, 2), o.add("1", 2)
  o.add({}, 1)
  o.add(nil, 1)
  o.apply(o.add, 3, 4)
  o.apply(function(...) return select("#", ...), ... end, 1, nil, 3)
  o.apply(math.max, 3, 9, 2)
  o.compose(o.upper, o.rep)("ab", 2)
  o.compose(function(x) return x * 2 end, o.sqrt)(16)
  do local c = o.counter() c() c() return c() end
  o.upper("abc"), o.rep("ab", 3), o.floor(2.7), o.sqrt(16)
  o.upper()
  o.upper({})
  o.sum({ 1, 2, 3 }), o.sum(o.list)
  o.keys({ a = 1, b = 2 }), o.keys(o.map)
  o.list()
  o.nope()
  o.nested.a()
  o.co()
  o.plain_u()
  ("x"):gsub("x", o.upper)
  ("abc"):gsub("%w", o.upper)
  ("hello world"):gsub("%w+", o.upper, 1)
  do local n = 0 o.each({ a = 1, b = 2 }, function(k, v) n = n + v end) return n end
  do local n = 0 o.each(o.list, function(k, v) n = n + k * v end) return n end
  do local t = o.map_with({ 1, 2 }, function(v) return { v } end) return t[2][1] end
  do local t = o.map_with(o.words, o.upper) return t[1], t[2], t[3] end
  pcall(o.add, 1, 2)
  pcall(pcall, o.add, 1, 2)
  coroutine.wrap(o.id)(1, nil, 3)
  coroutine.wrap(function() return o.apply(o.add, 1, 2) end)()
  coroutine.resume(coroutine.create(o.add), 1, 2)
]])
each("errors", [[
  o.raise("text", 0)
  o.raise("text")
  o.raise("text", 2)
  o.raise(nil)
  o.raise(42)
  o.raise(true)
  do local ok, e = pcall(o.raise, nil) return ok, e end
  do local ok, e = pcall(o.raise_table, 7) return ok, type(e), e.code end
  do local mine = {} local ok, e = pcall(o.raise, mine) return ok, rawequal(e, mine) end
  do local ok, e = pcall(o.raise, o.list) return ok, rawequal(e, o.list) end
  do local ok, e = pcall(o.raise, o.id) return ok, rawequal(e, o.id) end
  o.pcall(function() error("mine", 0) end)
  o.pcall(function() error({ 1 }) end)
  do local ok, e = o.pcall(error, o.list) return ok, rawequal(e, o.list) end
  xpcall(function() return o.raise("x", 0) end, function(e) return "handled " .. e end)
  xpcall(function() return o.add(1, 2) end, function(e) return "handled" end)
  select(2, pcall(o.raise, "a\0b", 0))
  o.pcall(o.pcall, o.raise, "inner", 0)
  return (pcall(o.yielding)) -- of a remote one the error says why: yielding_for_others.lua
]])
each("operators", [[
  tostring(o.v3 + o.v4), tostring(o.v3 + 1), tostring(1 + o.v3), tostring(o.v3 + "2"), tostring("2" + o.v3)
  tostring(o.v3 - o.v4), tostring(o.v3 - 1), tostring(1 - o.v3)
  tostring(o.v3 * 2), tostring(2 * o.v3), tostring(o.v3 / 2), tostring(12 / o.v3)
  tostring(o.v4 % 3), tostring(7 % o.v3), tostring(o.v3 ^ 2), tostring(2 ^ o.v3), tostring(-o.v3)
  o.v3 .. o.v4, o.v3 .. "s", "s" .. o.v3, o.v3 .. 1, 1 .. o.v3
  "a" .. o.v3 .. "b"
  o.v3 == o.v3, o.v3 == o.v3b, o.v3 ~= o.v3b, o.v3 == o.v4, o.v3 ~= o.v4
  o.v3 == 3, o.v3 == nil, o.v3 == "x"
  o.v3 < o.v4, o.v4 < o.v3, o.v3 <= o.v3b, o.v3 >= o.v4, o.v3 > o.v4
  o.p < o.q, o.q < o.p, o.p <= o.q, o.q <= o.p, o.p >= o.q
  o.v3 < 4
  o.v3 < "x"
  o.v3 < o.p
  o.list < o.words
  o.list <= o.words
  o.list < 1
  o.id < o.add
  o.co < o.co
  o.list + 1
  1 + o.list
  o.list + o.words
  -o.list
  o.list .. "x"
  "x" .. o.list
  o.id + 1
  o.id .. "x"
  o.list == o.words, o.list == o.list, o.list == o.id
  o.v3(), select("#", o.v3(1, nil))
  tostring(o.v3), tostring(o.rex), tostring(o.cat)
  o.v3.n, o.v3.zzz, o.v3.__add ~= nil
  tostring(setmetatable({ n = 1 }, { __add = function(a, b) return "mine" end }) + o.v3)
  tostring(o.v3 + setmetatable({ n = 1 }, { __add = function(a, b) return "mine" end }))
  tostring({ n = 5 } + o.v3), tostring(o.v3 + { n = 5 })
  tostring(o.list + setmetatable({}, { __add = function(a, b) return "mine, right" end }))
  o.list .. setmetatable({}, { __concat = function(a, b) return "mine, right" end })
  not o.list, o.list and 1, o.nope or 2
]])
each("metatables", [[
  o.readonly.x
  do o.readonly.y = 1 end
  o.strict.anything
  o.proxy.a.b.c.d
  do o.proxy.k = "to empty" return rawget(o.proxy, "k"), o.empty.k end
  o.chain.one, o.chain.two, o.chain.anything
  getmetatable(o.locked)
  setmetatable(o.locked, nil)
  getmetatable(o.with_meta).tag
  getmetatable(o.bare)
  rawequal(getmetatable(o.rex), o.Dog)
  do setmetatable(o.bare, o.meta) return o.bare.from, rawequal(getmetatable(o.bare), o.meta) end
  rawequal(setmetatable(o.bare, o.meta), o.bare)
  do setmetatable(o.with_meta, nil) return getmetatable(o.with_meta) end
  setmetatable(o.bare, 1)
  setmetatable(o.id, o.meta)
  getmetatable(o.id)
  rawget(o.v3, "n"), rawget(o.v3, "zzz")
  do rawset(o.readonly, "y", 2) return o.readonly.y end
  rawequal(rawset(o.list, 9, 9), o.list)
  rawget(o.id, 1)
  rawset(o.list, nil, 1)
  tostring(o.bad_tostring)
  pcall(tostring, o.bad_tostring)
]])
each("classes", [[
  o.rex:speak(), o.cat:speak()
  rawequal(o.rex:rename("Max"), o.rex), o.rex.name
  do o.rex.name = "Ben" return o.rex:speak() end
  o.Animal.speak(o.rex)
  o.Animal.new(o.Dog, "New"):speak()
  tostring(o.Animal.new(o.Animal, "X"))
  do function o.Animal:extra() return self.name .. "!" end return o.cat:extra() end
  do o.Dog.legs = 4 return o.rex.legs end
  o.rex:nope()
  o.rex.speak()
  do local d = setmetatable({ name = "Own" }, { __index = function(_, k) return o.Animal[k] end }) return d:speak() end
]])
each("iteration", [[
  do local s = 0 for i, v in ipairs(o.list) do s = s + i * v end return s end
  do local n = 0 for i in ipairs(o.holes) do n = n + 1 end return n end
  do local n = 0 for _ in pairs(o.map) do n = n + 1 end return n end
  do local s = 0 for k, v in pairs(o.list) do s = s + k * v end return s end
  do for _ in pairs(o.empty) do return "not empty" end return "empty" end
  do local n = 0 for k in pairs(o.list) do n = n + 1 if n == 2 then break end end return n end
  do for k in pairs(o.map) do o.map[k] = nil end return next(o.map) end
  do for k, v in pairs(o.list) do o.list[k] = v + 1 end return unpack(o.list) end
  next(o.empty), next(o.list), next(o.list, 1)
  next(o.list, 4)
  next(o.list, "no such key")
  do local k, v = next(o.words) return k, v end
  do local f, s, c = pairs(o.list) return type(f), type(s), c end
  do local f, s, c = ipairs(o.list) return type(f), type(s), c end
  do local f, s, c = ipairs(o.list) return f(s, 2) end
  do local f, s, c = ipairs(o.list) return f(s, 4) end
  pairs(o.id)
  ipairs(o.id)
  next(o.id)
  pairs(o.co)
  pairs(nil)
  pairs()
  do local t = o.fill({}, 2500) local n = 0 for _, v in pairs(t) do n = n + v end return n end
  do o.fill(o.empty, 2500) local n = 0 for _, v in pairs(o.empty) do n = n + v end return n end
  do o.fill(o.empty, 2500) local n = 0 for i, v in ipairs(o.empty) do n = n + v - i * i end return n end
]])
each("library", [[
  unpack(o.list)
  unpack(o.list, 2, 3)
  unpack(o.list, 3, 6)
  unpack(o.id)
  do table.insert(o.list, 99) return #o.list, o.list[5] end
  do table.insert(o.list, 1, 0) return o.list[1], o.list[2], #o.list end
  do table.insert(o.list, 1, {}) return type(o.list[1]) end
  table.insert(o.list)
  table.insert(o.list, 1, 2, 3)
  table.insert(o.id, 1)
  table.remove(o.list), #o.list
  table.remove(o.list, 1), o.list[1], table.remove(o.empty)
  table.concat(o.words), table.concat(o.words, ","), table.concat(o.list, "-", 2, 3), table.concat(o.empty)
  table.concat(o.map, ",", 1, 2)
  table.concat({ 1, {}, 3 })
  do table.sort(o.words) return unpack(o.words) end
  do table.sort(o.list, function(a, b) return a > b end) return unpack(o.list) end
  do local t = { 3, 1, 2 } table.sort(t, function(a, b) return o.add(a, 0) < o.add(b, 0) end) return unpack(t) end
  do local t = { o.v4, o.v3 } table.sort(t) return tostring(t[1]), tostring(t[2]) end
  table.sort({ 1, "x" })
  table.sort(o.list, function() error("in comparator", 0) end)
  table.maxn(o.list), table.maxn(o.holes), table.maxn(o.empty)
  table.getn(o.list)
  do local s = 0 table.foreach(o.list, function(k, v) s = s + v end) return s end
  table.foreachi(o.list, function(i, v) if i == 2 then return v end end)
  table.foreach(o.words, function(k, v) if v == "a" then return k, v end end)
  select("#", unpack(o.list)), select(2, unpack(o.list))
  ("a-b"):gsub("%w", { a = "1" })
  ("b-zz"):gsub("%w", o.map)
  ("abc"):gsub("%w", o.list)
  string.gsub("abc", "%w", o.co)
  string.upper(o.list)
  string.rep(o.id, 2)
  string.format("%d", o.list)
  string.format("%s", tostring(o.v3))
  tonumber(o.list)
  tonumber(o.numbers[3])
  math.floor(o.list)
  io.write(o.list)
  do local f = o.env_reader return f() end
  do setfenv(o.env_reader, o.env) return o.env_reader(), rawequal(getfenv(o.env_reader), o.env) end
  rawequal(setfenv(o.env_reader, o.env), o.env_reader)
  type(getfenv(o.id)), type(getfenv(o.upper))
  string.dump(1)
  assert(o.list) and "asserted"
  assert(o.nope, "no such thing")
  assert(o.none())
  select(o.list)
  loadstring(o.id)
  setmetatable({}, { __index = o.nested }).a.b.c.d
  type(setmetatable({}, { __index = function(_, k) return o.get(o.nested, k) end }).a)
  do local t = setmetatable({}, { __newindex = o.list }) t[7] = 1 return o.list[7] end
  setmetatable({}, { __call = o.add })
]])
each("coroutines", [[
  coroutine.status(o.co), coroutine.status(o.finished)
  coroutine.resume(o.co, 1)
  do coroutine.resume(o.co, 1) return coroutine.resume(o.co, "b") end
  do coroutine.resume(o.co, 1) coroutine.resume(o.co, "b") return coroutine.resume(o.co, "c") end
  do coroutine.resume(o.co, 1) coroutine.resume(o.co, "b") coroutine.resume(o.co, "c") return coroutine.status(o.co), coroutine.resume(o.co) end
  coroutine.resume(o.co)
  do local r = { coroutine.resume(o.finished) } return r[1], r[2], coroutine.status(o.finished) end
  o.gen(), o.gen(), o.gen()
  coroutine.resume(o.id)
  coroutine.resume(nil)
  coroutine.status(o.list)
  coroutine.create(o.co)
  coroutine.wrap(o.list)
  do local co = coroutine.wrap(function() for i, v in ipairs(o.list) do coroutine.yield(v) end end) return co(), co(), co() end
  do local co = coroutine.create(function() return o.apply(function() return 5 end) end) return coroutine.resume(co) end
  (tostring(o.co):gsub("0x%x+", "ADDRESS"))
]])
each("userdata", [[
  o.u.field, o.u[1], #o.u, tostring(o.u), -o.u, o.u == o.u2, o.u == o.u, o.u < o.u2
  o.u(1, nil, 3)
  do o.u.k = "v" return o.written_value() end
  o.u .. "x", "x" .. o.u
  o.u + 1
  o.plain_u.x
  do o.plain_u.x = 1 end
  o.plain_u == o.plain_u, o.plain_u == o.u
  rawequal(o.u, o.u2)
  rawget(o.u, 1)
  pairs(o.u)
  unpack(o.u)
  type(getmetatable(o.u)), getmetatable(o.plain_u)
  do o.map[o.u] = "key" return o.map[o.u] end
]])
each("identity in tables", [[
  do local t = {} t[o.list] = 1 return t[o.list] end
  do local t = {} t[o.id] = 1 t[o.co] = 2 t[o.u] = 3 return t[o.id], t[o.co], t[o.u] end
  do local t = { o.list } o.map.t = t return rawequal(o.map.t, t), rawequal(o.map.t[1], o.list) end
  do local f = function() return "mine" end o.map.f = f return rawequal(o.map.f, f), o.map.f(), o.apply(f) end
  do local co = coroutine.create(function(a) coroutine.yield(a) end) o.map.co = co return rawequal(o.map.co, co), type(o.map.co), o.id(co) == co end
  do local t = { {} } return rawequal(o.id(t), t), rawequal(o.id(t)[1], t[1]), rawequal(o.get(t, 1), t[1]) end
]])

return cases
