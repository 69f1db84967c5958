-- SPDX-License-Identifier: MIT
--
-- Objects of the stress test, made, looked into and checked, at home and from elsewhere. They have a serial number and
-- cells that refer to other objects: a table's cells 1 to 4 are fields, 5 and 6 are keys whose value is the cell's
-- number; a function has cells 1 to 4 behind its arguments, a userdata behind its metatable; a coroutine has none.

local VALUE_CELLS, FILLERS = 4, 1100

-- Asked when it had ended; or it ended while it worked on the call; or the answer has an object of one that the broker of
-- today has never heard of.
local function is_dead(e)
  return type(e) == "string" and (e:find("^gaijin: dead:") or e:find("^gaijin: lost: worker %S+ ended while")
    or e:find("^gaijin: lost: %S+ has answered with an object of a worker that ended ")) ~= nil
end
-- The broker was killed meanwhile; `away`: who was asked is not back at the next one, and there was no time to ask again.
local function is_lost(e) return type(e) == "string" and (e:find("^gaijin: lost: ") or e:find("^gaijin: away: ")) ~= nil end
local function fail(...) error(("stress: " .. select(1, ...)):format(select(2, ...)), 0) end

-- Who has the *sign* of an object, a userdata with a finaliser that only the object refers to, in a weak table has an object that Lua's
-- roots reach. One whose sign has left that table is there for a finaliser's sake: what it refers to may have been finalised, ATs too.
local pattern = newproxy(true)
getmetatable(pattern).__gc = function() end
local signs = setmetatable({}, { __mode = "v" }) -- by serial number

local function new_sign(serial)
  local sign = newproxy(pattern)
  signs[serial] = sign
  return sign
end

local function new_table(serial, wide)
  local t = { serial = serial }
  if serial % 2 == 0 then setmetatable(t, { sign = new_sign(serial) }) end -- the others have no metatable, and no sign
  if wide then
    for i = 1, FILLERS do t[1000 + i] = true end
  end
  return t
end

local function new_function(serial)
  local cells, sign = {}, new_sign(serial)
  return function(op, k, v)
    if op == "get" then return cells[k] end
    if op == "set" then cells[k] = v return end
    if op == "cells" then return cells, sign end -- only asked at home
    return serial
  end
end

local function new_thread(serial)
  local co = coroutine.create(function()
    while true do coroutine.yield(serial) end
  end)
  return co
end

-- What is known of userdata of ours: whether their finaliser has run, and may have.
local states = setmetatable({}, { __mode = "k" })

-- Some have a file, which stays open as long as they live.
local function new_userdata(serial)
  local u, cells, state = newproxy(true), {}, {}
  local file = serial % 4 == 0 and io.tmpfile() or nil
  local meta = getmetatable(u)
  meta.__index = function(_, k)
    if not state.is_forgiven then
      if state.is_finalised then fail("userdata %d is used, and its finaliser has run", serial) end
      if file and io.type(file) ~= "file" then fail("the file of userdata %d is closed, and that is used", serial) end
    end
    if k == "serial" then return serial end
    if k == "cells" then return cells end -- only asked at home
    return cells[k]
  end
  meta.__newindex = cells
  meta.__gc = function() state.is_finalised = true end
  states[u] = state
  signs[serial] = u
  return u
end

-- A finaliser of the test's is about to bring it back.
local function forgive(v)
  local state = raw_type(v) == "userdata" and states[v]
  if state then state.is_forgiven = true end
end

local makers = { new_table, new_function, new_thread, new_userdata } -- by kind on the wire

local function get_cell(c, k)
  if type(c) == "function" then return c("get", k) end
  return c[k]
end

local function set_cell(c, k, v, raw)
  if type(c) == "function" then return c("set", k, v) end
  if raw == 1 then rawset(c, k, v) return end
  c[k] = v
end

-- Where an object of ours has its cells.
local function cells_of(object)
  local t = raw_type(object)
  if t == "function" then return (object("cells")) end
  if t == "userdata" then return object.cells end
  return t == "table" and object or {}
end

-- What is in a cell of an object of ours.
local function home_cell(object, k)
  local cells = cells_of(object)
  if k <= VALUE_CELLS then return cells[k] end
  if cells ~= object then return nil end
  for key, v in raw_pairs(object) do
    if v == k and raw_type(key) ~= "string" and raw_type(key) ~= "number" then return key end
  end
end

local function clear_cell(object, k)
  local cells = cells_of(object)
  if k <= VALUE_CELLS then cells[k] = nil return end
  local key = home_cell(object, k)
  if key ~= nil then object[key] = nil end
end

local function clear_cells(object)
  for k = 1, VALUE_CELLS + 2 do clear_cell(object, k) end
end

---- Checks

local function serial_of(v)
  local t = type(v)
  if t == "function" then return v("serial") end
  if t == "thread" then
    local ok, serial = coroutine.resume(v)
    if not ok then error(serial, 0) end
    return serial
  end
  return v.serial
end

-- The serial number, negative for a dead object.
local function probe(v)
  local ok, got = pcall(serial_of, v)
  if ok then return got end
  if is_dead(got) then return nil end
  error(got, 0)
end

-- expected: 0 nothing, n the living object n, -n the dead object n.
local function verify(v, expected, tolerance)
  if expected == 0 then
    if v ~= nil then fail("found %s (%s) where nothing should be", tostring(v), tostring(probe(v))) end
    return
  end
  if v == nil then fail("found nil instead of object %d", expected) end
  local got = probe(v)
  if got == nil then
    if expected > 0 and tolerance == 0 then fail("object %d is dead", expected) end
  elseif got ~= expected then
    fail("found object %s instead of %d", tostring(got), expected)
  end
end

return {
  makers = makers, signs = signs, get_cell = get_cell, set_cell = set_cell, home_cell = home_cell, clear_cell = clear_cell, clear_cells = clear_cells,
  is_dead = is_dead, is_lost = is_lost, fail = fail, probe = probe, verify = verify, forgive = forgive,
}
