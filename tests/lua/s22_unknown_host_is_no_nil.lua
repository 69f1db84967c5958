--@ worker A
bakaGaijin.x = 1
--@ worker B once
local t = require "t"
t.raises("^gaijin: dead: Gaijin tried accessing dead resource%. %(nope%)$", function() return bakaGaijin("nope").x end)
t.eq(bakaGaijin("A").absent, nil)
t.eq(bakaGaijin("A"), bakaGaijin("A"))
t.eq(tostring(bakaGaijin("A")), 'bakaGaijin("A")')
t.raises("bad argument #1 to 'bakaGaijin' %(string expected, got nil%)", function() bakaGaijin() end)
