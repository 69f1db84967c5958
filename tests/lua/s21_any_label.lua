--@ worker A
bakaGaijin.res_name = "a value"
bakaGaijin[1] = "one"
bakaGaijin[1.5] = "one and a half"
bakaGaijin[""] = "empty"
bakaGaijin["a\0b\255"] = "bytes"
bakaGaijin.__index = "index"
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
t.eq(A.res_name, "a value")
t.eq(A[1], "one")
t.eq(A[1.5], "one and a half")
t.eq(A[""], "empty")
t.eq(A["a\0b\255"], "bytes")
t.eq(A.__index, "index")
t.raises("You cannot set data for another resource%.$", function() A.res_name = "C" end)
t.eq(A.res_name, "a value")
local label = "^.*gaijin: unsupported: a label is a string or a number, not "
t.raises(label .. "a table", function() return A[{}] end)
t.raises(label .. "a function", function() return A[print] end)
t.raises(label .. "a boolean", function() bakaGaijin[true] = 1 end)
t.raises(label .. "a table", function() bakaGaijin[{}] = 1 end)
t.raises(label .. "a userdata", function() return A[bakaGaijin("A")] end)
t.raises(label .. "nan", function() bakaGaijin[0 / 0] = 1 end)
t.raises(label .. "nan", function() return A[0 / 0] end)
