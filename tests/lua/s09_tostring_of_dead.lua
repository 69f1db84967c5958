--@ worker A once
local finished = false
bakaGaijin.t = { v = 1 }
bakaGaijin.named = setmetatable({}, { __tostring = function() return "my name" end })
bakaGaijin.bad = setmetatable({}, { __tostring = function() error("no name", 0) end })
bakaGaijin.own_text = function() return tostring(bakaGaijin.t) end
bakaGaijin.finish = function() finished = true end
gaijin.ready()
while not finished do gaijin.sleep(0.005) end
--@ worker B once nowait
local t = require "t"
local A = bakaGaijin("A")
local o = A.t
t.eq(tostring(o), A.own_text(), "the text is the original's")
t.eq(tostring(A.named), "my name")
t.eq(t.raises("no name", tostring, A.bad), "no name")
A.finish()
t.eventually(function() return not pcall(function() return o.v end) end)
t.ok(tostring(o):match("^table: A:%d+ %(dead%)$"), tostring(o))
print(o)
