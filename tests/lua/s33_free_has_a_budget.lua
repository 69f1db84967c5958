-- `free` is no unbounded stop of the world in the middle of a read: a client with a large heap collects within its budget,
-- deliveries go ahead meanwhile, and the books show that collections were put off.
--@ broker --load-min 5 --load-gain-tolerance 1.01
--@ limit 60
--@ worker A
local list = {}
for i = 1, 3000 do list[i] = {} end
bakaGaijin.list = list
--@ worker B once
local t = require "t"
local heap = {}
for i = 1, 400000 do heap[i] = { i } end -- a full collection takes tens of milliseconds
collectgarbage()
local began = gaijin.now()
collectgarbage()
local one = gaijin.now() - began

local collections = 0
local function count()
  collections = collections + 1
  getmetatable(newproxy(true)).__gc = count
end
getmetatable(newproxy(true)).__gc = count

local n = 0
began = gaijin.now()
local kept = {}
for _, v in pairs(bakaGaijin("A").list) do
  n = n + 1
  kept[n] = v
end
local took = gaijin.now() - began
t.eq(n, 3000)
-- each free collects twice; the first may overdraw the budget of 100 ms and a tenth of the time
local may = 2 * ((0.1 + 0.1 * took) / (2 * one) + 2) + 2
print(collections .. " collections of " .. one .. " s in " .. took .. " s; " .. may .. " allowed")
t.ok(collections <= may, "stopped too often")
local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json loads"))
local text = p:read("*a")
p:close()
t.ok(text:match('"budget_ms":%d+') or text:match('"free_outstanding":true'), "the budget is visible: " .. text)
