-- SPDX-License-Identifier: MIT
--
-- The library functions that becoming a worker replaces, each with its original, and calls of them
-- with values of this VM.

local M = {}

-- Of every replaced function: calls of it, as Lua text in which F is the function. What stands
-- before a "|" is done once. The names used are those of `values`.
M.calls = {
  type = { "F(1)", "F(object)", "F(f)", "F(file)" },
  pairs = { "F(six)", "for _ in F(six) do end" },
  ipairs = { "F(three)", "for _ in F(three) do end" },
  next = { "F(six)", "F(six, 'c')" },
  unpack = { "F(three)", "F(three, 2)" },
  rawget = { "F(six, 'a')" },
  rawset = { "F(six, 'a', 1)" },
  getmetatable = { "F(object)", "F('text')", "F(f)", "F(file)" },
  setmetatable = { "F(six, meta)", "F({}, meta)" },
  getfenv = { "F(f)", "F(1)" },
  setfenv = { "F(f, environment)" },
  error = { "pcall(F, 'text')", "pcall(F, 'text', 0)", "pcall(F, 'text', 2)", "pcall(F, named)" }, -- errors in themselves
  tostring = { "F(12)", "F('text')", "F(true)", "F(named)" },
  ["debug.getmetatable"] = { "F(object)" },
  ["debug.setmetatable"] = { "F(six, meta)" },
  ["debug.getfenv"] = { "F(f)" },
  ["debug.setfenv"] = { "F(f, environment)" },
  ["debug.getinfo"] = { "F(f)", "F(1, 'l')" },
  ["debug.traceback"] = { "F('text')" },
  ["debug.getlocal"] = { "F(1, 1)" },
  ["debug.setlocal"] = { "F(1, 99, 1)" },
  ["debug.getupvalue"] = { "F(endless, 1)" },
  ["debug.setupvalue"] = { "F(f, 1, 1)" },
  ["debug.upvalueid"] = { "F(loop, 1)" },
  ["debug.upvaluejoin"] = { "F(loop, 1, loop, 1)" },
  newproxy = { "F()" },
  ["io.type"] = { "F(file)", "F(1)" },
  ["io.close"] = { "pcall(F, 1)" }, -- an error in itself
  ["io.input"] = { "F()" },
  ["io.output"] = { "F()" },
  ["os.time"] = { "F()", "F(date)" },
  ["table.concat"] = { "F(words)" },
  ["table.insert"] = { "F(list, 1) list[1] = nil", "F(list, 1, 1) list[1] = nil" },
  ["table.remove"] = { "list[1] = 1 F(list)", "list[1] = 1 F(list, 1)" },
  ["table.maxn"] = { "F(three)" },
  ["table.sort"] = { "F(three)", "F(three, less)" },
  ["table.getn"] = { "F(three)" },
  ["table.setn"] = { "pcall(F, three, 3)" }, -- an error in itself
  ["table.foreach"] = { "F(six, f)" },
  ["table.foreachi"] = { "F(three, f)" },
  ["string.gsub"] = { "F('one two', 'o', '0')", "F('one two', 'o', f)", "F('one two', 'o', six)" },
  ["string.find"] = { "F('one two', 'tw')", "F('one two', 't(%a)')" },
  ["string.match"] = { "F('one two', '%a+')" },
  ["string.gmatch"] = { "F('one two', '%a+')", "for _ in F('one two', '%a+') do end" },
  ["string.gfind"] = { "pcall(F, 'one two', '%a+')" }, -- an error in itself
  ["string.dump"] = { "F(f)" },
  ["coroutine.resume"] = { "local co = coroutine.create(endless) | F(co)" },
  ["coroutine.status"] = { "local co = coroutine.create(endless) | F(co)" },
  ["coroutine.running"] = { "F()" },
  ["coroutine.wrap"] = { "F(f)", "local w = F(endless) | w()" },
}
-- Replaced too, but the first ends the program, and the others (LuaJIT's) are for debuggers.
M.uncalled = { ["os.exit"] = true, ["debug.sethook"] = true, ["debug.gethook"] = true }

local function endless()
  while true do coroutine.yield() end
end
local meta = { __index = {} }
local function loop() return endless end
M.values = {
  three = { 1, 2, 3 }, six = { a = 1, b = 2, c = 3, d = 4, e = 5, f = 6 }, words = { "a", "b", "c" },
  list = {}, file = io.stdout, object = setmetatable({}, meta), meta = meta,
  environment = {}, endless = endless, loop = loop,
  f = function() end, less = function(a, b) return a < b end,
  date = { year = 2000, month = 1, day = 1 },
  named = setmetatable({}, { __tostring = function() return "name" end }),
}

local libraries = { "string", "table", "coroutine", "debug", "math", "io", "os", "package" }

local function each_function(visit)
  for key, v in pairs(_G) do
    if type(key) == "string" and type(v) == "function" then visit(key, v, _G, key) end
  end
  for _, library in ipairs(libraries) do
    for key, v in pairs(_G[library]) do
      if type(v) == "function" then visit(library .. "." .. key, v, _G[library], key) end
    end
  end
end

-- Name -> function, of all there are now.
function M.functions()
  local all = {}
  each_function(function(name, f) all[name] = f end)
  return all
end

-- In gaijin-worker, whose script never sees the originals: liblua's openers put them, newly made,
-- where the replacements are. Those are put back.
local openers = {
  base = "", table = "table.", string = "string.", debug = "debug.", os = "os.", io = "io.",
  math = "math.", package = "package.",
}
local function reopened()
  local loadlib, places, error, assert = package.loadlib, {}, error, assert
  each_function(function(name, f, where, key) places[name] = { f, where, key } end)
  local openers, pairs = openers, raw_pairs
  for opener in pairs(openers) do
    assert(loadlib("liblua5.1.so.0", "luaopen_" .. opener))()
  end
  local before = {}
  for name, place in pairs(places) do
    before[name] = place[2][place[3]]
    place[2][place[3]] = place[1]
  end
  return before
end

-- Name -> {original, replacement}, of what differs between `before`, the result of functions() then,
-- and now; nil, in gaijin-worker: of all that `calls` has.
function M.replaced(before)
  local all, found = before or reopened(), {}
  for name, f in pairs(M.functions()) do
    local wanted = before or M.calls[name]
    if wanted and all[name] and all[name] ~= f then found[name] = { all[name], f } end
  end
  return found
end

-- A function that does the call text n times, with F as F; compiled anew, so that no two share
-- LuaJIT's code.
function M.loop(text, F)
  local names, values = {}, {}
  for name, v in pairs(M.values) do names[#names + 1], values[#values + 1] = name, v end
  local once, call = text:match("^(.-)|(.*)$")
  return assert(loadstring(string.format("local F, %s = ... %s return function(n) for _ = 1, n do %s "
    .. "end end", table.concat(names, ", "), once or "", call or text), "=call"))(F, unpack(values))
end

-- The calls of all replaced functions, in order: {name, text, original, replacement}. Raises if one
-- has none.
function M.list(replaced)
  local names, list = {}, {}
  for name in pairs(replaced) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if not M.uncalled[name] then
      if not M.calls[name] then error(name .. " is replaced, but local_calls.lua does not call it") end
      for _, text in ipairs(M.calls[name]) do
        list[#list + 1] = { name, text, replaced[name][1], replaced[name][2] }
      end
    end
  end
  return list
end

return M
