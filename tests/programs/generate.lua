-- SPDX-License-Identifier: MIT
--
-- Random programs: a list of statements { id =, place =, text =, args = {ids} }. A statement runs `text` in worker `place` (0 to 3)
-- with the values of earlier statements as arguments; its first result is its own value. The generator knows the kind of each
-- value and where it is at home, so that programs mostly make sense and avoid what stock Lua 5.1 leaves no way for (docs/lua-api.md):
-- comparing an own table with a remote one, metatables from elsewhere, the order of pairs. Each program ties at least one cycle over
-- three workers.
local generate = {}

local PLACES = 4

local function random_source(seed)
  local state = seed % 2147483646 + 1
  local function random(n) -- 1 to n
    state = state * 16807 % 2147483647
    return math.floor(state / 2147483647 * n) + 1
  end
  for _ = 1, 3 do random(2) end
  return random
end

-- Words in the texts below: @ is a random small constant, $ a random value without identity.
local creators = {
  { "list", "return { @, @, @, @ }" }, { "list", "local t = {} for i = 1, @ do t[i] = i * @ end return t" }, { "words", "return { 'c', 'a', 'b@' }" },
  { "map", "return { a = $, b = $, [@] = $, [2.5] = $, [true] = $ }" }, { "bag", "return { inner = { deep = $ } }" }, { "meta", "return { __index = { inherited = $ } }" },
  { "meta", "return { __index = function(t, k) return 'computed ' .. tostring(k) end, __call = function(t, ...) return select('#', ...), ... end }" },
  { "meta", "return { __newindex = function(t, k, v) if k == 'b' then error('no b', 0) end rawset(t, k, v) end }" },
  { "counter", "local n = @ return function(d) n = n + (d or 1) return n end" }, { "id", "return function(...) return ... end" },
  { "id", "return function(...) return select('#', ...), ... end" }, { "unary", "return function(x) return x * @ end" }, { "unary", "return function(x) return x .. '-@' end" },
  { "caller", "return function(f, ...) return f(...) end" }, { "caller", "return function(f, ...) return pcall(f, ...) end" },
  { "caller", "return function(f, ...) return coroutine.wrap(function(...) return f(...) end)(...) end" }, { "raiser", "return function(v) error(v, 0) end" },
  { "less", "return function(a, b) return a > b end" }, { "less", "return function(a, b) return tostring(a) < tostring(b) end" },
  { "co", "return coroutine.create(function(a) for i = 1, 3 do a = coroutine.yield(a, nil, i) end return 'end', a end)" },
  { "co", "return coroutine.create(function(a, b) local c = coroutine.yield(b) error(c, 0) end)" }, { "id", "return coroutine.wrap(function(...) local n = 0 while true do n = n + 1 coroutine.yield(n, ...) end end)" },
  { "id", "return string.upper", 1 }, { "unary", "return math.floor", 2 }, { "id", "return tostring", 3 }, { "id", "return type", 0 }, { "id", "return table.concat", 1 },
  { "class", [[
local C = {}
C.__index = C
local function n(v) return type(v) == "table" and v.n or tonumber(v) or 0 end
function C.new(v) return setmetatable({ n = v }, C) end
function C:get(...) return self.n, ... end
function C:add(d) self.n = self.n + d return self end
function C:with(o) return self.n .. "&" .. n(o) end
C.__add = function(a, b) return C.new(n(a) + n(b)) end
C.__sub = function(a, b) return n(a) - n(b) end
C.__mul = function(a, b) return "product " .. n(a) * n(b) end
C.__unm = function(a) return C.new(-n(a)) end
C.__concat = function(a, b) return "[" .. n(a) .. "|" .. n(b) .. "]" end
C.__eq = function(a, b) return a.n == b.n end
C.__lt = function(a, b) return a.n < b.n end
C.__tostring = function(a) return "C" .. a.n end
C.__call = function(self, ...) return self.n + @, select("#", ...), ... end
return C]] },
}

