-- The AT's own metatable cannot be reached or broken; the original's is what one sees, as at home.
--@ worker A
bakaGaijin.t = { v = 1 }
bakaGaijin.locked = setmetatable({}, { __metatable = "locked" })
local m = { __index = { w = 2 } }
bakaGaijin.open = setmetatable({}, m)
bakaGaijin.m = m
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o = A.t
t.eq(getmetatable(o), nil)
t.eq(getmetatable(A.locked), "locked")
t.ok(rawequal(getmetatable(A.open), A.m))
t.eq(getmetatable(bakaGaijin), "gaijin")
t.eq(getmetatable(bakaGaijin("A")), "gaijin")
t.eq(raw_getmetatable(o), "gaijin", "even the original getmetatable sees no table")
t.raises("setmetatable: the object lives in A and the metatable in B", setmetatable, o, {})
t.raises("table expected", raw_setmetatable, o, {})
getmetatable(A.open).__index = nil
t.eq(A.open.w, nil)
t.eq(o.v, 1)
