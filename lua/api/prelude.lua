-- SPDX-License-Identifier: MIT
--
-- What scripts see, as far as it is Lua: bakaGaijin, the replaced library functions
-- and the parts of `gaijin` made of smaller ones. Runs once per VM before any script,
-- with the C functions of this folder in `core`. Everything it needs later is a local,
-- so a script may overwrite any global without harm.

local core, gaijin, labels, applicable = ...

local error, pcall, select, raw_type = error, pcall, select, type
local setmetatable, getmetatable = setmetatable, getmetatable
local tostring, newproxy = tostring, newproxy
local raw_pairs, raw_ipairs, raw_next = pairs, ipairs, next
local find, match, format = string.find, string.match, string.format
local now = gaijin.now
local refuse = core.refuse -- raises a text with the position of the code that called the library
local kind = core.kind -- "table", "function", "thread" or "userdata" for an AT; nil otherwise

local function type_of(v)
  local t = raw_type(v)
  return t == "userdata" and (kind(v) or core.is_copy(v) and "table") or t
end

for _, name in raw_ipairs {
  "type", "pairs", "ipairs", "next", "unpack", "rawget", "rawset", "getmetatable", "setmetatable",
  "setfenv", "getfenv",
} do
  _G["raw_" .. name] = _G[name]
end

---- Labels

local function check_label(label)
  local t = type_of(label)
  if (t ~= "string" and t ~= "number") or label ~= label then
    local what = label ~= label and "nan" or "a " .. t
    refuse("gaijin: unsupported: a label is a string or a number, not " .. what)
  end
end

-- Name -> its proxy, so that equal names give the same one.
local resources = setmetatable({}, { __mode = "v" })
local names = core.resources -- proxy -> its name

local function resource(_, name)
  if raw_type(name) ~= "string" then
    refuse(format("bad argument #1 to 'bakaGaijin' (string expected, got %s)", type_of(name)))
  end
  if find(name, "%c") then
    refuse("gaijin: unsupported: no worker can have this name: it has control characters")
  end
  local proxy = resources[name]
  if not proxy then
    proxy = newproxy(true) -- not a table, which pairs, next and # would take for an empty one
    local meta = getmetatable(proxy)
    function meta.__index(_, label)
      check_label(label)
      return core.s2t(name, label)
    end
    function meta.__newindex() refuse("You cannot set data for another resource.") end
    function meta.__tostring() return format('bakaGaijin("%s")', name) end
    meta.__metatable = "gaijin"
    resources[name], names[proxy] = proxy, name
  end
  return proxy
end

do
  bakaGaijin = newproxy(true) -- no table either: its own fields are none of the labels
  local meta = getmetatable(bakaGaijin)
  function meta.__index(_, label) return labels[label] end
  function meta.__newindex(_, label, value)
    check_label(label)
    labels[label] = value
    if value ~= nil then core.label_set(label) end
  end
  meta.__call = resource
  function meta.__tostring() return "bakaGaijin" end
  meta.__metatable = "gaijin"
  core.labels_proxy(bakaGaijin)
end

---- Copies

do
  local callable_of = core.callable_of
  local function results(...) return ... end
  -- In Lua, or stock 5.1 could not suspend a coroutine in what is called. There a tail call of a
  -- Lua function counts as a level, and so that is called otherwise.
  function core.copy_meta.__call(copy, ...)
    local v, is_counted = callable_of(copy)
    if not v then refuse("attempt to call a table value") end
    if is_counted then return results(v(...)) end
    return v(...)
  end
end

---- Traversal

-- Of a remote table, or of what another worker exposes.
local function remote_pairs(t) return core.pairs(names[t] or t), t, nil end

local function remote_ipairs(t) return core.ipairs(t), t, 0 end

local function is_remote_table(v) return raw_type(v) == "userdata" and kind(v) == "table" end

