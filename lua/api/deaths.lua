-- SPDX-License-Identifier: MIT
--
-- Who is there, and who is no longer. Runs once per VM, after concurrency.lua, with the C functions
-- of library.c and deaths.c in `core`.

local core, gaijin = ...

local type, raw_type, pcall, select = type, raw_type, pcall, select
local format, tostring, error = string.format, tostring, error
local raw_ipairs, raw_pairs, raw_next, sort = raw_ipairs, raw_pairs, raw_next, table.sort
local spawn, sleep, bad_argument = gaijin.spawn, gaijin.sleep, core.bad_argument

-- Calls f(name, host, found) for each worker; found: by its name, as a successor that waits and one
-- that has given its name up are not.
local function each_client(f)
  local cursor
  local function take(next_cursor, ...)
    for i = 1, select("#", ...) do
      local row = select(i, ...)
      f(row[1], row[2], row[18] == nil or row[18] == "named")
    end
    return next_cursor
  end
  repeat cursor = take(core.clients(cursor)) until not cursor
end

-- The names of the other workers, sorted.
function gaijin.peers()
  local names = {}
  each_client(function(name, _, found)
    if found and name ~= gaijin.name then names[#names + 1] = name end
  end)
  sort(names)
  return names
end

-- host id or "name:NAME" -> those to be told, l -> true. l.f: what to call, nil once it has been;
-- l.order: of their asking; l.after: only of deaths after that one (a predecessor's news may still
-- be on its way); l.host: whose death, as each_client has it (nil: our own), and l.name its name.
local listeners, asked = {}, 0

local function forget(key, l)
  local list = listeners[key]
  if not list then return end
  list[l] = nil
  if not raw_next(list) then listeners[key] = nil end
end

-- Each on a fiber of its own; when there are as many fibers as can be, a little later, but not for
-- ever: the next to be told wait as well.
local most_tries = 500
local function tell(l, name, how)
  local f = l.f
  if not f then return end
  l.f = nil
  for _ = 1, most_tries do
    local ok, why = pcall(spawn, f, name, how)
    if ok then return end
    l.why = why
    sleep(0.01)
  end
  error(format("nobody could be told of the end of %s, in %d tries: %s", name, most_tries,
    tostring(l.why)), 0)
end

-- Those of a name, too, wait for the end of one worker: another may have had it before.
local function tell_all(key, host, name, number, how)
  local list = {}
  for l in raw_pairs(listeners[key] or {}) do
    if l.after < number and (not l.host or l.host == host) then list[#list + 1] = l end
  end
  sort(list, function(a, b) return a.order < b.order end)
  for _, l in raw_ipairs(list) do
    forget(key, l)
    core.report(tell, l, name, how)
  end
end

-- Until the broker, which may have been started again, waits for nobody; its generation then.
local function await_others()
  while true do
    local _, row = core.status()
    if not row or not row[2] then return row and row[1] end
    sleep(0.1)
  end
end

-- Has the broker tell us of the ends of those workers that wanted(name, host, found) says and that
-- are there: host -> name. What two brokers have answered is asked again, for some had yet to come
-- back to the second; and so is whom a busy one did not name in time.
local most_watches = 3
local function watch_those(wanted)
  local tries, watched = 0, nil
  repeat
    local generation, all = await_others(), true
    tries, watched = tries + 1, {}
    each_client(function(name, host, found)
      if wanted(name, host, found) then watched[host] = name end
    end)
    for host, name in raw_pairs(watched) do
      if not core.watch(name, 1) then all, watched[host] = false, nil end
    end
  until await_others() == generation and (all or tries >= most_watches)
  return watched
end

-- After a return: whoever listens now was told nothing of deaths meanwhile, and the broker would
-- tell nothing of later ones.
local function look()
  local list, hosts = {}, {}
  await_others()
  for key, listening in raw_pairs(listeners) do
    for l in raw_pairs(listening) do
      if l.host then
        list[#list + 1] = { l = l, key = key }
        hosts[l.host] = true
      end
    end
  end
  sort(list, function(a, b) return a.l.order < b.l.order end)
  local watched = watch_those(function(_, host) return hosts[host] end)
  for _, e in raw_ipairs(list) do
    if not watched[e.l.host] and e.l.f then
      forget(e.key, e.l)
      core.report(tell, e.l, e.l.name, "ended")
    end
  end
end

-- Another return takes over.
local looks, most_looks = 0, 10
local function look_again()
  looks = looks + 1
  local mine, why = looks, nil
  for _ = 1, most_looks do
    local ok, fault = pcall(look)
    if ok or mine ~= looks then return end
    why = fault
    sleep(0.5)
  end
  error(format("the broker was started again, and it is not known who has ended meanwhile: %s",
    tostring(why)), 0)
end

local function tell_next()
  local key, host, name, number, how = core.next_death()
  if not key then
    if pcall(spawn, look_again) then core.return_told() else sleep(0.01) end
    return
  end
  tell_all(key, host, name, number, how)
  tell_all("name:" .. name, host, name, number, how)
  core.death_told()
end

local function start_listening()
  if core.listening() then return end
  listeners = {} -- in a fork that is a worker of its own now they were its parent's
  core.want_deaths()
  spawn(function()
    repeat core.report(tell_next) until core.cancelled()
  end)
  core.listening(true)
end

local function find(name)
  local found
  each_client(function(peer, host, is_found)
    if is_found and peer == name then found = host end
  end)
  return found
end

-- The host of the worker of that name, if it is there or comes back: then we are told of its end.
local function present(name)
  local host = find(name)
  if host and core.watch(name, 1) then return host end
  return (raw_next(watch_those(function(peer, _, found)
    return found and peer == name
  end)))
end

-- Calls f(name, how) when the worker of that name, or the one that has the object, has ended; at
-- once if it has already. how: "succeeded" if another had its name before that, else "ended"; or
-- "absent": nobody has that name. Returns a function that takes it back.
function gaijin.on_death(who, f)
  local host, name, dead, number, how = core.host_of(who)
  if not host and raw_type(who) ~= "string" then
    bad_argument(1, "on_death", "name or remote object", who)
  end
  if type(f) ~= "function" then bad_argument(2, "on_death", "function", f) end
  start_listening()
  asked = asked + 1
  local key, l = host or "name:" .. who, { f = f, order = asked, after = -1, host = number }
  if not host then
    name, how = who, "absent"
    local tries = 0
    repeat -- until nobody has died meanwhile: then whoever is present dies later
      if tries == most_tries then
        core.refuse(format("gaijin: busy: others died each of the %d times that %s was looked for",
          tries, name))
      end
      tries = tries + 1
      l.after = core.deaths()
      l.host = name ~= gaijin.name and present(name) or nil
      dead = name ~= gaijin.name and not l.host
    until dead or core.deaths() == l.after
  end
  l.name = name
  if dead then
    tell(l, name, how)
  else
    listeners[key] = listeners[key] or {}
    listeners[key][l] = true
  end
  return function()
    l.f = nil
    forget(key, l)
  end
end
