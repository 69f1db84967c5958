-- SPDX-License-Identifier: MIT
--
-- A worker that does something different with a random other one again and again, and lets others
-- do the same with it.
--
--   traffic.lua SEED STEPS WORKER...     STEPS 0: for ever; else it leaves after so many
--
-- Others end at any moment, are overloaded by attackers, or may not be asked by a new policy:
-- errors that tell of that are expected. Any other is printed as a line "unexpected: ..." for the
-- driver.
local services = dofile(arg[0]:match("^.*/") .. "services.lua")
local seed, steps_left, others = tonumber(arg[1]), tonumber(arg[2]), {}
for i = 3, #arg do
  if arg[i] ~= gaijin.name then others[#others + 1] = arg[i] end
end
local EXPECTED = {
  dead = true, lost = true, busy = true, denied = true, timeout = true, cancelled = true,
}
local objects = services.objects

-- Of its own, so that a run depends on the seed only.
local function random(n)
  seed = (seed * 1103515245 + 12345) % 2147483648
  return math.floor(seed / 65536) % n + 1
end

local function want(value, wanted)
  if value ~= wanted then
    error(("got %s instead of %s"):format(tostring(value), tostring(wanted)), 2)
  end
end

---- Steps: functions of the other worker's `objects`

local steps = {}
local function step(f) steps[#steps + 1] = f end

step(function(o) -- fields
  o.cell.n = random(100)
  want(type(o.cell.n), "number")
  want(#o.list, 5)
  want(gaijin.path(o.tree, "a", "b", "c", 3), 3)
end)

step(function(o) -- traversal of several pages, and one that is left
  local n, sum = 0, 0
  for _, v in pairs(o.entries) do n, sum = n + 1, sum + v end
  want(n, 1500)
  want(sum, 1500 * 1501 / 2)
  for _ in pairs(o.entries) do break end
  for i, v in ipairs(o.list) do want(type(i + v), "number") end
end)

step(function(o) -- a call back, with objects of both in it
  local mine = { random(100) }
  local back, theirs, same = o.call(function(a, t, b) return a, t[1], b end, o.cell, mine, mine)
  want(back, o.cell)
  want(theirs, mine[1])
  want(same, mine)
end)

step(function(o) -- errors
  local ok, e = pcall(o.fail, "text")
  if ok then error("no error") end
  if type(e) == "string" then error(e, 0) end
  want(e.text, "text")
end)

step(function(o) -- a coroutine
  local co = o.coroutine()
  local sum = select(2, coroutine.resume(co, 1))
  for i = 1, 3 do sum = select(2, coroutine.resume(co, i)) end
  want(sum, 7)
  want(coroutine.status(co), "dead")
end)

step(function(o) -- userdata
  o.account.sum = 7
  want(type(o.account + 1), "number")
  want(#o.account, 3)
  local text = tostring(o.account) -- no error if the worker has ended meanwhile; reading it is one
  if text:sub(1, 7) ~= "account" then want(o.account.sum, text) end
  local f, line = o.closed_file()
  want(io.type(f), "closed file")
  want(line, "a line")
end)

step(function(o) -- references by the hundred, given back at once
  local all = { o.fresh(100) }
  want(#all, 100)
  want(all[100][1], 100)
end)

step(function(o) -- references that stay for a while, there and here, also of third workers
  local i = random(1000)
  o.put(i, { i })
  services.objects.put(i, o.take(random(1000)))
  local third = bakaGaijin(others[random(#others)]).objects
  third.put(i, services.objects.take(random(1000)))
end)

step(function(o) -- large values
  local n = 200000 + random(50000)
  want(#o.large(n), n)
  want(#o.echo(("y"):rep(n)), n)
  want(#o.table_of(500), 500)
  want(#gaijin.fetch(o.list), 5)
end)

step(function(o) -- posts
  for _ = 1, 200 do gaijin.post(o.count, 1) end
end)

step(function(o) -- futures
  local all = {}
  for i = 1, 10 do all[i] = gaijin.async(o.echo, i, {}) end
  want(#gaijin.all(all):list(), 10)
  local slow = gaijin.async(o.sleep, 60)
  want(gaijin.race({ slow, gaijin.async(o.echo, 3) }):get(), 3)
  slow:cancel()
  gaijin.async(o.echo, {}) -- dropped unread
end)

step(function(o) -- limits and waits that end in vain
  local ok, e = pcall(gaijin.timeout, 0.01, o.sleep, 60)
  if ok then error("a sleep of a minute is over") end
  if not e:find("timeout") then error(e, 0) end
  ok, e = pcall(gaijin.wait_for, "nobody", 0.005)
  want(ok, false)
  if not e:find("timeout") then error(e, 0) end
  gaijin.on_death(o.cell, function() end)()
  want(type(#gaijin.peers()), "number")
end)

step(function(o) -- library functions on what is remote
  local list = o.fresh(1)
  table.insert(list, 7)
  table.sort(list, function(a, b) return a > b end)
  want(table.concat(list, " "), "7 1")
  want(getmetatable(list), nil)
  want(setmetatable(o.fresh(1), o.tree).x, nil)
end)

---- The run

local function one_step()
  local name = others[random(#others)]
  steps[random(#steps)](gaijin.wait_for(name, "objects", 0.5))
  if random(10) == 1 then bakaGC() end
end

services.expose()
print("begun")
services.work(function()
  local ok, e = pcall(one_step)
  local code = type(e) == "string" and e:match("gaijin: ([a-z_]+): ")
  if not ok and not EXPECTED[code] then
    print("unexpected: " .. gaijin.name .. ": " .. tostring(e))
  end
  steps_left = steps_left - 1
  if steps_left == 0 then gaijin.stop() end
end, function() return random(20) / 1000 end, function() end)
