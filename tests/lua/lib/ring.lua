-- SPDX-License-Identifier: MIT
--
-- A worker that makes objects which hold one another, for tests of garbage in cycles, and knows how many of them are left.
local all, n = setmetatable({}, { __mode = "k" }), 0

local function make(...)
  local object = { n = select("#", ...), ... }
  all[object] = true
  return object
end

bakaGaijin.make = make
bakaGaijin.close = function(object, other) object.other = other end
bakaGaijin.collect = function() bakaGC() end

--- How many of its objects are left.
bakaGaijin.left = function()
  bakaGC()
  n = 0
  for _ in raw_pairs(all) do n = n + 1 end
  return n
end

--- One for each of the others, which it holds; as a table.
bakaGaijin.for_each = function(others)
  local list = {}
  for i = 1, #others do list[i] = make(others[i]) end
  return gaijin.copy(list, 1)
end

--- So many objects here and at another worker, in pairs that hold each other; and each here the one before it.
bakaGaijin.fill = function(name, count)
  local for_each, before, page = bakaGaijin(name).for_each, nil, 500
  for _ = 1, count, page do
    local list = {}
    for i = 1, page do
      before = make(before)
      list[i] = before
    end
    local others = for_each(gaijin.copy(list, 1))
    for i = 1, page do list[i].other = others[i] end
  end
end
