-- The metatable of ATs cannot be reached or broken by scripts, and code that took a library function before uses the one that knows ATs.
--@ worker H
bakaGaijin.t = { 1, 2, 3, k = "v" }
bakaGaijin.meta_of = setmetatable({}, { __metatable = "locked", tag = "H's" })
bakaGaijin.f = function() return "called" end
bakaGaijin.same = setmetatable({}, { mark = 1 })
bakaGaijin.proxy = newproxy(true)
--@ worker M once
local t = require "t"
local H = bakaGaijin("H")
local at, f, locked, same = H.t, H.f, H.meta_of, H.same
t.eq(getmetatable(at), nil)
t.eq(getmetatable(locked), "locked", "the original's")
t.eq(debug.getmetatable(locked).tag, "H's", "debug acts on the original too")
t.raises("protected metatable", setmetatable, locked, nil)
t.raises("table expected, got userdata", raw_setmetatable, at, nil) -- the raw ones see the AT
t.raises("^gaijin: unsupported: newproxy of a remote userdata", newproxy, H.proxy)
t.raises("boolean or proxy expected", newproxy, at)
t.eq(raw_getmetatable(at), "gaijin")
t.raises("the metatable does not live", debug.setmetatable, at, { __index = error })
t.raises("the metatable does not live", debug.setmetatable, {}, at)
debug.setmetatable(same, nil)
t.eq(getmetatable(same), nil)
t.eq(at.k, "v")
-- A module that was loaded before with locals of its own, as a library does.
package.preload.early = function()
  local pairs, ipairs, next, type, unpack, insert = pairs, ipairs, next, type, unpack, table.insert
  return function(v)
    local n = 0
    for _ in pairs(v) do n = n + 1 end
    for _ in ipairs(v) do n = n + 100 end
    insert(v, 4)
    return type(v), n, next(v), select("#", unpack(v))
  end
end
local kind, n, first, count = require "early"(at)
t.eq(kind, "table")
t.eq(n, 304)
t.eq(first, 1)
t.eq(count, 4)
for name in raw_pairs(_G) do -- nothing of the system depends on a global that a script may overwrite
  if name ~= "raw_pairs" and name ~= "_G" and name ~= "bakaGC" then _G[name] = nil end
end
t.eq(at.k, "v")
t.eq(f(), "called")
t.eq(#at, 4)
at, f, locked, same = nil
bakaGC()
