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
