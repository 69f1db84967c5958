-- When the client's VM has collected an AT, the host may drop the object soon, without anybody calling anything.
--@ worker A
local weak = setmetatable({}, { __mode = "v" })
bakaGaijin.make = function()
  weak[1] = {}
  return weak[1]
end
bakaGaijin.gone = function()
  collectgarbage()
  return weak[1] == nil
end
local few = setmetatable({ {}, {} }, { __mode = "v" })
bakaGaijin.few = { few[1], few[2] }
bakaGaijin.clear = function() bakaGaijin.few[1], bakaGaijin.few[2] = nil, nil end
bakaGaijin.left = function()
  collectgarbage()
  return few[1] ~= nil, few[2] ~= nil
end
--@ worker B once
local t = require "t"
local make, gone = bakaGaijin("A").make, bakaGaijin("A").gone
for _ = 1, 10 do
  local o = make()
  t.eq(gone(), false)
  o = nil
  collectgarbage() -- B's own; nothing is sent by it
  gaijin.sleep(0.05) -- B is idle: the queue of releases must leave by itself, well within the 100 ms promised
  t.eventually(gone, 5)
end
-- the same while B does not sleep but computes and calls
local o = make()
o = nil
collectgarbage()
t.eventually(gone, 5)

-- The objects of a page go as its traversal moves on.
local A = bakaGaijin("A")
local left, iterate, list = A.left, pairs(A.few)
local key = iterate(list)
A.clear()
t.eventually(function()
  collectgarbage()
  return not left()
end, 5)
local _, second = left()
t.eq(second, true)
t.eq(type(select(2, iterate(list, key))), "table")
