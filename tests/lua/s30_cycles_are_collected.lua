-- Scenario 30: a table in A holds an AT of a table in B, which holds an AT of the first. Both go, and nobody breaks anything.
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
for i = 1, 30 do
  local u = {}
  u.t = make(u)
  weak[i] = u
end
t.eventually(function() return next(weak) == nil end, 40)
