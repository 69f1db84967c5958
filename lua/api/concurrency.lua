-- SPDX-License-Identifier: MIT
--
-- The parts of `gaijin` about waiting that are made of smaller ones: time limits and futures. Runs
-- once per VM, after prelude.lua, with the C functions of library.c, concurrency.c and future_lua.c
-- in `core`.

local core, gaijin = ...

local error, type, raw_type, pcall = error, type, raw_type, pcall
local raw_ipairs, raw_pairs, format = raw_ipairs, raw_pairs, string.format
local spawn, is_future, refuse = gaijin.spawn, core.is_future, core.refuse

local function bad_argument(n, name, expected, got)
  local what = got ~= got and "nan" or type(got)
  refuse(format("bad argument #%d to '%s' (%s expected, got %s)", n, name, expected, what))
end

core.bad_argument = bad_argument

---- Time limits

local function leave_limit(before, seconds, ok, ...)
  core.set_limit(before, seconds)
  if not ok then error((...), 0) end
  return ...
end

-- What f waits for ends after so many seconds; of nested limits the nearer counts.
function gaijin.timeout(seconds, f, ...)
  if raw_type(seconds) ~= "number" or seconds ~= seconds then
    bad_argument(1, "timeout", "number", seconds)
  end
  if type(f) ~= "function" and not core.kind(f) and raw_type(f) ~= "table" then
    bad_argument(2, "timeout", "function", f)
  end
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
      refuse(format("bad argument #1 to '%s' (element %d: future expected, got %s)", name, i,
        type(list[i])))
    end
    copy[i] = list[i]
  end
  return copy
end

-- A future of the first result of each, in their order; it fails as soon as one of them does.
function gaijin.all(list)
  list = check_list(list, "all")
  for _, future in raw_ipairs(list) do core.quiet(future) end
  local all = core.async(function()
    local failed = core.await(list, true)
    if failed then return core.get_for_own(list[failed]) end -- raises
    local results = { n = #list }
    for i, future in raw_ipairs(list) do results[i] = (future:get()) end
    return results
  end)
  core.spread(all)
  return all
end

-- A future of what the first that is done has, results or error. The others go on.
function gaijin.race(list)
  list = check_list(list, "race")
  if #list == 0 then refuse("bad argument #1 to 'race' (at least one future expected)") end
  for _, future in raw_ipairs(list) do core.quiet(future) end
  return core.async(function() return core.get_for_own(list[core.await(list, false)]) end)
end
