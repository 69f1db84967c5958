--@ worker A
bakaGaijin.count = function(...) return select("#", ...) end
bakaGaijin.nth = function(n, ...) return (select(n, ...)) end
bakaGaijin.write = function(_, t) t.written = true end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
t.eq(A.count(), 0)
t.eq(A.count(nil), 1)
t.eq(A.count(1, nil), 2)
t.eq(A.count(1, nil, 3, nil), 4)
t.eq(A.count(nil, {}, print), 3)
t.eq(A.nth(3, 1, nil, 3, nil), 3)
t.eq(A.nth(4, 1, nil, 3, nil), nil)
local mine = {}
A.write(nil, mine)
t.eq(mine.written, true, "a table after a nil is a reference")
local many = {}
for i = 1, 250 do many[i] = i end
t.eq(A.count(unpack(many, 1, 250)), 250)
t.eq(A.nth(250, unpack(many, 1, 250)), 250)
