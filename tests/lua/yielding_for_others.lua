-- A yield that another worker waits for has no coroutine to suspend: the error says so, and what to do.
--@ worker A
local tree = { 1, 2, 3 }
function tree:each(f) for _, v in ipairs(self) do f(v) end end
bakaGaijin.tree = tree
bakaGaijin.yields = function(v) return coroutine.yield(v) end
bakaGaijin.object = setmetatable({}, { __index = function(_, k) return (coroutine.yield(k)) end })
bakaGaijin.yield = coroutine.yield
bakaGaijin.own = function()
  local list = {}
  for v in coroutine.wrap(function() tree:each(coroutine.yield) end) do list[#list + 1] = v end
  return table.concat(list, " ")
end
bakaGaijin.wrapped = coroutine.wrap(function(v) while true do v = coroutine.yield(v + 1) end end)
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local tree, object = A.tree, A.object
local given = "gaijin: unsupported: coroutine%.yield in a call from worker A, .*function that collects the values"
local outside = "gaijin: unsupported: coroutine%.yield in a call from worker B, .*gaijin%.yield"
t.raises(given, function()
  for v in coroutine.wrap(function() tree:each(coroutine.yield) end) do error("got " .. tostring(v)) end
end)
local co = coroutine.create(function() tree:each(coroutine.yield) end)
local ok, e = coroutine.resume(co)
t.eq(ok, false)
t.ok(e:match("^" .. given), e)
t.eq(coroutine.status(co), "dead")
t.raises("^" .. outside, A.yields, 1)
t.raises("^" .. outside, function() return object.x end)
local future = gaijin.async(A.yields, 1)
t.raises("^" .. outside, future.get, future)
t.raises("^" .. outside, A.yield, 1)
-- What the text advises works.
local list = {}
tree:each(function(v) list[#list + 1] = v end)
t.eq(table.concat(list, " "), "1 2 3")
t.eq(A.own(), "1 2 3")
t.eq(A.wrapped(1), 2)
t.eq(A.wrapped(5), 6)
-- Yields of this worker's own are as ever.
local wrap = coroutine.wrap(function() coroutine.yield(A.own()) return "end" end)
t.eq(wrap(), "1 2 3")
t.eq(wrap(), "end")
t.raises("attempt to yield", coroutine.yield)
tree, object, future, list = nil
bakaGC()
