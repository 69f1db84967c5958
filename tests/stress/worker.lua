-- SPDX-License-Identifier: MIT
--
-- One worker of the stress test. It does what the driver says (`run`) and what other workers ask in the course of
-- that (`services`), all through one exposed function, `ctl`. Objects are those of objects.lua, beside this file.
--
-- Numbers come from tests/stress/step.h: arg[1] is the list of steps "name:operands,...". Every step has a tolerance:
-- 0 all must go well; 1 objects of a worker that is being killed may be dead; 2 the step itself may find it dead.
-- In a batch in which the broker is killed (`run_over`) every step may be lost that is begun before all have come back to
-- the last broker (`settled`).

local VALUE_CELLS, FORGET, BIG = 4, 60, ("x"):rep(5000)

local registry = setmetatable({}, { __mode = "v" }) -- serial -> object of ours
local ops, services, order = {}, {}, {}

-- What we ask has an id, which nobody may see twice. `violation`: somebody has, or something like that.
local me, asked, seen, violation = gaijin.name .. " " .. gaijin.now() .. " ", 0, {}
local function next_id()
  asked = asked + 1
  return me .. asked
end

local function peer(i)
  local once = bakaGaijin("w" .. i).once
  return function(...) return once(next_id(), ...) end
end

local places = dofile((arg[0]:gsub("worker%.lua$", "places.lua")))
local objects = dofile((arg[0]:gsub("worker%.lua$", "objects.lua")))
local slot = places.places
local get_cell, set_cell, home_cell, clear_cells = objects.get_cell, objects.set_cell, objects.home_cell, objects.clear_cells
local is_dead, is_lost, fail, probe, verify = objects.is_dead, objects.is_lost, objects.fail, objects.probe, objects.verify

local peeks = dofile((arg[0]:gsub("worker%.lua$", "peeks.lua")))(registry, objects, function(text) violation = text end)

---- What other workers ask for

services.put = function(d, v) slot[d] = v end
services.take = function(s) return slot[s] end
services.raise = function(s) error(slot[s], 0) end
services.big = function(s) return slot[s], BIG end
services.relay = function(w, d, v) return peer(w)("put", d, v) end
services.sync = function() end

services.callback = function(f, x, s, d, expected, tolerance)
  verify(x, expected, tolerance)
  slot[d] = f(slot[s], x)
end

services.lend = function(f, x, y, ex, ey, tolerance)
  local mine = { x, y }
  local t = { [x] = y }
  verify(mine[1], ex, tolerance)
  verify(f(t, x, y), ey, tolerance)
  return t
end

-- Two objects in a table by value, one of them also as a key.
services.box = function(box, ex, ey, tolerance)
  if raw_type(box) ~= "table" or not rawequal(box.x, box.inner.x) then fail("a table sent by value is another one") end
  local key
  for k in raw_pairs(box) do
    if type(k) ~= "string" then key = k end
  end
  verify(box.x, ex, tolerance)
  verify(key, ey, tolerance)
  return gaijin.copy({ key, box.inner.x }, 1)
end

---- Steps

local function step(name, run) ops[name] = { run = run } end

step("create", function(_, d, kind, serial, wide)
  local object = objects.makers[kind](serial, wide == 1)
  registry[serial] = object
  peeks.note(serial)
  slot[d] = object
end)
step("copy", function(_, s, d) slot[d] = slot[s] end)
step("drop", function(_, s) slot[s] = nil end)
step("label", function(_, l, s) bakaGaijin["L" .. l] = slot[s] end)
step("unlabel", function(_, l) bakaGaijin["L" .. l] = nil end)

step("fetch", function(tolerance, w, l, d, expected)
  slot[d] = bakaGaijin("w" .. w)["L" .. l]
  verify(slot[d], expected, tolerance)
end)

step("give", function(_, w, s, d) peer(w)("put", d, slot[s]) end)

step("take", function(tolerance, w, s, d, expected)
  slot[d] = peer(w)("take", s)
  verify(slot[d], expected, tolerance)
end)

step("handoff", function(_, w, s, d, collect)
  peer(w)("put", d, slot[s])
  slot[s] = nil
  if collect == 1 then collectgarbage() end
end)

