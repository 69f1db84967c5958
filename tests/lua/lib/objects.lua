-- SPDX-License-Identifier: MIT
--
-- The objects of the transparency suite: made in the VM that runs this, used from there or from elsewhere.
local function make()
  local o = {}
  o.list = { 10, 20, 30, 40 }
  o.holes = { 1, nil, 3 }
  o.words = { "b", "c", "a" }
  o.map = { a = 1, b = 2, [3] = "three", [2.5] = "x", [true] = "yes", [false] = "no" }
  o.nested = { a = { b = { c = { d = "deep" } } } }
  o.empty = {}
  o.strings = { "", "\0", "a\0b", ("x"):rep(300), "\255\254", "gr\195\188n" }
  o.numbers = { 0, -0, 1, -1, 0.5, 1 / 0, -1 / 0, 2 ^ 53, -2 ^ 53, 2 ^ 53 + 2, 1e300, 1e-300, 127, 128, 255, 256, 65535, 65536, 2 ^ 31, 2 ^ 32 }
  o.nan = 0 / 0
  o.yes, o.no = true, false

  -- functions
  o.id = function(...) return ... end
  o.count = function(...) return select("#", ...) end
  o.nth = function(n, ...) return (select(n, ...)) end
  o.add = function(a, b) return a + b end
  o.apply = function(f, ...) return f(...) end
  o.compose = function(f, g) return function(...) return f(g(...)) end end
  o.pcall = function(f, ...) return pcall(f, ...) end
  o.raise = function(v, level) error(v, level) end
  o.raise_table = function(code) error({ code = code }) end
  o.type_of = function(v) return type(v) end
  o.is_list = function(v) return rawequal(v, o.list) end
  o.self_returning = function() return o.self_returning end
  o.counter = function()
    local n = 0
    return function() n = n + 1 return n end
  end
  o.varnil = function() return nil, 1, nil end
  o.none = function() end
  o.many = function(n) local t = {} for i = 1, n do t[i] = i end return unpack(t, 1, n) end
  o.upper, o.rep, o.print_type, o.floor, o.sqrt = string.upper, string.rep, type, math.floor, math.sqrt
  o.sum = function(t) local s = 0 for _, v in ipairs(t) do s = s + v end return s end
  o.keys = function(t)
    local k = {}
    for key in pairs(t) do k[#k + 1] = tostring(key) end
    table.sort(k)
    return table.concat(k, ",")
  end
  o.fill = function(t, n) for i = 1, n do t[i] = i * i end return t end
  o.each = function(t, f) for k, v in pairs(t) do f(k, v) end end
  o.map_with = function(t, f) local r = {} for i, v in ipairs(t) do r[i] = f(v) end return r end
  o.get = function(t, k) return t[k] end
  o.set = function(t, k, v) t[k] = v end
  o.len = function(t) return #t end
  o.yielding = function() return coroutine.yield(1) end

  -- classes
  local Animal = {}
  Animal.__index = Animal
  function Animal.new(class, name) return setmetatable({ name = name }, class) end
  function Animal:speak() return self.name .. " makes a sound" end
  function Animal:rename(n) self.name = n return self end
  Animal.__tostring = function(a) return "Animal " .. a.name end
  local Dog = setmetatable({}, { __index = Animal })
  Dog.__index = Dog
  Dog.__tostring = Animal.__tostring
  function Dog:speak() return self.name .. " barks" end
  o.Animal, o.Dog = Animal, Dog
  o.rex = Animal.new(Dog, "Rex")
  o.cat = Animal.new(Animal, "Tom")

  -- metamethods
  local V = {}
  V.__index = function(v, k) return rawget(V, k) or "no " .. tostring(k) end
  local function vec(n) return setmetatable({ n = n }, V) end
  local function num(v) return type(v) == "table" and rawget(v, "n") or tonumber(v) or 0 end
  V.__add = function(a, b) return vec(num(a) + num(b)) end
  V.__sub = function(a, b) return vec(num(a) - num(b)) end
  V.__mul = function(a, b) return vec(num(a) * num(b)) end
  V.__div = function(a, b) return vec(num(a) / num(b)) end
  V.__mod = function(a, b) return vec(num(a) % num(b)) end
  V.__pow = function(a, b) return vec(num(a) ^ num(b)) end
  V.__unm = function(a) return vec(-num(a)) end
  V.__concat = function(a, b) return "<" .. tostring(type(a) == "table" and num(a) or a) .. "|" .. tostring(type(b) == "table" and num(b) or b) .. ">" end
  V.__eq = function(a, b) return num(a) == num(b) end
  V.__lt = function(a, b) return num(a) < num(b) end
  V.__le = function(a, b) return num(a) <= num(b) end
  V.__call = function(v, ...) return num(v), select("#", ...), ... end
  V.__tostring = function(v) return "V" .. num(v) end
  o.vec, o.v3, o.v4, o.v3b = vec, vec(3), vec(4), vec(3)
  o.lt_only = { setmetatable({ n = 1 }, { __lt = function() return true end }), nil }
  local order = { __lt = function(a, b) return a.n < b.n end }
  o.p, o.q = setmetatable({ n = 1 }, order), setmetatable({ n = 2 }, order)
  o.readonly = setmetatable({}, { __newindex = function(_, k) error("read only: " .. tostring(k), 0) end, __index = { x = 1 } })
  o.strict = setmetatable({}, { __index = function(_, k) error("undefined: " .. tostring(k), 0) end })
  o.proxy = setmetatable({}, { __index = o.nested, __newindex = o.empty })
  o.chain = setmetatable({}, { __index = setmetatable({ one = 1 }, { __index = setmetatable({ two = 2 }, { __index = function() return 3 end }) }) })
  o.locked = setmetatable({}, { __metatable = "locked" })
  o.with_meta = setmetatable({}, { tag = "its metatable" })
  o.bare = {}
  o.meta = { __index = { from = "meta" } }
  o.bad_tostring = setmetatable({}, { __tostring = function() error("no text", 0) end })
  o.lenient = setmetatable({ 1, 2 }, { __len = function() return 99 end })
  o.env_reader = function() return marker end
  o.env = { marker = "in env" }

  -- coroutines and userdata
  o.co = coroutine.create(function(a) local b = coroutine.yield(a + 1) local c = coroutine.yield(b, nil) error("co " .. tostring(c), 0) end)
  o.finished = coroutine.create(function() return "done" end)
  o.gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
  local u = newproxy(true)
  local m = getmetatable(u)
  m.__index = function(_, k) return "u." .. tostring(k) end
  m.__newindex = function(_, k, v) o.written = tostring(k) .. "=" .. tostring(v) end
  m.__len = function() return 7 end
  m.__call = function(_, ...) return "called", ... end
  m.__tostring = function() return "userdata u" end
  m.__unm = function() return "minus" end
  m.__concat = function(a, b) return type(a) .. ".." .. type(b) end
  m.__lt = function() return true end
  m.__eq = function() return true end
  o.u, o.u2, o.plain_u = u, newproxy(u), newproxy()
  o.written_value = function() return o.written end
  return o
end

return make
