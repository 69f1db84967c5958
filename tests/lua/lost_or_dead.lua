-- `dead` is what was not begun, `lost` what a worker was at when it ended: calls, reads, futures, pages, and what is
-- combined of them. on_death comes after both.
--@ worker K signal=9
local t = { v = 1 }
local slow = setmetatable({}, { __index = function() gaijin.sleep(60) end, __newindex = function() gaijin.sleep(60) end })
bakaGaijin.t = t
bakaGaijin.slow = slow
bakaGaijin.sleep = function() gaijin.sleep(60) end
bakaGaijin.call_back = function(f) return f() end
bakaGaijin.die = function() os.execute("kill -9 $PPID") end
--@ worker R
-- Asks K on behalf of B: what is lost in there is what B is told.
bakaGaijin.relay = function(f) return f() end
--@ worker B once nowait
local t = require "t"
local K, R = gaijin.wait_for("K") and bakaGaijin("K"), bakaGaijin("R")
local object, slow, sleep, call_back, die, relay = K.t, K.slow, K.sleep, K.call_back, K.die, R.relay
local lost = "^gaijin: lost: worker K ended while it worked on the call; whether it was done is not known$"
local dead = "^gaijin: dead: Gaijin tried accessing dead resource%. %(K%)$"
t.eq(object.v, 1)
local order, futures = {}, {}
local function start(f, ...)
  local n = #futures + 1
  futures[n] = gaijin.async(f, ...)
  futures[n]:on(function(_, e) order[#order + 1] = e end)
end
start(sleep)
start(relay, sleep)
start(function() return slow.key end)
start(function() slow.key = 1 end)
start(gaijin.timeout, 60, sleep)
start(function() gaijin.all({ gaijin.async(sleep) }):get() end)
start(function() return gaijin.wait_for("K", "no such label", 60) end)
local waiter = table.remove(futures)
local label = gaijin.async(function() return bakaGaijin("K").label_of_a_successor end)
t.eq(label:get(), nil)
-- K has begun all of them: it serves in the order of start, and it answers a later one.
t.eq(call_back(function() return "answered" end), "answered")
local died = gaijin.async(die)
gaijin.on_death("K", function() order[#order + 1] = "death" end)
for _, f in ipairs(futures) do t.raises(lost, f.get, f) end
t.raises(lost, died.get, died)
t.raises(dead, sleep)
t.raises(dead, function() return object.v end)
t.raises(dead, function() return bakaGaijin("K").t end)
local failed = gaijin.stats().posts_failed
gaijin.post(sleep)
t.eq(gaijin.stats().posts_failed, failed + 1)
t.eventually(function() return #order == #futures + 1 end)
for i = 1, #futures do t.ok(order[i]:find(lost) or order[i] == "death", order[i]) end
-- who waits for a label goes on with the next worker of the name
t.eq(waiter:done(), false)
waiter:cancel()
