-- What a C function of the library would take very long for, or much memory, is refused when another worker asks for it:
-- nothing can interrupt one. It is refused before it begins, so the next call is answered.
--@ broker --max-message 65536
--@ worker A
local list = {}
for i = 1, 9 do list[i] = tostring(i) end
bakaGaijin.list, bakaGaijin.string, bakaGaijin.table = list, string, table
bakaGaijin.text = function() return table.concat(list) end
bakaGaijin.less = function(a, b) return a < b end
bakaGaijin.mover = coroutine.create(function() coroutine.yield() end)
coroutine.resume(bakaGaijin.mover)
bakaGaijin.traceback = debug.traceback
bakaGaijin.own = function() -- the worker's own code may do what it likes
  local t = { 1 }
  table.insert(t, -2000000, 0)
  return #table.concat({ "a", "b" }, ("x"):rep(1e6)) + #("x"):rep(1e6)
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local list, text = A.list, A.text
local S, T = A.string, A.table
local function too_large(f, ...)
  t.raises("^gaijin: too_large: .* for another worker", f, ...)
  t.eq(text(), "123456789")
end
-- Positions.
for _, at in ipairs { -2e9, -2 ^ 31, -2e6, 2 ^ 32 - 5, -1e300, 1e300, -math.huge, math.huge, 0 / 0 } do
  too_large(table.insert, list, at, "x")
  too_large(T.insert, list, at, "x")
end
t.raises("wrong number of arguments", table.insert, list, -2e9, 1, 1)
table.insert(list, -2, "x")
t.eq(list[-2], "x")
t.eq(list[10], "9")
t.eq(table.remove(list, -2), nil)
for i = -2, 10 do list[i] = i > 0 and i < 10 and tostring(i) or nil end
-- Separators and ends.
too_large(table.concat, list, ("-"):rep(9000))
too_large(T.concat, list, ("-"):rep(9000))
t.eq(#table.concat(list, ("-"):rep(7000)), 9 + 8 * 7000)
t.raises("invalid value", table.concat, list, "", 1, 2e9)
too_large(table.concat, list, "", 1, 2 ^ 40)
t.eq(table.concat(list, ",", 2, 3), "2,3")
-- Text.
too_large(S.rep, "x", 1e9)
too_large(S.rep, "x", 2 ^ 40)
too_large(S.rep, "", 2 ^ 31 - 1)
t.eq(S.rep("ab", 3), "ababab")
t.eq(S.rep("ab", -1), "")
t.eq(#S.rep("x", 60000), 60000)
local slow = ("a?"):rep(30) .. ("a"):rep(30)
local many = ("a"):rep(60000)
for _, name in ipairs(jit and { "find", "match", "gmatch" } or { "find", "match", "gmatch", "gfind" }) do
  too_large(S[name], many, "a-b")
  too_large(S[name], many, ".-.-.-.-b")
  too_large(S[name], ("a"):rep(30), slow)
end
too_large(S.find, ("?"):rep(130), "(?*)(?*)(?*)(?*)x")
too_large(S.gmatch, ("^"):rep(60000), "^.-x")
if jit then
  too_large(S.rep, "x", 200, ("y"):rep(500))
  too_large(T.move, list, 1, 2 ^ 28, 2)
  t.eq(S.rep("x", 3, ", "), "x, x, x")
end
too_large(S.rep, -1.2345678901234e-100, 6000)
t.eq(S.rep(12, 2), "1212")
too_large(S.gsub, many, "a", gaijin.copy { a = ("x"):rep(1000) })
too_large(S.gsub, ("a"):rep(100), "a", function() return ("x"):rep(1000) end)
t.eq(S.gsub("abc", "%w", gaijin.copy { a = "1", b = 22 }), "122c")
t.eq(S.gsub("a=1", "(%w)=(%w)", function(k, v) return v .. k end), "1a")
too_large(S.gsub, many, "a-b", "")
too_large(S.gsub, many, "a", ("x"):rep(1000))
too_large(S.gsub, many, "a", "%0%0")
t.eq(S.gsub("a.b.c", "%.", "-"), "a-b-c")
t.eq(S.gsub("abc", "%w", { a = "1" }), "1bc")
t.eq(#S.gsub(many, "a", ("x"):rep(1000), 2), 59998 + 2000)
t.eq(S.match("key = value", "^(%w+)%s*=%s*(%w+)$"), "key")
t.eq(S.find(many, ("a"):rep(1000) .. "b", 1, true), nil)
t.eq(S.find("a-b", "-", 1, true), 2)
-- Lines of a traceback.
too_large(debug.traceback, A.mover, "m", -1e9)
too_large(A.traceback, A.mover, "m", -1e9)
too_large(A.traceback, "m", -1e9)
t.ok(debug.traceback(A.mover, "m"):find("^m\n"))
t.ok(A.traceback("m"):find("^m\n"))
t.eq(A.own(), 1000002 + 1000000)
list, text, S, T = nil