step("store", function(_, c, k, s, raw) set_cell(slot[c], k, slot[s], raw) end)
step("clear", function(_, c, k) set_cell(slot[c], k, nil) end)

step("load", function(tolerance, c, k, d, expected)
  slot[d] = get_cell(slot[c], k)
  verify(slot[d], expected, tolerance)
end)

step("key", function(_, c, s, k) slot[c][slot[s]] = k end)

step("unkey", function(tolerance, c, k, expected)
  local found
  for key, v in pairs(slot[c]) do
    if v == k and type(key) ~= "string" and type(key) ~= "number" then
      found = key
      break
    end
  end
  verify(found, expected, tolerance)
  slot[c][found] = nil
end)

step("lookup", function(_, c, s, expected)
  local got = slot[c][slot[s]]
  if got ~= (expected ~= 0 and expected or nil) then fail("%s is the value of a key instead of %d", tostring(got), expected) end
end)

local function add(sum, k, v)
  return sum + k * (probe(v) or FORGET)
end

local function add_entries(next_entry, t, first)
  local sum, n = 0, 0
  for k, v in next_entry, t, first do
    if type(k) == "number" and k <= VALUE_CELLS then
      sum, n = add(sum, k, v), n + 1
    elseif type(k) ~= "string" and type(k) ~= "number" then
      sum, n = add(sum, v, k), n + 1
    end
  end
  return sum, n
end

local function add_values(...)
  local sum, n = 0, 0
  for k = 1, VALUE_CELLS do
    local v = select(k, ...)
    if v ~= nil then sum, n = add(sum, k, v), n + 1 end
  end
  return sum, n
end

local traversals = {
  [0] = function(t) return add_entries(pairs(t)) end,
  function(t) -- abandoned
    for k, v in pairs(t) do return end
  end,
  function(t)
    local sum, n = 0, 0
    for k, v in ipairs(t) do sum, n = add(sum, k, v), n + 1 end
    return sum, n
  end,
  function(t) return add_entries(raw_pairs(gaijin.fetch(t, 1))) end,
  function(t) return add_entries(next, t) end,
  function(t) return add_values(unpack(t, 1, VALUE_CELLS)) end,
  function(t) return add_values(gaijin.path(t, 1), gaijin.path(t, 2), rawget(t, 3), rawget(t, 4)) end,
}

step("pairs", function(tolerance, c, how, count, expected)
  local sum, n = traversals[how](slot[c])
  if n and n ~= count then fail("%d entries instead of %d", n, count) end
  if n and sum ~= expected and tolerance == 0 then fail("entries that add up to %.0f instead of %.0f", sum, expected) end
end)

step("callback", function(tolerance, w, b, c, d, s2, d2, eb, es2)
  local mine, calls, same = slot[b], 0, true
  peer(w)("callback", function(theirs, back)
    calls, same = calls + 1, rawequal(back, mine)
    if calls > 1 then violation = "a function was called back twice" end
    slot[d] = theirs
    return slot[c]
  end, mine, s2, d2, eb, tolerance)
  if calls ~= 1 then fail("called back %d times", calls) end
  if not same then fail("object %d came back as another one", eb) end
  verify(slot[d], es2, tolerance)
end)

step("raise", function(tolerance, w, s, d, expected)
  local ok, e = pcall(peer(w), "raise", s)
  if ok then fail("object %d was raised and no error arrived", expected) end
  if raw_type(e) == "string" then error(e, 0) end
  slot[d] = e
  verify(e, expected, tolerance)
end)

step("relay", function(_, w1, w2, s, d) peer(w1)("relay", w2, d, slot[s]) end)

step("post", function(_, w, s, d, forget)
  gaijin.post(bakaGaijin("w" .. w).once, next_id(), "put", d, slot[s])
  if forget > 0 then slot[s] = nil end
  if forget > 1 then collectgarbage() end
end)
step("sync", function(_, w) peer(w)("sync") end)

step("lend", function(tolerance, w, b, c, eb, ec)
  local x, y, same = slot[b], slot[c], true
  local t = peer(w)("lend", function(t, x2, y2)
    same = rawequal(x, x2) and rawequal(y, y2) and rawequal(t[x], y)
    return y2
  end, x, y, eb, ec, tolerance)
  if not same then fail("objects %d and %d were lent and came back as others", eb, ec) end
  if not rawequal(t[x], y) then fail("object %d is no value of a lent table", ec) end
end)