-- Made of earlier values: the kinds of the arguments, then the new value's kind, then the text.
local composers = {
  { { "class" }, "object", "local C = ... return C.new(@)", at_home = true }, { { "class" }, "object", "local C = ... return C.new(@)", lives_with = 1 },
  { { "class" }, "class", "local B = ... local D = setmetatable({ __tostring = B.__tostring, __add = B.__add, __eq = B.__eq, __lt = B.__lt }, { __index = B }) D.__index = D function D.new(v) return setmetatable({ n = v }, D) end function D:get() return 'derived', B.get(self) end return D" },
  { { "any" }, "id", "local o = ... return function(...) return o, ... end" }, { { "table" }, "unary", "local o = ... return function(k) return o[k] end" },
  { { "handler" }, "unary", "local f = ... return function(n) if n == 0 then return 'done' end return f(n) end" },
  { { "any", "any" }, "bag", "local a, b = ... return { a, b, inner = a, [b] = 'key' }" }, { { "table" }, "meta", "local o = ... return { __index = o, __newindex = o }" },
  { { "handler" }, "meta", "local f = ... return { __index = f, __add = f, __call = f, __concat = f }" }, { { "meta" }, "map", "return setmetatable({ own = $ }, (...))", at_home = true },
  { { "class", "function" }, "class", "local C, f = ... C.extra = f C.__div = f return C", same = 1 },
  { { "function" }, "co", "local f = ... return coroutine.create(function(...) local r = coroutine.yield(f(...)) return r end)" },
  { { "co" }, "id", "local co = ... return function(...) return coroutine.resume(co, ...) end" }, { { "list" }, "list", "return content((...))", fetch = true },
  { { "map" }, "map", "return content((...))", fetch = true }, { { "bag" }, "id", "local o = ... local function f(...) return o, ... end o.tie = f return f" },
  { { "bag" }, "co", "local o = ... local co = coroutine.create(function(...) return coroutine.yield(...) end) coroutine.resume(co, o) o.tie = co return co" },
  { { "bag", "bag" }, "bag", "local a, b = ... local c = { inner = { deep = $ }, tie = a } b.tie = c return c" }, { { "list" }, "list", "return send(%d, (...))", send = true },
}

