-- Values that a script changes each time they are about to be sent are given up in the end, with an
-- error.
--@ worker A
local root, inner, asked = { {} }, {}, 0
root[1] = inner
bakaGaijin.root, bakaGaijin.plain = root, { { 1 } }
bakaGaijin.asked = function() return asked end
bakaGaijin.size = function(v) return #v end
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

-- A finaliser that runs while the second copy is looked through changes a table of the first, whose entries have been counted.
local tables, changes = { {} }, 0
for i = 2, 50 do tables[i] = { i } end
local function litter()
  getmetatable(newproxy(true)).__gc = function()
    changes = changes + 1
    tables[1].extra = changes % 2 == 1 or nil
    litter()
  end
end
litter()
for _ = 1, 2000 do t.eq(A.size(gaijin.copy(tables), gaijin.copy {}), 50) end
t.ok(changes > 10, changes)
