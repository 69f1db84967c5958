-- Compiled code of LuaJIT keeps the functions that it calls, and what they have: garbage in cycles goes nevertheless, as garbage here
-- does when the worker collects completely.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker A
bakaGaijin.make = function(other) return { other = other } end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
local weak = setmetatable({}, { __mode = "v" })
function hot(f)
  local n = 0
  for i = 1, 1000 do n = n + (f(i) and 1 or 0) end
  return n
end
local function garbage()
  local u = { 1, 2 }
  u.t = make(u)
  weak[1] = u
  t.eq(hot(function(i) return u[i % 2 + 1] end), 1000)
end
garbage()
t.eventually(function() return weak[1] == nil end, 40)
