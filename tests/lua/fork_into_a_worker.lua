-- A fork of a stock interpreter may be made a worker of its own by gaijin.connect; a child of
-- gaijin-worker may not. Neither may its parent, a second time.
--@ worker shop
bakaGaijin.f = function(x) return x end
bakaGaijin.o = { x = 1 }
bakaGaijin.names = {}
bakaGaijin.ask = function(name) return bakaGaijin(name).answer() end
bakaGaijin.exported = function() return (getBaka()) end
--@ worker C exit=0
bakaGaijin.stop = gaijin.stop
--@ worker B once
local t, system = require "t", require "system"
local shop = bakaGaijin("shop")
local f, o, names = shop.f, shop.o, shop.names
bakaGaijin.parents = {}
local why = "^gaijin: unsupported: a remote value of the process that this one is a fork of$"

local stop_ticks = gaijin.every(0.001, function() names[system.pid()] = true end)
gaijin.on_death("nobody", function() names["told " .. system.pid()] = true end)
gaijin.on_death("shop", print)
local future = gaijin.async(f, 1)

local function be_a_worker()
  local me = gaijin.connect { name = "child" }
  t.ok(rawequal(me, bakaGaijin))
  t.eq(gaijin.name, "child")
  t.eq(me.parents, nil)
  stop_ticks()
  t.raises("^gaijin: stale: ", future.get, future)
  -- What was the parent's
  t.raises(why, function() return o.x end)
  t.raises(why, function() o.x = 2 end)
  t.raises(why, function() return o + 1 end)
  t.raises("^gaijin: unsupported: ", f, 1)
  t.eq(o == names, false)
  t.eq(tostring(o):match("^%a+"), "userdata")
  f, names = nil
  collectgarbage()
  collectgarbage()
  -- and what is its own
  local own = bakaGaijin("shop")
  t.eq(own.f(5), 5)
  t.eq(own.o.x, 1)
  me.answer = function() return "the child's" end
  me.list = { 1, 2 }
  t.eq(own.ask("child"), "the child's")
  t.eq(own.f(me.list), me.list)
  t.eq(gaijin.async(own.f, 6):get(), 6)
  local _, _, clients, hosts = getBaka()
  t.ok(hosts.shop and hosts.shop > 0)
  t.eq(table.concat(gaijin.peers(), " "), "B C shop")
  local told
  gaijin.on_death("C", function(name) told = name end)
  bakaGaijin("C").stop()
  t.eventually(function() return told == "C" end)
  -- A child's child is a fork again.
  local own_f, pid = own.f, system.fork()
  if pid == 0 then
    t.raises("^gaijin: unsupported: this process is a fork of worker child,", own_f, 1)
    t.eq(gaijin.close(), 0)
    t.raises("^gaijin: lost: ", own_f, 1)
    gaijin.connect { name = "grandchild" }
    t.eq(bakaGaijin("shop").f(7), 7)
    t.eq(gaijin.close(), 0)
    system.exit(7)
  end
  t.eq(system.wait(pid), 7)
  t.eq(own.f(8), 8)
  t.raises("this interpreter is the worker child already", gaijin.connect)
  own.names.done = true
  t.eq(gaijin.close(), 0)
  own, own_f, o = nil
  collectgarbage()
end

local pid = system.fork()
if pid == 0 and gaijin.connect then
  t.raises("^gaijin.connect: ", gaijin.connect, { nonsense = 1 })
  t.raises("^gaijin: lost: no broker", gaijin.connect, { socket = "/nowhere" }) -- may try again
  t.raises("^gaijin: lost: ", f, 1)
  local ok, err = pcall(be_a_worker)
  if not ok then io.stderr:write(tostring(err), "\n") end
  os.exit(ok and 7 or 1)
elseif pid == 0 then
  system.exit(7)
end
t.eq(system.wait(pid), 7)
t.eq(f(1), 1)
t.eq(o.x, 1)
t.eq(names[pid], nil)
t.eq(names["told " .. pid], nil)
stop_ticks()
if gaijin.connect then
  t.eq(names.done, true)
  t.raises("this interpreter is the worker B already", gaijin.connect)
else
  bakaGaijin("C").stop()
end
bakaGC()
t.eq(shop.exported(), 4) -- f, o, names, and itself
