-- The null pointer is the same everywhere and travels as itself, wherever a value can stand; any
-- other light userdata is a token with an identity, whose address stays at home.
--@ worker A
local system = require "system"
local null, light = system.null, system.pointer(4242)
bakaGaijin.echo = function(...) return ... end
bakaGaijin.null, bakaGaijin.light, bakaGaijin.other = null, light, system.pointer(4243)
bakaGaijin.is_null = function(v) return rawequal(v, null) end
bakaGaijin.is_light = function(v) return rawequal(v, light) end
bakaGaijin.raise = function() error(null, 0) end
bakaGaijin.t = { null, x = null, [null] = "key", deep = { { null } }, light = light }
bakaGaijin.added = setmetatable({}, { __add = function() return null end,
  __index = function(_, k) return rawequal(k, null) and "indexed by null" end })
bakaGaijin.resume = coroutine.create(function(v)
  while true do v = coroutine.yield(rawequal(v, null), null) end
end)
bakaGaijin.text = function() return tostring(light) end
--@ worker B once
local t, system = require "t", require "system"
local A = bakaGaijin("A")
local null, echo, o = system.null, A.echo, A.t
local function is_null(v) return t.ok(rawequal(v, null), tostring(v)) end

is_null(A.null)
is_null(echo(null))
is_null(select(3, echo(nil, 1, null, 2)))
t.eq(select("#", echo(null, nil, null)), 3)
t.ok(A.is_null(null))
is_null(o[1])
is_null(o.x)
t.eq(o[null], "key")
is_null(rawget(o, "x"))
t.eq(rawget(o, null), "key")
is_null(select(2, next(o)))
is_null(gaijin.async(echo, null):get())
is_null(select(2, pcall(A.raise)))
is_null(A.added + 1)
t.eq(A.added[null], "indexed by null")
is_null(gaijin.path(o, "deep", 1, 1))
is_null(unpack(o))
local ok, was_null, back = coroutine.resume(A.resume, null)
t.ok(ok and was_null)
is_null(back)
local seen = 0
for k, v in pairs(o) do
  if v == "key" then is_null(k) seen = seen + 1 end
  if k == "x" or k == 1 then is_null(v) seen = seen + 1 end
end
t.eq(seen, 3)
for _, v in ipairs(o) do is_null(v) end
o.y = null
o[null] = null
is_null(o.y)
is_null(o[null])
o[null] = "key"
t.ok(rawset(o, "z", null))
is_null(o.z)
table.insert(o, null)
is_null(table.remove(o))
gaijin.post(echo, null)

-- by value
local f = gaijin.fetch(o)
is_null(f[1])
is_null(f.x)
t.eq(f[null], "key")
is_null(f.deep[1][1])
local c = echo(gaijin.copy { null, [null] = { a = null } })
is_null(c[1])
is_null(c[null].a)

-- others
local light, mine = A.light, system.pointer(77)
t.ok(isBaka(light))
t.eq(type(light), "userdata")
t.ok(rawequal(light, A.light) and rawequal(light, f.light))
t.ok(not rawequal(light, A.other))
t.ok(A.is_light(light))
t.ok(rawequal(echo(mine), mine))
t.ok(rawequal(gaijin.fetch(A.echo(gaijin.copy { mine }))[1], mine))
t.ok(A.text():find("1092"), A.text()) -- 4242, at home
t.ok(not tostring(light):find("1092"), tostring(light))
t.ok(tostring(light):match("^userdata: A:%d+$"), tostring(light))
light, o, c, f = nil
bakaGC()
