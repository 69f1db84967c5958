-- A client that is killed holds nothing any more; a dying host takes its objects along.
--@ worker A
local kept = {}
bakaGaijin.make = function()
  local list = {}
  for i = 1, 20 do list[i] = {} end
  return list
end
bakaGaijin.exported = function() return (getBaka()) end
--@ worker C once
local t = require "t"
local held
bakaGaijin.holding = function(n) held = n end
gaijin.ready()
t.eventually(function() return held end)
t.eq(held, 20)
local exported = gaijin.wait_for("A", "exported", 5)
t.eventually(function() return exported() == 1 end) -- this function alone
--@ worker B signal=9
local kept = bakaGaijin("A").make()
local all = {}
for i, v in ipairs(kept) do all[i] = v end
bakaGaijin("C").holding(#all)
os.execute("kill -9 $PPID")
