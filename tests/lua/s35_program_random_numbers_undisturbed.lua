-- Tokens take no numbers from the program's generator. (That stamps cannot be guessed is tested at the broker.)
--@ worker A
math.randomseed(42)
local expected = {}
for i = 1, 20 do expected[i] = math.random(1, 1000000) end
math.randomseed(42)
local at = 0
bakaGaijin.make = function()
  at = at + 1
  local made = {}
  return made, math.random(1, 1000000) == expected[at]
end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
for _ = 1, 20 do
  local _, same = make()
  t.eq(same, true)
end