step("box", function(tolerance, w, b, c, eb, ec)
  local x, y = slot[b], slot[c]
  local box = { x = x, [y] = true }
  box.inner = gaijin.copy({ x = x }, 1)
  local got = peer(w)("box", gaijin.copy(box, 1), eb, ec, tolerance)
  if not rawequal(got[1], y) or not rawequal(got[2], x) then fail("objects %d and %d came back as others", eb, ec) end
end)

step("same", function(tolerance, w, a, s, equal)
  local got = peer(w)("take", s)
  if rawequal(got, slot[a]) ~= (equal > 0) then fail(equal > 0 and "one object has two identities here" or "two objects are equal") end
  if tolerance == 0 and (equal == 2 or equal == -1) and (got == slot[a]) ~= (equal > 0) then fail("== errs") end
end)

step("check", function(tolerance, s, expected) verify(slot[s], expected, tolerance) end)

-- Drops an object and has a finaliser bring it back: an AT may have been finalised by then, its release sent or not.
local function bury(s, save)
  local v, ghost = slot[s], newproxy(true)
  objects.forgive(v)
  getmetatable(ghost).__gc = function() save(v) end
  slot[s] = nil
end

step("haunt", function(tolerance, s, expected, how)
  local back
  bury(s, function(v) back = v end)
  gaijin.yield() -- a fiber that kept it ends
  collectgarbage()
  if back == nil then return end
  if how == 1 then bakaUpdateATC() elseif how == 2 then gaijin.sleep(0) end
  local ok, e = pcall(verify, back, expected, tolerance)
  if not ok and not tostring(e):find("^gaijin: stale:") then error(e, 0) end
end)

step("collect", function(_, how)
  if how == 0 then collectgarbage() elseif how == 1 then bakaGC() elseif how == 2 then bakaUpdateATC(true)
  elseif how == 3 then bakaUpdateATC() else collectgarbage("step", 200) end
end)

step("wait", function(_, w, l)
  local ok, e = pcall(gaijin.wait_for, "w" .. w, "L" .. l, 0.001)
  if not ok and not is_dead(e) and not tostring(e):find("^gaijin: timeout:") then error(e, 0) end
end)

step("too_large", function(_, w, s, back)
  local ok, e
  if back == 1 then ok, e = pcall(peer(w), "big", s) else ok, e = pcall(peer(w), "lend", slot[s], BIG) end
  if ok or not tostring(e):find("^gaijin: too_large:") then
    if is_dead(e) or is_lost(e) then error(e, 0) end
    fail("a message of more than --max-message: %s", tostring(e))
  end
end)

step("absent", function(_, w)
  local ok, e = pcall(function() return bakaGaijin("w" .. w).L1 end)
  if is_lost(e) then error(e, 0) end
  if ok or not e:find("^gaijin: dead:") then fail("a worker that is not there: %s", tostring(e)) end
end)

---- What the driver asks for

