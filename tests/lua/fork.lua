-- A child that a script forks leaves its parent's connection alone: what would use it raises,
-- finalisers send nothing, its end changes nothing. The parent notices nothing.
--@ worker shop
local kept = 0
bakaGaijin.f = function(x) return x end
bakaGaijin.o = {}
bakaGaijin.fresh = function() return { 1 } end
bakaGaijin.count = function() kept = kept + 1 return kept end
bakaGaijin.forks = function()
  local system = require "system"
  local pid = system.fork()
  if pid == 0 then return "the child's answer" end -- and then it ends
  return system.wait(pid)
end
bakaGaijin.exported = function() return (getBaka()) end
--@ worker B once
local t, system = require "t", require "system"
local shop = bakaGaijin("shop")
local f, o, count, fresh = shop.f, shop.o, shop.count, shop.fresh
local why = "^gaijin: unsupported: this process is a fork of worker B, to which the connection "
  .. "belongs; exec"
-- What the epoll set watches is shared over fork: no child's end may change it.
gaijin.sleep(0.001)
local watched = system.watched()
t.ok(watched > 0)
if not os.getenv("GAIJIN_TEST_UNDER") then t.eq(system.inherited(), 0) end -- valgrind has one
-- Runs body in a child, which ends with 7 if nothing is wrong there.
local function child(body)
  local pid = system.fork()
  if pid == 0 then
    local ok, err = pcall(body)
    if not ok then io.stderr:write("child: ", tostring(err), "\n") end
    system.exit(ok and 7 or 1)
  end
  t.eq(system.wait(pid), 7)
  t.eq(f(pid), pid) -- the parent goes on
end

child(function()
  t.raises(why, f, 1)
  t.raises(why, count)
  t.raises(why, function() return o.x end)
  t.raises(why, function() o.x = 1 end)
  t.raises(why, function() return o + 1 end)
  t.raises(why, function() return shop.f end)
  t.raises(why, next, o)
  t.raises(why, pairs, o)
  t.raises(why, gaijin.fetch, o)
  t.raises(why, gaijin.post, count)
  t.raises(why, gaijin.async, count)
  t.raises(why, gaijin.async, function() end)
  t.raises(why, gaijin.spawn, function() end)
  t.raises(why, gaijin.after, 1, function() end)
  t.raises(why, gaijin.sleep, 0.01)
  t.raises(why, gaijin.yield)
  t.raises(why, gaijin.run)
  t.raises(why, gaijin.ready)
  t.raises(why, gaijin.stats)
  t.raises(why, gaijin.peers)
  t.raises(why, gaijin.wait_for, "shop")
  t.raises(why, gaijin.on_death, "shop", print)
  t.raises(why, gaijin.on_death, o, print)
  t.raises(why, bakaGC)
  t.raises(why, bakaUpdateATC)
  t.raises(why, getBaka)
  t.raises(why, gaijin.reclaim)
  t.ok(tostring(o):match("^table: shop:%d+$")) -- describes it, and asks nobody
  t.eq(type(o), "table")
  t.eq(gaijin.name, "B")
end)

-- Finalisers, of what is held and of what is exported.
local held = fresh()
child(function()
  held, f, o, fresh = nil
  collectgarbage()
  collectgarbage()
end)
t.eq(held[1], 1)
t.eq(f(held), held)

-- What is queued, and what is under way, is the parent's.
gaijin.post(count)
local future = gaijin.async(count)
child(function() t.raises(why, future.get, future) end)
t.eq(future:get(), 2)
t.eq(count(), 3)

-- A child that goes on to its end: by os.exit, of the script.
local pid = system.fork()
if pid == 0 then os.exit(3) end
t.eq(system.wait(pid), 3)
t.eq(system.watched(), watched)
t.eq(f(1), 1)
pid = system.fork()
if pid == 0 then
  held = nil
  return
end
t.eq(system.wait(pid), 0)
t.eq(system.watched(), watched)
t.eq(f(2), 2)

-- On another fiber, with others ready: they go on in the parent only.
local runs = 0
gaijin.spawn(function()
  pid = system.fork()
  gaijin.post(print, "not in the child") -- raises there
end)
gaijin.spawn(function() runs = runs + 1 if pid == 0 then system.exit(9) end end)
t.eventually(function() return runs == 1 end)
local status = system.wait(pid)
t.ok(status == 0 or status == 1, status)
t.eq(system.watched(), watched)
t.eq(f(3), 3)

-- In a worker that serves: the child ends with its call, gaijin-worker's in silence. A stock
-- interpreter's goes on with the script, whose wait raises.
local ended = os.getenv("GAIJIN_TEST_STOCK") and 1 or 0
t.eq(shop.forks(), ended)
t.eq(shop.forks(), ended)
t.eq(count(), 4)

-- A signal ends a child at once, and only the child.
pid = system.fork()
if pid == 0 then
  system.kill(system.pid(), 15)
  system.exit(9)
end
t.eq(system.wait(pid), 128 + 15)
t.eq(f(4), 4)
held = nil
bakaGC()
t.eq(shop.exported(), 5) -- f, o, count, fresh, and itself
