-- Garbage shared by workers that are all busy, of which one has a large heap and so takes long to answer in halt: it goes, and nobody is
-- left out for having waited.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker slow
local heap = {}
for i = 1, 30000 do heap[i] = { i } end
gaijin.spawn(function() while true do gaijin.sleep(0) end end)
function bakaGaijin.make(other) return { other = other } end
--@ worker B once
local t = require "t"
local make = bakaGaijin("slow").make
local weak, stop = setmetatable({}, { __mode = "v" }), false
gaijin.spawn(function() while not stop do gaijin.sleep(0) end end)
for _ = 1, 3 do
  for i = 1, 10 do
    local u = {}
    u.t = make(u)
    weak[i] = u
  end
  t.eventually(function() return next(weak) == nil end, 40)
end
stop = true
