-- SPDX-License-Identifier: MIT
--
-- Uses of libraries that nobody here wrote. Each case gets
--   need(module)   requires it where the libraries of this run live
--   build(text)    runs Lua text where the data of this run live, and returns its results
--   value(t, own)  t's content where the library is: for libraries in C, which want real tables, and for those that set a
--                  metatable of theirs on what they are given (own: t was made by the case itself)
-- and returns what must be the same wherever library and data live. An error is an outcome too.
local cases = {}
local function case(name, f) cases[#cases + 1] = { name = name, f = f } end

---- Penlight

case("List: methods", function(need, build, value)
  local List = need "pl.List"
  local l = List(value(build "return { 3, 1, 2 }"))
  l:append(5):extend(build "return { 7, 8 }"):insert(1, 0)
  return tostring(l), #l, l:len(), l[1], l:pop(), l:index(5), l:contains(2), l:count(1), l:join("-"), tostring(l:slice(2, 4)), tostring(l:sorted()),
    tostring(l:reverse())
end)
case("List: callbacks run in their own worker", function(need, build, value)
  local List = need "pl.List"
  local l, seen = List(value(build "return { 1, 2, 3, 4, 5 }")), 0
  local times = build "return function(v, n) return v * n end"
  l:foreach(function(v) seen = seen + v end)
  return tostring(l:map(times, 10)), tostring(l:filter(function(v) return v % 2 == 1 end)), l:reduce(function(a, b) return a + b end), l:reduce("*"), seen,
    tostring(l:map("_ + 1")), tostring(l:sort(function(a, b) return a > b end))
end)
case("List: operators and iteration", function(need, _, value)
  local List = need "pl.List"
  local a, b = List(value({ 1, 2 }, true)), List(value({ 3 }, true))
  local out, n = {}, 0
  for v in (a .. b):iter() do out[#out + 1] = v end
  for i, v in ipairs(a .. b) do n = n + i * v end
  for _ in pairs(a) do n = n + 100 end
  return table.concat(out, " "), n, a == b, a == List(value({ 1, 2 }, true)), tostring(a .. b), List:class_of(a), a:is_a(List), tostring(List.range(3)), tostring(List.split("a,b", ","))
end)
case("List: errors", function(need, _, value) return need "pl.List" (value({ 1 }, true)):map(true) end)
case("List: errors of a callback", function(need, _, value) return need "pl.List" (value({ 1 }, true)):map(function(v) error("at " .. v, 0) end) end)
case("List: partition", function(need)
  local odd = need "pl.List".range(1, 6):partition(function(v) return v % 2 == 1 and "odd" or "even" end)
  return tostring(odd.odd), tostring(odd.even)
end)
case("OrderedMap", function(need, build)
  local OrderedMap = need "pl.OrderedMap"
  local m = OrderedMap()
  m:set("z", 1)
  m:set("a", build "return { 'deep' }")
  m.k = true
  local out = {}
  for k, v in m:iter() do out[#out + 1] = k .. "=" .. type(v) end
  m:set("z", nil)
  return table.concat(out, " "), tostring(m:keys()), m.a[1], m.k, #m:values(), m:is_a(OrderedMap), tostring(OrderedMap { { b = 2 }, { a = 1 } })
end)
case("Map and Set", function(need, build, value)
  local Map, Set = need "pl.Map", need "pl.Set"
  local m, s = Map(value(build "return { a = 1 }")), Set(build "return { 1, 2, 3 }")
  m:update(build "return { b = 2 }")
  return tostring(m:keys():sorted()), m:get("b"), m:len(), #s, tostring(s * Set { 2 }), tostring(s - Set { 1, 2 }), s[2], s[9], Set { 1 } < s, Set { 1, 2, 3 } == s
end)
case("class: methods, inheritance, properties", function(need)
  local class = need "pl.class"
  local Animal = class()
  function Animal:_init(name) self.name = name end
  function Animal:speak() return self.name .. " speaks" end
  Animal.__tostring = function(a) return "<" .. a.name .. ">" end
  Animal.__add = function(a, b) return a.name .. "+" .. (type(b) == "table" and b.name or b) end
  local Dog = class(Animal)
  function Dog:_init(name, age) self:super(name) self.age = age end
  function Dog:speak() return Animal.speak(self) .. ", barks" end
  local rex, tom = Dog("Rex", 4), Animal("Tom")
  tom.name = "Tim"
  return rex:speak(), tom:speak(), tostring(rex), rex.age, rex + tom, rex + 1, rex:is_a(Animal), tom:is_a(Dog), Dog:class_of(rex), rawequal(rex:is_a(), Dog)
end)
case("class: a method that is not there", function(need) return need "pl.class"()():nope() end)
case("class: a catch for missing fields", function(need)
  local C = need "pl.class"()
  C:catch(function(self, name) return "no " .. name end)
  return C().anything
end)
case("pretty", function(need, build)
  local pretty = need "pl.pretty"
  local t = build "return { 1, 2, { a = 'x', [true] = 2.5 }, name = 'n', ['with space'] = {} }"
  return pretty.write(t), pretty.write(t, ""), pretty.read("{1, {x = 2}}")[2].x, pretty.number(123456789, "N", 1)
end)
case("pretty: a cycle", function(need, build) return need "pl.pretty".write(build "local t = {} t.t = t return t", "") end)
case("tablex", function(need, build)
  local tablex = need "pl.tablex"
  local t = build "return { a = 1, b = { 2, { c = 3 } } }"
  local copy = tablex.deepcopy(t)
  copy.b[2].c = 4
  local keys = tablex.keys(t)
  table.sort(keys)
  return t.b[2].c, copy.b[2].c, tablex.deepcompare(t, copy), tablex.deepcompare(t, tablex.deepcopy(t)), table.concat(keys), tablex.size(t), tablex.find({ 5, 6 }, 6),
    table.concat(tablex.map(function(v) return v + 1 end, build "return { 1, 2 }"), " "), tablex.reduce("+", build "return { 1, 2, 3 }"), tablex.merge(t, { a = 1 }).a
end)
case("stringx, seq, template", function(need, build, value)
  local stringx, seq, template = need "pl.stringx", need "pl.seq", need "pl.template"
  local sum = 0
  for v in seq.list(value(build "return { 4, 5 }")) do sum = sum + v end
  return table.concat(stringx.split("a b c"), ","), stringx.strip("  x "), sum, seq.sum(value(build "return { 1, 2.5 }")),
    (template.substitute("# for i,v in ipairs(list) do\n$(i)=$(v)\n# end\n", { ipairs = ipairs, list = build "return { 'x', 'y' }" }))
end)
case("utils and func", function(need)
  local utils, func = need "pl.utils", need "pl.func"
  local _1 = func._1
  return utils.bind1(math.max, 5)(3), utils.choose(true, 1, 2), func.I(_1 + 10)(5), func.compose(tostring, function(v) return v + 1 end)(1), utils.is_callable(print)
end)

---- JSON

local document = [[{"name":"x","list":[1,2.5,-3e10,true,false,null,"\u00e4\n"],"nested":{"a":{"b":[]}}}]]
case("dkjson: encode", function(need, build)
  local json = need "dkjson"
  local t = build [[return { 1, "two", { three = 3 }, true, setmetatable({}, { __jsontype = "object" }), 0.5, "\"\n\0" }]]
  return json.encode(t), json.encode(build "return { b = { 1 }, a = 2 }", { keyorder = { "a", "b" }, indent = true }), json.encode(build "return {}"), json.encode("s"), json.encode(json.null)
end)
case("dkjson: decode", function(need)
  local json = need "dkjson"
  local t, position = json.decode(document)
  return t.name, #t.list, t.list[3], t.list[7], t.nested.a.b[1], position, json.encode(t.nested), getmetatable(t.list).__jsontype, json.decode(document, 1, json.null).list[6] == json.null
end)
case("dkjson: what it refuses", function(need, build)
  local json = need "dkjson"
  local t, position, message = json.decode("[1, 2")
  return t, position, message, json.encode(build "return { f = print }")
end)
case("dkjson: what it raises", function(need, build) return need "dkjson".encode(build "local t = {} t.t = t return t") end)
case("dkjson: exceptions and __tojson run in their own worker", function(need, build)
  local json = need "dkjson"
  local t = { build [[return setmetatable({ 7 }, { __tojson = function(self) return '"' .. self[1] .. '"' end })]], print }
  return json.encode(t, { exception = function(why, value) return '"' .. why .. " " .. type(value) .. '"' end })
end)
case("cjson: encode", function(need, build, value)
  local json = need "cjson".new()
  return json.encode(value(build [[return { 1, "two", { three = { 3 } }, true, 0.5, "\n\0" }]])), json.encode(5), json.encode("s"), json.encode(json.null), json.encode(value(build "return {}"))
end)
case("cjson: decode", function(need)
  local json = need "cjson".new()
  local t = json.decode(document)
  return t.name, #t.list, t.list[3], t.list[7], t.nested.a.b[1], t.list[6] == json.null, type(json.null), tostring(json.null):match("^userdata")
end)
case("cjson: what it raises", function(need) return need "cjson".decode("[1,") end)
case("cjson: what it cannot encode", function(need, build, value) return need "cjson".encode(value(build "return { print }")) end)
case("cjson: a sparse array", function(need, build, value) return need "cjson".encode(value(build "return { [1000] = 1 }")) end)

---- lpeg: patterns are userdata with operators

case("lpeg: match and captures", function(need)
  local lpeg = need "lpeg"
  local digit, P, C, Ct, Cc, Cg = lpeg.R "09", lpeg.P, lpeg.C, lpeg.Ct, lpeg.Cc, lpeg.Cg
  local number = C(digit ^ 1) / tonumber
  local list = Ct(number * (P "," * number) ^ 0) * -1
  local t = list:match("10,20,30")
  local named = Ct(Cg(C(lpeg.alpha or lpeg.R "az" ^ 1), "key") * "=" * Cg(number, "value")):match("abc=12")
  return #t, t[3], list:match("1,"), named.key, named.value, (P "a" + "b"):match("b"), (1 - P "x"):match("x"), (#P "ab" * "a"):match("ab"), lpeg.type(digit), type(digit),
    (P(3) * -P(1)):match("abc"), lpeg.match(C "x" * Cc(nil, 2), "x"), (digit - "5"):match("5"), (-digit):match("x")
end)
case("lpeg: captures by functions and tables", function(need, build)
  local lpeg = need "lpeg"
  local C, R, P, Cs, Cmt, Cf, Cc = lpeg.C, lpeg.R, lpeg.P, lpeg.Cs, lpeg.Cmt, lpeg.Cf, lpeg.Cc
  local digit = R "09"
  local double = build "return function(s) return s * 2 end"
  local even = Cmt(C(digit ^ 1), function(_, position, text) return text % 2 == 0 and position, text end)
  local sum = Cf(C(digit ^ 1) / tonumber * ("+" * C(digit ^ 1) / tonumber) ^ 0, function(a, b) return a + b end)
  return (C(digit ^ 1) / double):match("21"), Cs((P "a" / "b" + 1) ^ 0):match("banana"), even:match("12"), even:match("13"), sum:match("1+2+39"),
    (C(P(1)) / "<%1>"):match("q"), (Cc(1, nil, 3) * lpeg.Cp()):match("")
end)
case("lpeg: an error in a capture", function(need) return (need "lpeg".P "a" / function() error("captured", 0) end):match("a") end)
case("lpeg: a pattern that cannot be", function(need) return need "lpeg".P "" ^ 0 end)
case("lpeg: grammars", function(need, build, value)
  local lpeg = need "lpeg"
  local P, R, S, V, C = lpeg.P, lpeg.R, lpeg.S, lpeg.V, lpeg.C
  local function binary(a, op, b)
    if not op then return a end
    return op == "+" and a + b or op == "-" and a - b or op == "*" and a * b or a / b
  end
  local rules = {
    "Sum",
    Sum = lpeg.Cf(V "Product" * lpeg.Cg(C(S "+-") * V "Product") ^ 0, binary),
    Product = lpeg.Cf(V "Value" * lpeg.Cg(C(S "*/") * V "Value") ^ 0, binary),
    Value = R "09" ^ 1 / tonumber + "(" * V "Sum" * ")",
  }
  local grammar = P(value(rules, true)) * -1
  return grammar:match("2*(3+4)-10/5"), grammar:match("2*("), C(grammar):match("1+1")
end)
case("re: grammars as text", function(need)
  local re = need "re"
  local p = re.compile([[ list <- {| item (',' item)* |} !.  item <- {[a-z]+} -> up ]], { up = string.upper })
  local t = p:match("ab,cd")
  return #t, t[1], t[2], re.match("x = 1", "{%w+} ' '* '=' ' '* {%d+}"), re.gsub("hello", "[aeiou]", "*"), re.find("a1", "%d")
end)

---- luassert

case("luassert: equality, same, truth", function(need, build)
  local assert = need "luassert"
  local t = build "return { 1, { a = 'x' } }"
  assert.are.same({ 1, { a = "x" } }, t)
  assert.same(t, build "return { 1, { a = 'x' } }")
  assert.are.equal(t, t)
  assert.are_not.equal(t, { 1 })
  assert.is_true(true)
  assert.truthy(t)
  assert.is_nil(t.nope)
  assert.is_table(t)
  assert.is_function(build "return function() end")
  assert.is_string("s")
  assert.is_near(1, 1.001, 0.01)
  assert.has_error(function() error("boom", 0) end, "boom")
  assert.has_no.errors(build "return function() end")
  assert.matches("^ab", "abc")
  return "all held"
end)
for _, check in ipairs {
  { "are.same", "return { 1, 2 }", "return { 1, 3 }" }, { "are.equal", "return 1", "return 2" }, { "is_true", "return false" }, { "is_nil", "return {}" },
  { "is_string", "return {}" },
} do
  case("luassert: " .. check[1] .. " fails", function(need, build)
    local assertion = need "luassert"
    for word in check[1]:gmatch("[^.]+") do assertion = assertion[word] end
    local ok, e = pcall(assertion, build(check[2]), check[3] and build(check[3]))
    e = type(e) == "table" and e.message or e
    return ok, (e:gsub("table: 0x%x+", "table: ADDRESS"))
  end)
end
case("luassert: spies and stubs", function(need, build)
  local assert, spy, stub = need "luassert", need "luassert.spy", need "luassert.stub"
  local s = spy.new(build "return function(a, b) return a + b end")
  local sum = s(1, 2)
  s(5, 6)
  local t = build "return { f = function() return 'original' end }"
  local stubbed = stub(t, "f")
  stubbed.returns("stubbed")
  local during = t.f("argument")
  assert.stub(stubbed).was.called_with("argument")
  stubbed:revert()
  assert.spy(s).was.called(2)
  assert.spy(s).was.called_with(1, 2)
  assert.spy(s).was_not.called_with(9)
  return sum, during, t.f(), #s.calls
end)
case("luassert: own assertions", function(need)
  local assert, say = need "luassert", need "say"
  say:set("assertion.even.positive", "expected an even number, got %s")
  assert:register("assertion", "even", function(_, arguments) return arguments[1] % 2 == 0 end, "assertion.even.positive")
  assert.is_even(4)
  return pcall(assert.is_even, 3) == false
end)

return cases