local actions = {
  { { "table" }, "local t = ... return t.a, t[1], t[2.5], t.inherited, t.inner" }, { { "table" }, "local t = ... t.a = $ t[@] = $ return t.a" }, { { "bag", "any" }, "local t, v = ... t.k = v t[v] = 'it' return rawequal(t.k, v), t[v]" },
  { { "bag" }, "local t = ... return t.inner.deep" }, { { "bag" }, "local t = ... return gaijin.path(t, 'inner', 'deep')" }, { { "table" }, "local t = ... return #t, len(t)" },
  { { "table" }, "return listed((...))" }, { { "table" }, "local s = 0 for i, v in ipairs((...)) do s = s .. i .. tostring(type(v)) end return s" },
  { { "list" }, "local s = 0 for i, v in ipairs((...)) do s = s + i * v end return s" }, { { "list" }, "local s = 0 for _, v in pairs((...)) do s = s + v end return s" },
  { { "list" }, "local t = ... table.insert(t, @) return #t" }, { { "list" }, "local t = ... table.insert(t, 1, @) return t[1], #t" }, { { "list" }, "local t = ... return table.remove(t), table.remove(t, 1), #t" },
  { { "list" }, "local t = ... table.sort(t) return table.concat(t, ' ')" }, { { "list", "less" }, "local t, f = ... table.sort(t, f) return table.concat(t, ' ')" },
  { { "words", "less" }, "local t, f = ... table.sort(t, f) return table.concat(t, ' ')" }, { { "list", "raiser" }, "local t, f = ... return pcall(table.sort, t, f)" }, { { "list" }, "return unpack((...))" },
  { { "list" }, "local t = ... return table.maxn(t), next(t) ~= nil, select('#', unpack(t, 1, 5))" }, { { "list", "counter" }, "local t, f = ... table.foreach(t, function(_, v) f(v) end) return f(0)" },
  { { "list", "function" }, "local t, f = ... for i, v in ipairs(t) do t[i] = f(v) or 0 end return table.concat(t, ' ')" }, { { "table" }, "local t = ... t[nil] = 1" }, { { "table" }, "local t = ... return rawget(t, 'a'), rawget(t, 1)" },
  { { "table" }, "local t = ... rawset(t, 'raw', $) return t.raw" }, { { "map" }, "return (('a b x'):gsub('%w', (...)))" }, { { "function" }, "return (('a b x'):gsub('%w', (...)))" },
  { { "counter" }, "local f = ... return f(), f(@), f(nil)" }, { { "function" }, "return (...)(@, nil, 'x', nil)" }, { { "function" }, "return pcall((...), $)" }, { { "function" }, "return select('#', (...)(nil, $, nil))" },
  { { "function", "any" }, "local f, v = ... return f(v)" }, { { "function", "any" }, "local f, v = ... return rawequal(f(v), v)" }, { { "caller", "function" }, "local c, f = ... return c(f, @, nil, 'y')" },
  { { "caller", "caller", "function" }, "local c, d, f = ... return c(d, f, @)" }, { { "caller", "function", "any" }, "local c, f, v = ... return c(f, v)" }, { { "raiser", "any" }, "local f, v = ... local ok, e = pcall(f, v) return ok, rawequal(e, v), e" },
  { { "raiser" }, "return xpcall(function() return (@ == @ and _G.nowhere)(1) end, function(e) return 'handled' end)" }, { { "raiser", "any" }, "local f, v = ... return xpcall(function() f(v) end, function(e) return 'handled', rawequal(e, v) end)" },
  { { "raiser" }, "return (...)($)" }, { { "co" }, "return coroutine.resume((...), @, $)" }, { { "co", "any" }, "return coroutine.resume(...)" }, { { "co" }, "return coroutine.status((...)), type((...))" },
  { { "object" }, "local o = ... return o:get(nil, $)" }, { { "object" }, "local o = ... return rawequal(o:add(@), o), o.n" }, { { "object", "object" }, "local a, b = ... return a:with(b)" },
  { { "object", "object" }, "local a, b = ... local c = a + b return c.n, tostring(c)" }, { { "object", "object" }, "local a, b = ... return a - b, a * b, a .. b" }, { { "object" }, "local o = ... return tostring(o), -o, o + 1, @ + o, o .. 'x', '@' .. o" },
  { { "object" }, "local o = ... return o(nil, $)" }, { { "object" }, "local o = ... o.n = @ return o.n, o:get()" }, { { "object" }, "local o = ... return o:missing()" }, { { "object", "function" }, "local o, f = ... o.extra = f return o:extra()" },
  { { "object", "any" }, "local a, b = ... return a / b" }, { { "table" }, "return (...) + 1" }, { { "table", "table" }, "local a, b = ... return a .. b" }, { { "object", "object" }, "local a, b = ... return a == b, a < b, a > b", comparable = true },
  { { "table", "function" }, "local t, f = ... return t(f, @)" }, { { "any", "any" }, "local a, b = ... return rawequal(a, b), rawequal(a, a), type(a)" }, { { "any" }, "return (...).x" }, { { "any" }, "return (...)()" }, { { "any" }, "return #(...)" },
  { { "table" }, "local t = ... local m = getmetatable(t) return type(m), m and m.__index ~= nil, rawequal(m, getmetatable(t))" }, { { "map" }, "local t = ... t.a = nil return t.a, next({})" }, { { "any" }, "collectgarbage() return 'collected'" },
  { { "class" }, "local C = ... function C:later(v) return v, self.n end return type(C.later)" }, { { "object" }, "local o = ... return o:later('given')" }, { { "function" }, "return coroutine.wrap(function(...) return coroutine.yield((...)) end)(...)" },
}

