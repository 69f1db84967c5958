--@ worker A
bakaGaijin.f = function(o) return 1, nil, o, function() return "called" end end
bakaGaijin.nils = function() return nil, nil, nil end
bakaGaijin.none = function() end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o = {}
local function pack(...) return select("#", ...), { ... } end
local n, r = pack(A.f(o))
t.eq(n, 4)
t.eq(r[1], 1)
t.eq(r[2], nil)
t.eq(r[3], o, "our own table comes home")
t.eq(r[4](), "called")
t.eq((pack(A.nils())), 3)
t.eq((pack(A.none())), 0)
