-- SPDX-License-Identifier: MIT
--
-- Under LuaJIT: the functions that stand in the place of library functions. Each tests whether all
-- that matters is local, and then calls the original as its last act: it leaves no level behind,
-- messages name what the script called, and compiled code contains the original as if it had been
-- called itself. Each is made from a text of its own, or LuaJIT would see one function with many
-- originals. Hooks for lines are not told of them. Runs once per VM, before prelude.lua.

local core = ...

local loadstring, dump, format, find = loadstring, string.dump, string.format, string.find
local type, select, setmetatable = type, select, setmetatable
local getinfo, upvaluejoin = debug.getinfo, debug.upvaluejoin
local sethook, gethook = debug.sethook, debug.gethook

-- The tests that replaced.def names, and what goes before each; remote[v] is true of ATs and of
-- copies.
local v_is_local = "((t ~= 'userdata' and t ~= 'function') or not remote[v])"
local v_is_changeable = "t ~= 'userdata' and (t ~= 'function' or not remote[v])"
local meta_is_local = "(type(meta) ~= 'userdata' or not remote[meta])"
local with_metatable = "local v, meta = ... local t = type(v)"
local tests = {
  object = { "type((...)) ~= 'userdata' or not remote[(...)]" },
  traversable = { "type((...)) ~= 'userdata'" },
  ["function"] = { "type((...)) ~= 'function' or not remote[(...)]" },
  functions = {
    "(type(f) ~= 'function' or not remote[f]) and (type(g) ~= 'function' or not remote[g])",
    "local f, _, g = ...",
  },
  value = { v_is_local, "local v = ... local t = type(v)" },
  changeable = { v_is_changeable, "local v = ... local t = type(v)" },
  debuggable = {
    v_is_local, "local v, f = ... if type(v) == 'thread' then v = f end local t = type(v)",
  },
  function_and_environment = {
    "(type(v) ~= 'function' or not remote[v]) and " .. meta_is_local, "local v, meta = ...",
  },
  table_and_metatable = { v_is_local .. " and " .. meta_is_local, with_metatable },
  changeable_and_metatable = { v_is_changeable .. " and " .. meta_is_local, with_metatable },
  level = { "level == nil or type(level) == 'number' and level < 2", "local _, level = ..." },
  -- What begins a row of nested C calls, which LuaJIT does not count: in another coroutine, or with
  -- a replacement that calls back. `otherwise` looks whether there is room, as check() does.
  resumable = { "type((...)) ~= 'userdata' or not remote[(...)]", "check()" },
  replacement = {
    "t ~= 'userdata' and t ~= 'function' and t ~= 'table'",
    "local _, _, v = ... local t = type(v)",
  },
}
tests.informable = tests.debuggable

-- Compiles the text as the body of a function with these parameters' values.
local function compile(text, ...)
  local chunk = loadstring("local type, remote, check, original, otherwise = ... " .. text)
  return loadstring(dump(chunk, true), "=gaijin")(type, core.remote, core.check_stack, ...)
end

-- The function that calls the original if the test of this name finds all local, or else
-- `otherwise`.
function core.local_first(name, original, otherwise)
  local test = tests[name]
  return compile(format("return function(...) %s if %s then return original(...) end "
    .. "return otherwise(...) end", test[2] or "", test[1]), original, otherwise)
end

-- What else would end a row of coroutines that run each other only when the C stack does: a
-- function made by coroutine.wrap -> the one that scripts get.
core.checked = compile(
  "return function(run) return function(...) check() return run(...) end end")
jit.off(core.checked) -- it could not, but would try

---- Hooks

-- f without the numbers of its lines: a hook for lines is given 0 in it.
local function stripped(f)
  local g = loadstring(dump(f, true), "=gaijin")
  for i = 1, getinfo(f, "u").nups do upvaluejoin(g, i, f, i) end
  return g
end

-- What stands for a hook -> the hook.
local hooks = setmetatable({}, { __mode = "k" })

-- The hook without the line 0. The line of the call may be told once more afterwards, as LuaJIT
-- does whenever a Lua function returns.
local without_ours = stripped(function(hook)
  local function filter(event, line)
    if line ~= 0 or event ~= "line" then return hook(event, line) end
  end
  hooks[filter] = hook
  return filter
end)

debug.sethook = stripped(function(...)
  local thread, hook, mask = ...
  if type(thread) ~= "thread" then thread, hook, mask = nil, ... end
  if type(hook) ~= "function" or type(mask) ~= "string" or not find(mask, "l", 1, true) then
    return sethook(...)
  end
  if thread then return sethook(thread, without_ours(hook), select(3, ...)) end
  return sethook(without_ours(hook), select(2, ...))
end)

local original_hook = stripped(function(hook, ...) return hooks[hook] or hook, ... end)
debug.gethook = stripped(function(...) return original_hook(gethook(...)) end)
