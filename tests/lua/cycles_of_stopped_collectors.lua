-- A script has stopped its collector: what is condemned is gone from weak tables all the same, and the collector stands still as before. A
-- stock 5.1 does not tell whether it does. One member is small, and collects; one marks only, for it has 4 MB or more.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker A
function bakaGaijin.make(other) return { other = other } end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
local weak = setmetatable({}, { __mode = "v" })
local function new() -- a frame of its own: no register keeps it
  local u = {}
  u.t = make(u)
  weak[1], weak[2] = u, u.t
end
local heap = {}
for _, size in ipairs { 0, 100000 } do
  for i = 1, size do heap[i] = { i } end
  new()
  collectgarbage("stop")
  t.eventually(function() return weak[1] == nil and weak[2] == nil end, 40)
  if jit then t.eq(collectgarbage("isrunning"), false) end
  gaijin.sleep(0.01)
  if jit then t.eq(collectgarbage("isrunning"), false) end
  collectgarbage("restart")
end
