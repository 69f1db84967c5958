-- The iterator of string.gmatch matches where it is called, which may be far down the C stack from where it was made: an
-- error there, as of string.find.
--@ worker A
local depth, most, at_the_end
local function down()
  depth = depth + 1
  if depth == most then at_the_end() else ("x"):gsub("x", down) end
end
function bakaGaijin.try(n, name)
  local next_word = string[name](("a"):rep(2 * n), ("a?"):rep(n))
  depth, most = 0, nil
  local ok, why = pcall(down)
  assert(not ok and why:find("stack overflow", 1, true), why)
  local deep
  most, depth = depth - 1, 0
  at_the_end = function() ok, deep = pcall(next_word) end
  down()
  assert(depth == most)
  return ok, ok and #deep or deep, #next_word()
end
--@ worker B once
local t = require "t"
local try = bakaGaijin("A").try
for _, name in ipairs(jit and { "gmatch" } or { "gmatch", "gfind" }) do
  for _, n in ipairs(jit and { 10, 100 } or { 10, 500, 10000, 15000 }) do -- LuaJIT has a limit of its own
    local ok, deep, next_one = try(n, name)
    if ok then t.eq(deep, n) else t.ok(deep:find("C stack overflow", 1, true), deep) end
    t.ok(ok or n > 500, n)
    t.eq(next_one, n)
  end
end
