--@ worker A
bakaGaijin.o = setmetatable({}, { __newindex = function() error("read only", 0) end })
bakaGaijin.plain = {}
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
t.eq(t.raises("read only", function() A.o.x = 1 end), "read only")
t.raises("index is nil", function() A.plain[nil] = 1 end)
t.raises("index is NaN", function() A.plain[0 / 0] = 1 end)
t.eq(A.plain[nil], nil)
