--@ worker A
bakaGaijin.t = { v = 1 }
bakaGaijin.locked = setmetatable({}, { __metatable = "locked" })
--@ worker B once
local t = require "t"
local o = bakaGaijin("A").t
t.raises("gaijin: unsupported: getmetatable", getmetatable, o)
t.raises("gaijin: unsupported: setmetatable", setmetatable, o, {})
t.raises("gaijin: unsupported: getmetatable", getmetatable, bakaGaijin("A").locked)
t.eq(getmetatable(bakaGaijin), false)
t.eq(getmetatable(bakaGaijin("A")), false)
t.eq(raw_getmetatable(o), "gaijin", "even the original getmetatable sees no table")
t.eq(o.v, 1)
