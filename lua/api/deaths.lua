-- SPDX-License-Identifier: MIT
--
-- Who is there, and who is no longer. Runs once per VM, after concurrency.lua, with the C functions
-- of library.c and deaths.c in `core`.

local core, gaijin = ...

local type, raw_type, pcall, select = type, raw_type, pcall, select
local format, tostring, error = string.format, tostring, error
local raw_ipairs, raw_pairs, raw_next, sort = raw_ipairs, raw_pairs, raw_next, table.sort
local spawn, sleep, bad_argument = gaijin.spawn, gaijin.sleep, core.bad_argument

-- The names of the other workers, sorted.
function gaijin.peers()
  local names, cursor = {}, nil
  local function take(next_cursor, ...)
    for i = 1, select("#", ...) do
      local name = (select(i, ...))[1]
      if name ~= gaijin.name then names[#names + 1] = name end
    end
    return next_cursor
  end
  repeat cursor = take(core.clients(cursor)) until not cursor
  sort(names)
  return names
end

-- host id or "name:NAME" -> those to be told, l -> true. l.f: what to call, nil once it has been;
-- l.order: of their asking; l.after: only of deaths after that one (a predecessor's news may still
-- be on its way).
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
local function tell(l, name)
  local f = l.f
  if not f then return end
  l.f = nil
  for _ = 1, most_tries do
    local ok, why = pcall(spawn, f, name)
    if ok then return end
    l.why = why
    sleep(0.01)
  end
  error(format("nobody could be told of the end of %s, in %d tries: %s", name, most_tries,
    tostring(l.why)), 0)
end

local function tell_all(key, name, number)
  local list = {}
  for l in raw_pairs(listeners[key] or {}) do
    if l.after < number then list[#list + 1] = l end
  end
  sort(list, function(a, b) return a.order < b.order end)
  for _, l in raw_ipairs(list) do
    forget(key, l)
    core.report(tell, l, name)
  end
end

local function tell_next()
  local host, name, number = core.next_death()
  tell_all(host, name, number)
  tell_all("name:" .. name, name, number)
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

-- Whether a worker of that name is there; then we are told of its end.
local function is_present(name)
  for _, peer in raw_ipairs(gaijin.peers()) do
    if peer == name then return core.watch(name, 1) end
  end
  return false
end

-- Calls f(name) when the worker of that name, or the one that has the object, has ended; at once if
-- it has already. Returns a function that takes it back.
function gaijin.on_death(who, f)
  local host, name, dead = core.host_of(who)
  if not host and raw_type(who) ~= "string" then
    bad_argument(1, "on_death", "name or remote object", who)
  end
  if type(f) ~= "function" then bad_argument(2, "on_death", "function", f) end
  start_listening()
  asked = asked + 1
  local key, l = host or "name:" .. who, { f = f, order = asked, after = -1 }
  if not host then
    name = who
    local tries = 0
    repeat -- until nobody has died meanwhile: then whoever is present dies later
      if tries == most_tries then
        core.refuse(format("gaijin: busy: others died each of the %d times that %s was looked for",
          tries, name))
      end
      tries = tries + 1
      l.after = core.deaths()
      dead = name ~= gaijin.name and not is_present(name)
    until dead or core.deaths() == l.after
  end
  if dead then
    tell(l, name)
  else
    listeners[key] = listeners[key] or {}
    listeners[key][l] = true
  end
  return function()
    l.f = nil
    forget(key, l)
  end
end
