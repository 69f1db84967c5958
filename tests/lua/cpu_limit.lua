-- A handler that computes too long without giving way is broken off with an error, and its worker goes on. One that no
-- error stops ends with its worker, and those who hold something of it are told.
--@ only gaijin-worker
--@ limit 60
--@ expect S: gaijin-worker error: S: ended: its Lua code has computed for
--@ worker H flags=--cpu-limit,0.2
local n = 0
function bakaGaijin.loop() while true do n = n + 1 end end
function bakaGaijin.loop_in_a_coroutine() return coroutine.wrap(function() while true do n = n + 1 end end)() end
function bakaGaijin.wait(f) -- what is awaited counts for nobody here
  for i = 1, 20 do f() end
  return "done"
end
function bakaGaijin.alive() return true end
bakaGaijin.object = setmetatable({}, { __index = function() while true do n = n + 1 end end })
--@ worker L flags=--cpu-limit,1
function bakaGaijin.compute(seconds)
  local till = os.clock() + seconds
  while os.clock() < till do end
  return "done"
end
--@ worker S signal=24 nowait flags=--cpu-limit,0.1
bakaGaijin.stuck = function() while true do pcall(function() while true do end end) end end
--@ worker C once
local t = require "t"
local H = bakaGaijin("H")
local loop, wait, alive = H.loop, H.wait, H.alive
for i = 1, 2 do
  t.raises("^gaijin: timeout: H has computed for 0%.2 s without giving way %(%-%-cpu%-limit%)$", loop)
  t.raises("gaijin: timeout: H has computed", H.loop_in_a_coroutine)
  t.raises("^gaijin: timeout: H has computed", function() return H.object.x end)
  t.ok(alive())
end
local function compute() -- ours, and as long as twenty times make it over the limit
  local till = os.clock() + 0.03
  while os.clock() < till do end
end
t.eq(wait(compute), "done")
t.eq(bakaGaijin("L").compute(0.6), "done") -- no error comes before the limit

local stuck = gaijin.wait_for("S", "stuck", 10)
local died = false
gaijin.on_death(stuck, function() died = true end)
t.raises("^gaijin: lost: ", stuck)
t.eventually(function() return died end)
t.raises("^gaijin: dead: ", stuck)
t.ok(alive())
