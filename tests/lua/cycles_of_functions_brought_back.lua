-- A function of another worker's is finalised, brought back by a finaliser of a script's, and used: then it is as good as any. When it
-- is in a cycle over workers that nobody uses any more, that goes.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker A
function bakaGaijin.make(other) return function() return other end end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
local weak, back = setmetatable({}, { __mode = "v" }), nil
local function bury(i) -- a frame of its own: no register keeps it
  local u, ghost = { i = i }, newproxy(true)
  local f = make(u)
  getmetatable(ghost).__gc = function() back = f end
  weak[1] = u
end
local function tie()
  t.eq(back().i, weak[1].i)
  weak[1].f, back = back, nil
end
for i = 1, 10 do
  bury(i)
  collectgarbage()
  if back then tie() end -- else a register keeps it after all, and it is brought back some other time
  t.eventually(function()
    if back then tie() end
    return weak[1] == nil
  end, 40)
end
