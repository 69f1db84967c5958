-- SPDX-License-Identifier: MIT
--
-- The parts of `gaijin` about waiting that are made of smaller ones: time limits, futures, news of deaths. Runs once per
-- VM, after prelude.lua, with the C functions of library.c, concurrency.c and future.c in `core`.

local core, gaijin = ...

local error, type, raw_type, tostring, pcall, select, unpack = error, type, raw_type, tostring, pcall, select, raw_unpack
local raw_ipairs, raw_pairs, raw_next, format, sort = raw_ipairs, raw_pairs, raw_next, string.format, table.sort
local spawn, sleep, is_future = gaijin.spawn, gaijin.sleep, core.is_future

local function bad_argument(n, name, expected, got)
  error(format("bad argument #%d to '%s' (%s expected, got %s)", n, name, expected, got ~= got and "nan" or type(got)), 3)
end

---- Time limits

local function leave_limit(before, seconds, ok, ...)
  core.set_limit(before, seconds)
  if not ok then error((...), 0) end
  return ...
end

-- What f waits for ends after so many seconds; of nested limits the nearer counts.
function gaijin.timeout(seconds, f, ...)
  if raw_type(seconds) ~= "number" or seconds ~= seconds then bad_argument(1, "timeout", "number", seconds) end
  if type(f) ~= "function" and not core.kind(f) and raw_type(f) ~= "table" then bad_argument(2, "timeout", "function", f) end
  local before, limit = core.limit(seconds)
  return leave_limit(before, limit, core.try(f, ...))
end

---- Futures

gaijin.async = core.async

-- Calls f(ok, results or error...) on a fiber of its own once the future is done.
function core.methods.on(future, f)
  if not is_future(future) then bad_argument(1, "on", "future", future) end
  if type(f) ~= "function" then bad_argument(2, "on", "function", f) end
  core.quiet(future)
  spawn(function() f(pcall(future.get, future)) end)
end

-- A copy of a list of futures.
local function check_list(list, name)
  if raw_type(list) ~= "table" then bad_argument(1, name, "table of this worker", list) end
  local copy = {}
  local n = 0
  for i in raw_pairs(list) do
    if raw_type(i) == "number" and i > n then n = i end -- beyond a nil, too
  end
  for i = 1, n do
    if not is_future(list[i]) then
      error(format("bad argument #1 to '%s' (element %d: future expected, got %s)", name, i, type(list[i])), 3)
    end
    copy[i] = list[i]
  end
  return copy
end

-- A future of the first result of each, in their order; it fails as soon as one of them does.
function gaijin.all(list)
  list = check_list(list, "all")
  for _, future in raw_ipairs(list) do core.quiet(future) end
  return core.async(function()
    local failed = core.await(list, true)
    if failed then return list[failed]:get() end -- raises
    local results = {}
    for i, future in raw_ipairs(list) do results[i] = (future:get()) end
    return unpack(results, 1, #list)
  end)
end

-- A future of what the first that is done has, results or error. The others go on.
function gaijin.race(list)
  list = check_list(list, "race")
  if #list == 0 then error("bad argument #1 to 'race' (at least one future expected)", 2) end
  for _, future in raw_ipairs(list) do core.quiet(future) end
  return core.async(function() return list[core.await(list, false)]:get() end)
end

---- Who is there

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

-- host id or "name:NAME" -> those to be told, m -> true. m.f: what to call, nil once it has been; m.order: of their asking;
-- m.after: only of deaths after that one (a predecessor's news may still be on its way).
local mourners, undertaker, asked = {}, false, 0

local function forget(key, m)
  local list = mourners[key]
  if not list then return end
  list[m] = nil
  if not raw_next(list) then mourners[key] = nil end
end

-- Each on a fiber of its own; when there are as many fibers as can be, a little later.
local function tell(m, name)
  local f = m.f
  if not f then return end
  m.f = nil
  while not pcall(spawn, f, name) do sleep(0.01) end
end

local function bury(key, name, number)
  local list = {}
  for m in raw_pairs(mourners[key] or {}) do
    if m.after < number then list[#list + 1] = m end
  end
  sort(list, function(a, b) return a.order < b.order end)
  for _, m in raw_ipairs(list) do
    forget(key, m)
    tell(m, name)
  end
end

local function hear()
  local host, name, number = core.next_death()
  bury(host, name, number)
  bury("name:" .. name, name, number)
  core.death_told()
end

local function start_undertaker()
  if undertaker then return end
  core.want_deaths()
  spawn(function()
    repeat core.report(hear) until core.cancelled()
  end)
  undertaker = true
end

-- Whether a worker of that name is there; then we are told of its end.
local function is_present(name)
  for _, peer in raw_ipairs(gaijin.peers()) do
    if peer == name then return core.watch(name, 1) end
  end
  return false
end

-- Calls f(name) when the worker of that name, or the one that has the object, has ended; at once if it has already. Returns a
-- function that takes it back.
function gaijin.on_death(who, f)
  local host, name, dead = core.host_of(who)
  if not host and raw_type(who) ~= "string" then bad_argument(1, "on_death", "name or remote object", who) end
  if type(f) ~= "function" then bad_argument(2, "on_death", "function", f) end
  start_undertaker()
  asked = asked + 1
  local key, m = host or "name:" .. who, { f = f, order = asked, after = -1 }
  if not host then
    name = who
    repeat -- until nobody has died meanwhile: then whoever is present dies later
      m.after = core.deaths()
      dead = name ~= gaijin.name and not is_present(name)
    until dead or core.deaths() == m.after
  end
  if dead then
    tell(m, name)
  else
    mourners[key] = mourners[key] or {}
    mourners[key][m] = true
  end
  return function()
    m.f = nil
    forget(key, m)
  end
end
