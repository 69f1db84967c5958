-- `free` is no unbounded stop of the world in the middle of a read: a client with a large heap collects within its budget,
-- deliveries go ahead meanwhile, and the books show that collections were put off.
--@ broker --load-min 5 --load-gain-tolerance 1.01
--@ limit 60
--@ worker A
bakaGaijin.make = function() return {} end
--@ worker B once
local t = require "t"
local heap = {}
for i = 1, 400000 do heap[i] = { i } end -- a full collection takes tens of milliseconds
local function time_of_one()
  local began = gaijin.now()
  collectgarbage()
  return gaijin.now() - began
end
time_of_one()
local one = math.min(time_of_one(), time_of_one(), time_of_one()) -- other processes only make it longer

local collections = 0
local function count()
  collections = collections + 1
  getmetatable(newproxy(true)).__gc = count
end
getmetatable(newproxy(true)).__gc = count

local make = bakaGaijin("A").make
local kept = {}
local began = gaijin.now()
for i = 1, 1000 do kept[i] = make() end -- hundreds of these cross the line
local took = gaijin.now() - began
-- Each free collects twice; the first may overdraw the budget of 100 ms and a tenth of the time. Twice as many are let
-- pass, for a time measured is never exact; without a budget it is a collection for nearly every second object.
local may = 2 * (2 * ((0.1 + 0.1 * took) / (2 * one) + 2) + 2)
print(collections .. " collections of " .. one .. " s in " .. took .. " s; " .. may .. " allowed")
t.ok(collections <= may, "stopped too often")
local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json loads"))
local text = p:read("*a")
p:close()
t.ok(text:match('"budget_ms":%d+') or text:match('"free_outstanding":true'), "the budget is visible: " .. text)
