--@ worker A
bakaGaijin.table_error = function() error { code = 7 } end
bakaGaijin.text_error = function() error("plain", 0) end
bakaGaijin.positioned = function() error("here") end
bakaGaijin.nil_error = function() error(nil) end
bakaGaijin.rethrow = function(v) error(v) end
bakaGaijin.falsy = function() return false end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local ok, e = pcall(A.table_error)
t.eq(ok, false)
t.eq(e.code, 7, "the table thrown is there by reference")
ok, e = pcall(A.text_error)
t.eq(e, "plain")
ok, e = pcall(A.positioned)
t.ok(e:match("A.lua:4: here$"), e)
ok, e = pcall(A.nil_error)
t.eq(ok, false)
t.eq(e, nil)
local mine = {}
ok, e = pcall(A.rethrow, mine)
t.eq(e, mine, "our own table comes home as error value")
ok, e = pcall(A.falsy)
t.eq(ok, true)
t.eq(e, false)
t.raises("attempt to call", function() A.no_such_label() end)
