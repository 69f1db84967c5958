--@ worker A
bakaGaijin.o = setmetatable({}, { __index = function(_, k) error("no field " .. k, 0) end })
--@ worker B once
local t = require "t"
local o = bakaGaijin("A").o
t.eq(t.raises("no field x", function() return o.x end), "no field x")
