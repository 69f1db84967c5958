-- LuaJIT's debug.upvaluejoin neither changes what a remote function is made of nor gets at it.
--@ worker A
bakaGaijin.f = function() return 7 end
--@ worker B once
local t = require "t"
if not debug.upvaluejoin then return end
local f = bakaGaijin("A").f
local kept = 1
local function mine() return kept end
local why = "^gaijin: unsupported: debug.upvaluejoin of a remote function$"
for i = 1, 6 do
  t.raises(why, debug.upvaluejoin, mine, 1, f, i)
  t.raises(why, debug.upvaluejoin, f, i, mine, 1)
end
t.raises(why, debug.upvaluejoin, f, 1, f, 2)
t.eq(mine(), 1)
t.eq(f(), 7)
local other = 2
debug.upvaluejoin(mine, 1, function() return other end, 1)
t.eq(mine(), 2)
t.raises("bad argument #3", debug.upvaluejoin, mine, 1, nil, 1)
f = nil
bakaGC()