local groups = {
  table = { list = true, words = true, map = true, bag = true, class = true, object = true, meta = true },
  ["function"] = { counter = true, id = true, unary = true, caller = true, raiser = true, less = true },
  handler = { counter = true, id = true, unary = true, raiser = true }, -- not those that call their argument: as a handler they would call themselves for ever
}
local values = { "1", "0.5", "'s'", "'a\\0b'", "true", "false", "nil", "-0.25", "1e300", "2^53", "'\\255'", "-1/0" }

-- Of three objects, each at home in another worker.
local tie = "local a, b, c = ... a.tie = b b.tie = c c.tie = a return rawequal(a.tie.tie.tie, a)"

local function fill(text, random)
  text = text:gsub("%$", function() return values[random(#values)] end)
  return (text:gsub("@", function() return tostring(random(9)) end))
end

--- The statements of a seed.
function generate.program(seed)
  local random = random_source(seed)
  local program, known = {}, {}
  local function add(kind, home, place, text, args)
    local s = { id = #program + 1, place = place, text = text, args = args or {} }
    program[s.id] = s
    if kind then known[#known + 1] = { id = s.id, kind = kind, home = home } end
  end
  local function pick(kind)
    local fitting = {}
    for _, v in ipairs(known) do
      if kind == "any" or v.kind == kind or groups[kind] and groups[kind][v.kind] then fitting[#fitting + 1] = v end
    end
    return #fitting > 0 and fitting[random(#fitting)] or nil
  end
  local function pick_all(kinds)
    local found, ids = {}, {}
    for i, kind in ipairs(kinds) do
      found[i] = pick(kind)
      if not found[i] then return nil end
      ids[i] = found[i].id
    end
    return found, ids
  end
  local function create()
    local c = creators[random(#creators)]
    local place = c[3] or random(PLACES) - 1 -- each VM has a string.upper of its own: one worker is asked for it
    add(c[1], place, place, fill(c[2], random))
  end
  local function compose()
    local c = composers[random(#composers)]
    local found, ids = pick_all(c[1])
    if not found then return create() end
    local place = random(PLACES) - 1
    local home, text = place, c[3]
    if c.at_home then place, home = found[1].home, found[1].home end
    if c.lives_with or c.same then home = found[1].home end
    if c.fetch then place, home = 0, 0 if found[1].home == 0 then return create() end end
    if c.send then
      if found[1].home ~= 0 then return create() end
      place, home = 0, random(PLACES - 1)
      text = text:format(home)
    end
    add(c[2], home, place, fill(text, random), ids)
  end
  local function act()
    local a = actions[random(#actions)]
    local found, ids = pick_all(a[1])
    if not found then return create() end
    local place = random(PLACES) - 1
    if a.comparable and found[1].home ~= found[2].home then -- 5.1 asks nobody about an own table and a remote one
      while place == found[1].home or place == found[2].home do place = random(PLACES) - 1 end
    end
    add(nil, nil, place, fill(a[2], random), ids)
  end
  local tied = {}
  for place = 1, PLACES - 1 do
    add("bag", place, place, fill("return { inner = { deep = $ } }", random))
    tied[place] = #program
  end
  add(nil, nil, random(PLACES) - 1, tie, tied)
  for _ = 1, 6 do create() end
  for _ = 1, 20 + random(30) do
    local r = random(10)
    if r <= 2 then create() elseif r <= 4 then compose() else act() end
  end
  return program
end

--- The program as Lua text for people.
function generate.text(program)
  local lines = {}
  for _, s in ipairs(program) do
    local args = {}
    for i, id in ipairs(s.args) do args[i] = ", v[" .. id .. "]" end
    lines[#lines + 1] = ("v[%d] = at(%d, [[%s]]%s)"):format(s.id, s.place, s.text, table.concat(args))
  end
  return table.concat(lines, "\n")
end

return generate
