-- Who may traverse a table may call the cursor of its further pages, and do nothing else with it.
--@ worker A
local big = {}
for i = 1, 3500 do big[i] = i end
bakaGaijin.big, bakaGaijin.meta = big, {}
gaijin.access = function(_, op, object) return op == "s2t" or (op == "pairs" and object == big) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local iterate = pairs(A.big)
local cursor -- no upvalue of a C function is shown, but there is a table of all objects of others, by address
for _, anchored in pairs(debug.getregistry()) do
  for address, value in raw_pairs(raw_type(anchored) == "table" and anchored or {}) do
    if raw_type(address) == "userdata" and type(value) == "function" then cursor = value end
  end
end
t.eq(type(cursor), "function")
local refused = "^gaijin: denied: A refuses apply to B$"
t.raises(refused, getfenv, cursor)
t.raises(refused, setfenv, cursor, {})
t.raises(refused, debug.getinfo, cursor)
t.raises(refused, debug.getfenv, cursor)
t.raises(refused, debug.setfenv, cursor, A.meta)
t.raises(refused, getmetatable, cursor)
t.raises(refused, debug.getmetatable, cursor)
t.raises(refused, debug.setmetatable, cursor, A.meta)
t.raises(refused, debug.setmetatable, cursor, nil)
t.raises("^gaijin: denied: A refuses str to B$", tostring, cursor)
local more, key = cursor()
t.eq(more, true)
t.ok(key)
