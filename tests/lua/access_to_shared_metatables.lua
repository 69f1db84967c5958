-- The metatable that all functions, or all coroutines, of a worker share is that worker's own: no
-- other one sets it.
--@ worker A
bakaGaijin.f, bakaGaijin.co = function() end, coroutine.create(function() end)
bakaGaijin.meta, bakaGaijin.o, bakaGaijin.u = { __index = { x = 1 } }, {}, newproxy()
local co = coroutine.create(function() end)
bakaGaijin.own = function() return debug.getmetatable(print), debug.getmetatable(co) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local why = "^gaijin: unsupported: debug.setmetatable: all %a+s of A share one metatable, "
  .. "which is A's to set$"
for _, name in ipairs { "f", "co" } do
  t.raises(why, debug.setmetatable, A[name], A.meta)
  t.raises(why, debug.setmetatable, A[name], nil)
end
t.eq(A.own(), nil)
t.eq(select(2, A.own()), nil)
debug.setmetatable(A.o, A.meta)
t.eq(A.o.x, 1)
debug.setmetatable(A.u, A.meta)
t.eq(A.u.x, 1)