function len(...)
  local t = ...
  local tt = type_of(t)
  if tt == "table" or tt == "string" then return #t end
  local got = select("#", ...) == 0 and "no value" or tt
  refuse(format("bad argument #1 to 'len' (table expected, got %s)", got))
end

---- Library functions that would act on the AT instead of the original (replaced.def)

local helpers = {
  pairs = remote_pairs, ipairs = remote_ipairs, next = core.next, ["coroutine.wrap"] = core.checked,
}

for _, row in raw_ipairs(core.replaced) do
  local title, is_served = row[1], row[2]
  local library, name = match(title, "^(.*)%.(.*)$")
  local where = not library and _G or _G[library]
  name = name or title
  local original = where and where[name]
  if original then
    local replacement, test = core.replace(original, title, helpers[title])
    if test then replacement = core.local_first(test, original, replacement) end
    where[name] = replacement
    if is_served then applicable[title] = original end
  end
end
if debug then
  applicable["debug.getmetatable"] = debug.getmetatable
  applicable["debug.setmetatable"] = debug.setmetatable
  applicable["debug.getinfo"] = debug.getinfo -- looks after the memory of coroutines
end
applicable["coroutine.resume"] = coroutine.resume -- likewise

-- What others may ask of the library: of the functions that scripts get, and of the originals.
do
  local methods = core.file_methods()
  for _, title in raw_ipairs(core.bounded) do
    local library, name = match(title, "^(.*)%.(.*)$")
    local where = library == "file" and methods or _G[library]
    if applicable[title] then core.bound(title, applicable[title]) end
    if where and where[name] then core.bound(title, where[name]) end
  end
  -- What a program has made of its standard output before it loads the module is its business.
  local found, iterator = pcall(function() return io.stdout:lines() end)
  if found then core.bound_lines(iterator) end
end

---- By value

gaijin.copy = core.copy -- sends a table by value; used here, it acts as that table

-- Brings a remote table's content over, `depth` levels of tables deep (all by default). Anything
-- else is returned as it is.
function gaijin.fetch(v, depth)
  if not is_remote_table(v) then return v end
  return core.apply(v, "fetch", v, depth)
end
applicable.fetch = core.fetch

local is_object = { table = true, userdata = true, ["function"] = true, thread = true }

-- v[key] with errors as the script's own code would raise them.
local function step(v, key)
  local wrong = core.not_indexable(v, key)
  if wrong then refuse("attempt to index a " .. wrong .. " value") end
  return v[key]
end

-- The steps of a path that are to be taken here, for another worker: what was reached, and how many
-- were taken. What lives elsewhere, and what travels by value, is left to the client: others may
-- allow it more or less than they allow this worker.
function applicable.steps(v, ...)
  local n = select("#", ...)
  for i = 1, n do
    if kind(v) or not is_object[raw_type(v)] or core.is_copy(v) then return v, i - 1 end
    local key = (select(i, ...))
    core.may_get(v, key)
    v = step(v, key)
  end
  return v, n
end

-- What workers of an older release ask for: all steps are taken in this worker's name.
function applicable.path(v, ...)
  for i = 1, select("#", ...) do
    local key = (select(i, ...))
    if not kind(v) then
      local t = raw_type(v)
      if not is_object[t] then refuse("attempt to index a " .. t .. " value") end
      core.may_get(v, key)
    end
    v = step(v, key)
  end
  return v
end

-- v[k1][k2]..., in one round trip for each VM the path leads through.
function gaijin.path(v, ...)
  local n, i = select("#", ...), 1
  while i <= n do
    if kind(v) then
      local reached, taken = core.apply(v, "steps", v, select(i, ...))
      if not (taken >= 1 and taken <= n - i + 1) then
        core.bad_path(v)
      end
      i, v = i + taken, reached
    else
      i, v = i + 1, step(v, (select(i, ...)))
    end
  end
  return v
end

---- Waiting

