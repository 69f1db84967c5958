-- Code that LuaJIT has compiled refers to functions as constants: it must not keep remote ones for ever, nor what they refer to.
--@ worker A
bakaGaijin.make = function() return function() end end
bakaGaijin.exported = function() return (getBaka()) end
--@ worker B once
local t = require "t"
local make, exported = bakaGaijin("A").make, bakaGaijin("A").exported
local function use(f)
  local function hot()
    local n = 0
    for i = 1, 500 do
      if f then n = n + i end
    end
    return n
  end
  for _ = 1, 50 do t.eq(hot(), 125250) end
  for _ = 1, 100 do f() end
end
local before = exported()
for _ = 1, 2 do -- the second time soon after the first
  use(make())
  t.eq(exported(), before + 1)
  bakaGC()
  t.eq(exported(), before)
end
