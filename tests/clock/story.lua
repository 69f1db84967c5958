-- Everything of a worker that has to do with time, while the system's clock jumps by hours.
local before = os.time()
local jumped = false
for _ = 1, 10 do jumped = jumped or math.abs(os.time() - before) > 1800 end
assert(jumped, "the clock does not jump")

local shop = gaijin.wait_for("shop", 60) and bakaGaijin("shop")
local add, nap = gaijin.wait_for("shop", "add"), gaijin.wait_for("shop", "nap")
local began, ticks = gaijin.now(), 0
local stop = gaijin.every(0.01, function() ticks = ticks + 1 end)
local later = false
gaijin.after(0.05, function() later = true end)
for i = 1, 300 do assert(add(i, 1) == i + 1) end
gaijin.sleep(0.1)
stop()
assert(later and ticks > 1, "a timer did not go off")
assert(gaijin.now() - began >= 0.1, "a sleep was too short")
-- Limits far away are not reached, near ones are.
assert(gaijin.timeout(3000, nap, 0.05) == "slept")
local ok, why = pcall(gaijin.timeout, 0.05, nap, 3000)
assert(not ok and why:find("^gaijin: timeout: "), why)
local future = gaijin.async(nap, 0.05)
assert(future:get(3000) == "slept")
ok, why = pcall(gaijin.wait_for, "nobody", 0.05)
assert(not ok and why:find("^gaijin: timeout: nobody is not there after 0.05 s"), why)
for i = 1, 200 do gaijin.post(add, i, i) end
local kept = {}
for i = 1, 100 do kept[i] = shop.make() end
kept, shop = nil, nil
bakaGC()
assert(gaijin.now() - began < 1000, "the time that passes is not the true one")
print("all right")