-- wait_for(name), wait_for(name, seconds), wait_for(name, label), wait_for(name, label, seconds).
function gaijin.wait_for(name, ...)
  if raw_type(name) ~= "string" then
    refuse(format("bad argument #1 to 'wait_for' (string expected, got %s)", type_of(name)))
  end
  local label, seconds = ...
  if select("#", ...) == 1 and raw_type(label) == "number" then label, seconds = nil, label end
  if label ~= nil then check_label(label) end
  if seconds ~= nil and (raw_type(seconds) ~= "number" or seconds ~= seconds) then
    local got = seconds ~= seconds and "nan" or type_of(seconds)
    refuse(format("bad argument #3 to 'wait_for' (number expected, got %s)", got))
  end
  -- At least so long that the question is asked and answered once.
  local till = seconds and now() + (seconds > 0.02 and seconds or 0.02)
  local function left()
    local s = till and till - now() or 0
    if till and s <= 0 then
      local what = label == nil and name or format("label %s of %s", tostring(label), name)
      error(format("gaijin: timeout: %s is not there after %g s", what, seconds), 0)
    end
    return s
  end
  while true do
    if core.watch(name, left()) then
      if label == nil then return true end
      local ok, found, value = pcall(core.wait_label, name, label, left())
      if ok and found then return value end
      -- A worker that ends while we wait may come back; anything else is an error of its own. A
      -- label may be asked for twice. If it is the broker that is lost, the next watch says so.
      if not ok and not (raw_type(found) == "string" and
          (find(found, "^gaijin: dead:") or find(found, "^gaijin: lost:"))) then
        error(found, 0)
      end
      core.sleep(0.01) -- one that is stopping is there still, and refuses
    end
    left()
  end
end

local function check_seconds(seconds, f, name)
  if raw_type(seconds) ~= "number" or seconds ~= seconds then
    refuse(format("bad argument #1 to '%s' (number expected, got %s)", name, type_of(seconds)))
  end
  if type_of(f) ~= "function" then
    refuse(format("bad argument #2 to '%s' (function expected, got %s)", name, type_of(f)))
  end
end

-- Sleeps on a fiber of its own, then calls act(over, ...) while that returns true, with a sleep
-- before each; over() says that it was the last. Returns a function that ends it: what has not
-- happened yet does not happen, and the fiber goes at once. The loop allocates nothing and has no
-- pcall: there a finaliser might run, and raise.
local function start_timer(next_sleep, act, ...)
  local pending = true
  local function over() pending = false end
  local fiber = core.spawn(function(...)
    repeat core.timer_sleep(next_sleep()) until not pending or not act(over, ...)
    pending = false
  end, ...)
  return function()
    if pending then core.end_timer(fiber) end
    pending = false
  end
end

function gaijin.after(seconds, f, ...)
  check_seconds(seconds, f, "after")
  return start_timer(function() return seconds end, function(over, ...)
    over()
    f(...)
  end, ...)
end

function gaijin.every(seconds, f, ...)
  check_seconds(seconds, f, "every")
  if seconds <= 0 then refuse("bad argument #1 to 'every' (a time over 0 expected)") end
  local due = now()
  return start_timer(function()
    due = due + seconds
    local time = now()
    if due < time then due = time end
    return due - time
  end, function(_, ...)
    local _, name, dead = core.host_of(f)
    if dead then
      core.log(format("gaijin: dead: Gaijin tried accessing dead resource. (%s); the timer that "
        .. "called its function ends", name))
      return false
    end
    core.report(f, ...)
    return true
  end, ...)
end

-- What at.c calls to make the AT of a function.
local call = core.call
-- In 5.1 it has AT_UPVALUES (lua/ref/at.h), the token among the first two: what nothing comes to
-- refers to the others.
local _3, _4, _5, _6
local function make_function_at(token)
  return function(...)
    do return call(token, ...) end
    return _3, _4, _5, _6
  end
end
-- Of a function that was made a few times only, LuaJIT's compiled code refers to the very closure,
-- and so would keep the AT.
for _ = 1, 8 do make_function_at(nil) end
return make_function_at
