-- SPDX-License-Identifier: MIT
--
-- Under LuaJIT: the functions that stand in the place of library functions. Each tests whether all
-- that matters is local, and then calls the original as its last act: it leaves no level behind,
-- messages name what the script called, and compiled code contains the original as if it had been
-- called itself. Each is made from a text of its own, or LuaJIT would see one function with many
-- originals; stripped, so that it has no lines for a hook to stop at. Runs once per VM, before
-- prelude.lua.

local core = ...

local loadstring, dump, format, type = loadstring, string.dump, string.format, type

-- The tests that replaced.def names, and what goes before each; remote[v] is true of ATs.
local v_is_local = "((t ~= 'userdata' and t ~= 'function') or not remote[v])"
local v_is_changeable = "t ~= 'userdata' and (t ~= 'function' or not remote[v])"
local meta_is_local = "(type(meta) ~= 'userdata' or not remote[meta])"
local with_metatable = "local v, meta = ... local t = type(v)"
local tests = {
  object = { "type((...)) ~= 'userdata' or not remote[(...)]" },
  traversable = { "type((...)) ~= 'userdata'" },
  ["function"] = { "type((...)) ~= 'function' or not remote[(...)]" },
  value = { v_is_local, "local v = ... local t = type(v)" },
  changeable = { v_is_changeable, "local v = ... local t = type(v)" },
  table_and_metatable = { v_is_local .. " and " .. meta_is_local, with_metatable },
  changeable_and_metatable = { v_is_changeable .. " and " .. meta_is_local, with_metatable },
  -- What begins a row of nested C calls, which LuaJIT does not count: in another coroutine, or with a
  -- replacement that calls back. `otherwise` looks whether there is room, as check() does.
  resumable = { "type((...)) ~= 'userdata' or not remote[(...)]", "check()" },
  replacement = {
    "t ~= 'userdata' and t ~= 'function' and t ~= 'table'",
    "local _, _, v = ... local t = type(v)",
  },
}

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

-- What else would end a row of coroutines that run each other only when the C stack does: a function
-- made by coroutine.wrap -> the one that scripts get.
core.checked = compile(
  "return function(run) return function(...) check() return run(...) end end")
jit.off(core.checked) -- it could not, but would try
