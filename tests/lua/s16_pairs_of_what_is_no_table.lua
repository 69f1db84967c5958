--@ worker A once
local finished = false
bakaGaijin.t = { 1, 2, 3 }
bakaGaijin.f = function() end
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B once nowait
local t = require "t"
local A = bakaGaijin("A")
local o, f = A.t, A.f
t.raises("B.lua:%d+: bad argument #1 to 'pairs' %(table expected, got function%)", function() pairs(f) end)
t.raises("B.lua:%d+: bad argument #1 to 'ipairs' %(table expected, got function%)", function() ipairs(f) end)
t.raises("B.lua:%d+: bad argument #1 to 'next' %(table expected, got function%)", function() next(f) end)
t.raises("B.lua:%d+: bad argument #1 to 'pairs' %(table expected, got nil%)", function() pairs(nil) end)
t.raises("B.lua:%d+: bad argument #1 to 'pairs' %(.*expected", function() pairs() end) -- as the interpreter has it
t.eq(len(o), 3)
A.finish()
t.eventually(function() return not pcall(function() return o.v end) end)
for _, traverse in raw_pairs { pairs, ipairs, next, len } do
  t.raises("^gaijin: dead: ", function()
    for _ in traverse(o) do end
  end)
end
