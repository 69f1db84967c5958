-- A function that a client gives to a library function is asked about as if the client called it;
-- and being allowed an object does not allow the functions that come with it.
--@ worker A
local ran = 0
local function refused() ran = ran + 1 return true end
local mover = coroutine.create(function() ran = ran + 1 end)
bakaGaijin.list, bakaGaijin.refused, bakaGaijin.mover = { 3, 1, 2 }, refused, mover
bakaGaijin.ran = function() return ran end
gaijin.access = function(_, _, object) return object ~= refused and object ~= mover end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local list, refused = A.list, A.refused
local why = "^gaijin: denied: A refuses call to B$"
t.raises(why, table.sort, list, refused)
t.raises(why, table.foreach, list, refused)
t.raises(why, table.foreachi, list, refused)
t.raises(why, refused)
t.raises(why, string.gsub, "x", "x", refused)
t.raises("^gaijin: denied: A refuses apply to B$", coroutine.resume, A.mover)
t.eq(A.ran(), 0)
table.sort(list, function(a, b) return a < b end)
t.eq(table.concat(list), "123")
local n = 0
table.foreachi(list, function(_, v) n = n + v end)
t.eq(n, 6)
t.eq(table.foreach(list, A.ran), 0)