for name, n in arg[1]:gmatch("([%w_]+):(%d+)") do order[#order + 1] = { run = ops[name].run, name = name, n = tonumber(n) } end

local settled -- the last batch in which the broker was killed and all have come back

-- 0 and the numbers of the steps that were not done, or not surely; or the number of the one that failed and why.
-- over: the batch, if the broker is killed meanwhile.
local function do_steps(over, ...)
  local a, n, i, k, undone = { ... }, select("#", ...), 1, 0, {}
  while i <= n do
    k = k + 1
    local op, tolerance = order[a[i]], a[i + 1]
    local may_be_lost = over and settled ~= over
    local ok, e = pcall(op.run, tolerance, unpack(a, i + 2, i + 1 + op.n))
    if not ok then
      if not (tolerance == 2 and is_dead(e)) and not (may_be_lost and is_lost(e)) then return k, op.name .. ": " .. tostring(e) end
      undone[#undone + 1] = k
    end
    i = i + 2 + op.n
  end
  if violation then return math.max(k, 1), violation end
  return 0, unpack(undone)
end

local function run_steps(...) return peeks.during(do_steps, ...) end
services.run = function(...) return run_steps(nil, ...) end
services.settled = function(batch) settled = batch end

-- What came of each lane is kept, for its answer may be lost: `result` tells it. -1: it was not begun, -2: it runs.
local lanes = {}
services.run_over = function(batch, lane, ...)
  if lanes[lane] and lanes[lane].batch == batch then violation = "a lane was begun twice" end
  local l = { batch = batch, result = { -2 } }
  lanes[lane] = l
  l.result = { run_steps(batch, ...) }
  return unpack(l.result)
end

services.result = function(batch, lane)
  local l = lanes[lane]
  if not l or l.batch ~= batch then return -1 end
  return unpack(l.result)
end

-- Whether nothing is served but this.
services.idle = function()
  if violation then fail("%s", violation) end
  return gaijin.stats().serving == 1
end

services.sync_all = function(...)
  for i = 1, select("#", ...) do peer((select(i, ...)))("sync") end
end

-- Places, each three numbers as outage.c has them: 0 slot i, 1 label i, 2 cell i of an object of ours. Tells what is there: -1 something dead,
-- -2 the object is gone; `purge` lets go of what is dead.
local function each_place(f, ...)
  local a, list = { ... }, {}
  for i = 1, #a, 3 do
    local kind, object, k = a[i], registry[a[i + 1]], a[i + 2]
    local v
    if kind == 0 then v = slot[k] elseif kind == 1 then v = bakaGaijin["L" .. k] elseif object then v = home_cell(object, k) end
    local got = v ~= nil and (probe(v) or -1) or 0
    if kind == 2 and not object then got = -2 end
    list[#list + 1] = got
    if f and got == -1 then f(kind, object, k) end
  end
  return unpack(list)
end

services.look = function(...) return each_place(nil, ...) end
services.purge = function(...)
  return each_place(function(kind, object, k)
    if kind == 0 then slot[k] = nil elseif kind == 1 then bakaGaijin["L" .. k] = nil else objects.clear_cell(object, k) end
  end, ...)
end

services.collect = function()
  seen = {}
  peeks.wait()
  bakaGC()
  local exported, used = getBaka()
  return exported, used
end

services.slots = function(n)
  local list = {}
  for i = 1, n do list[i] = slot[i] end
  return unpack(list, 1, n)
end

services.labels = function(n)
  local list = {}
  for i = 1, n do list[i] = bakaGaijin["L" .. i] end
  return unpack(list, 1, n)
end

services.cells = function(n, ...)
  local list = {}
  for i = 1, select("#", ...) do
    local object = registry[select(i, ...)]
    for k = 1, n do list[(i - 1) * n + k] = object and home_cell(object, k) or nil end
  end
  return unpack(list, 1, n * select("#", ...))
end

-- Serial numbers of our living objects after `from`, in their order.
services.alive = function(from, most)
  local list = {}
  for serial in raw_pairs(registry) do
    if serial > from then list[#list + 1] = serial end
  end
  table.sort(list)
  return unpack(list, 1, math.min(#list, most))
end

services.clear_cells = function(...)
  for i = 1, select("#", ...) do
    local object = registry[select(i, ...)]
    if not object then fail("object %d is gone", (select(i, ...))) end
    clear_cells(object)
  end
end

services.clear = function()
  for _, object in raw_pairs(registry) do clear_cells(object) end
  for i = 1, 100 do bakaGaijin["L" .. i] = nil end
  places.clear()
end

-- Says "clean" when nothing is exported, used or alive.
services.finish = function()
  gaijin.spawn(function()
    while true do
      bakaGC()
      local exported, used, clients, hosts = getBaka()
      if exported == 0 and used == 0 and next(clients) == nil and next(hosts) == nil and next(registry) == nil then break end
      gaijin.sleep(0.002)
    end
    print("clean")
  end)
end

services.can_post = function()
  local ok, e = pcall(gaijin.post)
  return not tostring(e):find("^gaijin: unsupported:")
end

bakaGaijin.ctl = function(name, ...) return services[name](...) end
bakaGaijin.once = function(id, name, ...)
  if seen[id] then violation = ("%s was done twice (%s)"):format(id, name) end
  seen[id] = true
  return services[name](...)
end
