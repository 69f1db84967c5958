-- In any interpreter: replaced library functions, given local values, behave as the originals do: results, errors, and in stock 5.1
-- what a debugger sees. Lists of calls are in tests/lua/lib/local_calls.lua.
local M = require "local_calls"
local before -- nil in gaijin-worker
if not gaijin then
  before = M.functions()
  require("gaijin").connect { name = "local" }
end
local replaced, list = M.replaced(before), nil
list = M.list(replaced)
assert(#list >= 40)

local failed = 0
local function check(ok, ...)
  if ok then return end
  failed = failed + 1
  print("FAIL", ...)
end

---- Results and errors

local function f() end
local co = coroutine.create(function() while true do coroutine.yield() end end)
local arguments = { -- each with its number of values
  { n = 0 }, { n = 1 }, { n = 1, 1 }, { n = 1, "x" }, { n = 1, true }, { n = 1, {} }, { n = 1, f }, { n = 1, print },
  { n = 1, io.stdout }, { n = 1, co }, { n = 2, {}, {} }, { n = 2, "x", "y" }, { n = 2, f, 1 }, { n = 2, 1, "x" }, { n = 2, {}, "x" },
  { n = 2, io.stdout, io.stdout }, { n = 3, "x", "x", io.stdout }, { n = 3, "x", "x", f }, { n = 3, "x", "x" }, { n = 3, {}, 1, 2 },
}
local function outcome(F, args)
  local call = assert(loadstring("local F = ... return function(...) local function pack(...) return {n = select('#', ...), ...} end "
    .. "local r = pack(F(...)) return r end", "=call"))(F)
  local own = {}
  for i = 1, args.n do own[i] = type(args[i]) == "table" and {} or args[i] end
  local ok, r = pcall(call, unpack(own, 1, args.n))
  if not ok then return (tostring(r):gsub("0x%x+", "0x")) end
  local words = { "ok" }
  for i = 1, r.n do
    local t = type(r[i])
    words[#words + 1] = (t == "string" or t == "number" or t == "boolean") and tostring(r[i]):gsub("0x%x+", "0x") or t
  end
  return table.concat(words, " ")
end
local own = {
  ["coroutine.running"] = true, -- a worker's script runs on a lua_State that is none of its coroutines
  ["io.close"] = true, -- without an argument it closes stdout
  ["io.input"] = true, ["io.output"] = true, -- of a name they open, or make, a file
}
for name, pair in pairs(replaced) do
  if not M.uncalled[name] and not own[name] then
    for i, args in ipairs(arguments) do
      local was, is = outcome(pair[1], args), outcome(pair[2], args)
      check(was == is, name, "arguments " .. i, was, is)
    end
    if not jit then
      for _, g in ipairs { string.dump, setfenv } do
        local _, was = pcall(g, pair[1], {})
        local ok, is = pcall(g, pair[2], {})
        check(not ok and was == is, name, was, is)
      end
    end
  end
end
check(coroutine.running() == nil, "running in the main chunk")
coroutine.wrap(function() check(type(coroutine.running()) == "thread", "running in a coroutine") end)()
for _, row in ipairs(list) do
  local ok, e = pcall(M.loop(row[2], row[4]), 3)
  check(ok, row[1], row[2], e)
end

---- Hooks

-- What a hook for these events is told while the call is done twice.
local function events(text, F, mask, count)
  local loop, seen = M.loop(text, F), {}
  local getinfo, sethook, gethook = debug.getinfo, debug.sethook, debug.gethook
  local function hook(event, line)
    local info = getinfo(2, "nS")
    local text = string.format("%s %s %s %s %s", event, line or "", info.what, info.short_src, info.name or "?")
    -- LuaJIT tells a line again when a Lua function returns to it.
    if not jit or not seen[text] then seen[#seen + 1] = text end
    seen[text] = true
  end
  sethook(hook, mask, count)
  check(gethook() == hook, "gethook")
  loop(2)
  sethook()
  return table.concat(seen, "\n")
end
for _, row in ipairs(list) do
  local name, text, original, replacement = unpack(row)
  -- LuaJIT: functions that are Lua where the originals are C are called, and count, as such.
  for _, how in ipairs(jit and { { "l" } } or { { "l" }, { "c" }, { "r" }, { "crl" }, { "", 1 }, { "", 3 } }) do
    local was, is = events(text, original, how[1], how[2]), events(text, replacement, how[1], how[2])
    check(was == is, name, text, "hook " .. how[1] .. (how[2] or ""), "\n" .. was, "\nreplaced:\n" .. is)
  end
end
---- Tracebacks

local function raise() error("raised") end
local raising = {
  ["table.sort"] = { { 3, 2, 1 }, raise }, ["table.foreach"] = { { 1 }, raise }, ["table.foreachi"] = { { 1 }, raise },
  ["string.gsub"] = { "x", "x", raise }, tostring = { setmetatable({}, { __tostring = raise }) }, setmetatable = { {}, 1 },
  ["table.insert"] = { 1, 1 }, next = { {}, 1 }, ipairs = { 1 }, getfenv = { 50 },
}
local function traced(F, args)
  local call = loadstring("local F, traceback, args = ... return function() local r = F(unpack(args)) return r end", "=call")
  return select(2, xpcall(call(F, debug.traceback, args), debug.traceback))
end
for name, args in pairs(raising) do
  if not jit then
    local was, is = traced(replaced[name][1], args), traced(replaced[name][2], args)
    check(was == is, name, was, is)
  end
end

assert(failed == 0, failed)
print("done")
