-- One traceback over all processes; the error value stays what it was.
--@ expect D: deep down
--@ worker A exit=0
bakaGaijin.fail = function() error("deep down") end
bakaGaijin.fail_table = function() error(setmetatable({}, { __tostring = function() return "table error" end })) end
bakaGaijin.stop = function() gaijin.after(0.02, gaijin.stop) end
--@ worker B exit=0
bakaGaijin.middle = function() return (bakaGaijin("A").fail()) end
bakaGaijin.stop = function() gaijin.after(0.02, gaijin.stop) end
--@ worker D exit=1
local function outer() return (bakaGaijin("B").middle()) end
outer()
--@ worker C once
local t = require "t"
local function outermost() return (bakaGaijin("B").middle()) end
local ok, trace = xpcall(outermost, gaijin.traceback)
t.eq(ok, false)
t.ok(trace:match("^[^\n]*A.lua:4: deep down\nstack traceback:\n"), trace)
local a, b, c = trace:find("\tA: [^\n]*A.lua:4"), trace:find("\tB: [^\n]*B.lua:8"), trace:find("\tC: [^\n]*C.lua:15")
t.ok(a and b and c and a < b and b < c, trace)
local ok, e = pcall(outermost)
t.ok(e:match("A.lua:4: deep down$"), e)
t.ok(gaijin.traceback(e):find("\tA: ", 1, true))
t.ok(not gaijin.traceback("another"):find("\tA: ", 1, true))
t.ok(gaijin.traceback({}):match("^%(error value is a table%)\nstack traceback:\n"), gaijin.traceback({}))
ok, e = pcall(bakaGaijin("A").fail_table)
t.eq(tostring(e), "table error")
t.ok(gaijin.traceback(e):match("^table error\n.*\tA: "), gaijin.traceback(e))
e = nil
bakaGaijin("B").stop()
bakaGaijin("A").stop()
