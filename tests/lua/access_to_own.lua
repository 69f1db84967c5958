-- A worker may address itself by name; it gets its own objects.
--@ worker A once
local t = require "t"
local o = {}
bakaGaijin.o = o
t.eq(bakaGaijin("A").o, o)
bakaGaijin.f = function(x) return x end
t.eq(bakaGaijin("A").f(o), o)
bakaGaijin.o, bakaGaijin.f = nil
t.eventually(function() return getBaka() == 0 end)
