-- Values that a script changes each time they are about to be sent are given up in the end, with an
-- error.
--@ worker A
local root, inner, asked = { {} }, {}, 0
root[1] = inner
bakaGaijin.root, bakaGaijin.plain = root, { { 1 } }
bakaGaijin.asked = function() return asked end
function gaijin.access(_, op, object, key)
  if key == "fetch" and object == inner then
    asked = asked + 1
    root[#root + 1] = gaijin.copy {} -- one that the tables found so far do not know
  end
  return true
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local why = "^gaijin: busy: the values changed each of the 100 times they were about to be sent$"
t.raises(why, gaijin.fetch, A.root)
t.eq(A.asked(), 100)
t.eq(gaijin.fetch(A.plain)[1][1], 1)
