-- SPDX-License-Identifier: MIT
--
-- Calls of every function of Lua 5.1's library, and values to put in the place of each argument:
-- what whole_library.lua compares between values of this VM and values of another.
local M = {}

-- The kinds of values, made anew in the VM that runs this.
local system = require "system"
M.kinds = {
  table = function()
    return { "b", "c", "a", ["."] = "dot", year = 2003, month = 2, day = 1, hour = 12, isdst = false }
  end,
  -- A reader for load, an order for sort, a replacement for gsub, a handler for xpcall.
  ["function"] = function()
    local pieces, n = { "return ", "7" }, 0
    return function(a, b, ...)
      if a == nil then
        n = n + 1
        return pieces[n]
      end
      if type(a) == type(b) and (type(a) == "string" or type(a) == "number") then return a < b end
      return a, b, ...
    end
  end,
  coroutine = function()
    return coroutine.create(function(...)
      local got = "begun"
      while true do got = coroutine.yield(got, ...) end
    end)
  end,
  userdata = function()
    local u = newproxy(true)
    getmetatable(u).__index = { field = 1 }
    return u
  end,
  file = function()
    local f = assert(io.tmpfile())
    f:write("12 one\ntwo\n")
    f:seek("set")
    return f
  end,
  ["closed file"] = function()
    local f = assert(io.tmpfile())
    f:close()
    return f
  end,
  ["light userdata"] = function() return system.pointer(4242) end,
}
M.kind_names = { "table", "function", "coroutine", "userdata", "file", "closed file", "light userdata" }

-- Function -> calls of it: the text of its arguments, in which the names of `locals` stand for new
-- values of this VM. What is behind a "|" uses the results, as `...`.
M.calls = {
  assert = { "1, 'message'", "nil, 'message'" },
  collectgarbage = { "'step', 1| return type((...))", "'count'| return type((...))" },
  dofile = { "source" },
  error = { "'text', 0", "'text', 1" },
  gcinfo = { "1| return type((...))" },
  getfenv = { "f| return type((...))" },
  getmetatable = { "'text'" },
  ipairs = { "{1, 2}| local s = '' for i, v in ... do s = s .. i .. tostring(v):gsub('0x%x+', '') end return s" },
  load = { "reader, '=name'| local f = ... return type(f) == 'function' and f()" },
  loadfile = { "source| local f = ... return type(f) == 'function' and f()" },
  loadstring = { "'return 5', '=name'| local f = ... return type(f) == 'function' and f()" },
  module = { "'gaijin_test_module', f" },
  newproxy = { "true| local u = ... return type(u), type(getmetatable(u))" },
  next = { "{5}, nil", "{5}, 1" },
  pairs = { "{5}| local n = 0 for k, v in ... do n = n + 1 end return n" },
  pcall = { "f, 1, 2, 3" },
  print = { "1, 2" },
  rawequal = { "1, 2", "{}, {}" },
  rawget = { "{5}, 1" },
  rawset = { "{5}, 1, 2| local t = ... return type(t)" },
  require = { "'string'" },
  select = { "1, 2, 3", "'#', 2, 3" },
  setfenv = { "f, {}" },
  setmetatable = { "{}, {}" },
  tonumber = { "'10', 8", "10" },
  tostring = { "1" },
  type = { "1" },
  unpack = { "{1, 2, 3}, 1, 2" },
  xpcall = { "f, f", "raises, f" },

  ["string.byte"] = { "'abc', 1, 2" },
  ["string.char"] = { "65, 66" },
  ["string.dump"] = { "f| return type((...))" },
  ["string.find"] = { "'abc', 'b', 1, true" },
  ["string.format"] = { "'%s %d %q %5.1f %c %x', 's', 1, 'q', 2, 65, 15", "'%s', 1" },
  ["string.gfind"] = { "'abc', '%a'" },
  ["string.gmatch"] = { "'abc', '%a'| return (...)()" },
  ["string.gsub"] = { "'a.c', '%.', 'x', 1", "'a.c', '%.', f", "'abc', '%a', {}, 2" },
  ["string.len"] = { "'abc'" },
  ["string.lower"] = { "'ABC'" },
  ["string.match"] = { "'abc', 'b', 1" },
  ["string.rep"] = { "'ab', 2" },
  ["string.reverse"] = { "'abc'" },
  ["string.sub"] = { "'abc', 1, 2" },
  ["string.upper"] = { "'abc'" },

  ["table.concat"] = { "{'a', 'b'}, ',', 1, 2" },
  ["table.foreach"] = { "{5}, f" },
  ["table.foreachi"] = { "{5}, f" },
  ["table.getn"] = { "{5}" },
  ["table.insert"] = { "{5}, 6", "{5}, 1, 6" },
  ["table.maxn"] = { "{5}" },
  ["table.remove"] = { "{5}, 1" },
  ["table.setn"] = { "{5}, 1" },
  ["table.sort"] = { "{2, 3, 1}", "{2, 3, 1}, less" },

  ["io.close"] = { "file" },
  ["io.flush"] = { "1" },
  ["io.input"] = { "file| return io.read()" },
  ["io.lines"] = { "path| return (...)()" },
  ["io.open"] = { "path, 'r'| local f = ... return f and f:read()" },
  ["io.output"] = { "file| io.write('written') return io.type((...))" },
  ["io.popen"] = { "'exit 0', 'r'| return io.type((...))" },
  ["io.read"] = { "'*l', 2" },
  ["io.tmpfile"] = { "1| return io.type((...))" },
  ["io.type"] = { "file" },
  ["io.write"] = { "'', ''" },

  ["file.__gc"] = { "file" },
  ["file.__tostring"] = { "file" },
  ["file.close"] = { "file" },
  ["file.flush"] = { "file" },
  ["file.lines"] = { "file| return (...)()" },
  ["file.read"] = { "file, '*l', 1" },
  ["file.seek"] = { "file, 'set', 1" },
  ["file.setvbuf"] = { "file, 'full', 1024" },
  ["file.write"] = { "file, 'a', 1" },

  ["os.clock"] = { "1| return type((...))" },
  ["os.date"] = { "'!%c', 0", "'!*t', 0" },
  ["os.difftime"] = { "5, 3" },
  ["os.execute"] = { "'exit 0'" },
  ["os.exit"] = {}, -- ends the process; with what it refuses it is called beside the others
  ["os.getenv"] = { "'NO_SUCH_VARIABLE'" },
  ["os.remove"] = { "'/no/such/file'" },
  ["os.rename"] = { "'/no/such/file', '/no/such/other'" },
  ["os.setlocale"] = { "'C', 'all'" },
  ["os.time"] = { "{ year = 2000, month = 1, day = 1 }" },
  ["os.tmpname"] = { "1| os.remove((...)) return type((...))" },

  ["debug.debug"] = { "1" }, -- its input is at its end
  ["debug.getfenv"] = { "f| return type((...))" },
  ["debug.gethook"] = { "co" },
  ["debug.getinfo"] = { "f, 'Slu'", "co, 0, 'S'", "co, f, 'f'" },
  ["debug.getlocal"] = { "co, 0, 1", "1, 1| return type((...))" },
  ["debug.getmetatable"] = { "{}" },
  ["debug.getregistry"] = { "1| return type((...))" },
  ["debug.getupvalue"] = { "with_upvalue, 1| return ..." },
  ["debug.setfenv"] = { "f, {}" },
  ["debug.sethook"] = { "f, 'l', 0", "co, f, 'l', 0" },
  ["debug.setlocal"] = { "co, 0, 1, 1", "1, 99, 1" },
  ["debug.setmetatable"] = { "{}, {}" },
  ["debug.setupvalue"] = { "with_upvalue, 1, 5" },
  ["debug.traceback"] = { "co, 'message', 0", "'message', 9", "'message'" },

  ["coroutine.create"] = { "f| return coroutine.resume((...), 1)" },
  ["coroutine.resume"] = { "co, 1, 2" },
  ["coroutine.running"] = { "1| return (...) == nil" },
  ["coroutine.status"] = { "co" },
  ["coroutine.wrap"] = { "f| return (...)(1)" },
  ["coroutine.yield"] = { "1, 2" },
}
for name, arguments in pairs {
  abs = "1", acos = "0.5", asin = "0.5", atan = "1", atan2 = "1, 2", ceil = "1.5", cos = "1", cosh = "1",
  deg = "1", exp = "1", floor = "1.5", fmod = "5, 3", frexp = "8", ldexp = "1, 2", log = "2", log10 = "10",
  max = "1, 2, 3", min = "1, 2, 3", mod = "5, 3", modf = "1.5", pow = "2, 3", rad = "1",
  random = "1, 1", randomseed = "1", sin = "1", sinh = "1", sqrt = "4", tan = "1", tanh = "1",
} do
  M.calls["math." .. name] = { arguments }
end

-- LuaJIT's own.
M.not_of_lua51 = {
  ["table.move"] = true, ["coroutine.isyieldable"] = true, ["debug.upvalueid"] = true,
  ["debug.upvaluejoin"] = true,
}

-- Where a remote value does not do what one of this VM does: function, positions, kinds, what is to come instead as a pattern,
-- and why. docs/lua-api.md names each. `jit`: under LuaJIT only.
local home = "[%w.]+: the object lives in %w and the %w+ in %w; make the %w+ where the object lives"
local not_ours = "debug.setmetatable: the metatable does not live where the object does"
local any = "table function coroutine userdata file closed light"
M.differences = {
  { "setmetatable", "12", "table", home, "Lua reads metatables raw" },
  { "setfenv", "12", "table function", home, "Lua reads environments raw" },
  { "debug.setfenv", "12", any, home, "Lua reads environments raw" },
  { "debug.setmetatable", "12", "table userdata file closed", not_ours, "Lua reads metatables raw" },
  { "debug.setmetatable", "1", "function coroutine light", "debug.setmetatable: all [%w ]+ of H share one metatable, which is H's to set",
    "it would change all values of the host" },
  { "debug.getupvalue", "1", "function", "debug.getupvalue of a remote function", "a debugger works in its own VM" },
  { "debug.setupvalue", "1", "function", "debug.setupvalue of a remote function", "a debugger works in its own VM" },
  { "debug.getlocal", "12", "function", "debug.getlocal of a remote function", "a debugger works in its own VM", jit = true },
  { "debug.sethook", "1", "coroutine", "debug.sethook of a remote thread", "a debugger works in its own VM" },
  { "debug.gethook", "1", "coroutine", "debug.gethook of a remote thread", "a debugger works in its own VM" },
  { "string.dump", "1", "function", "string.dump of a remote function", "bytecode is for the VM that made it" },
  { "newproxy", "1", "userdata", "newproxy of a remote userdata", "the library of a VM knows its own proxies only" },
  { "io.input", "1", "file closed", "io.input: the default file must be one of this worker; use the remote file's own methods",
    "io.read uses the C structure of a file" },
  { "io.output", "1", "file closed", "io.output: the default file must be one of this worker; use the remote file's own methods",
    "io.write uses the C structure of a file" },
  { "file.", "1", "file closed", "^raises \"bad argument #1 to 'F' %(FILE%* expected, got userdata%)\"",
    "the method in C of a file of one VM, given a file of another" },
  { "tostring", "1", "light", "^ \"userdata: H:%d+\"$", "no other worker learns the address" },
  { "string.format", "24", "light", "^ .*userdata: H:%d+", "no other worker learns the address", jit = true },
}

-- What a worker adds.
M.ours = { len = true, bakaGC = true, bakaUpdateATC = true, getBaka = true, showBaka = true, isBaka = true }

-- What the names in the texts stand for.
local function locals()
  local with = 1
  return {
    f = function(...) return ... end, less = function(a, b) return a < b end,
    raises = function() error("raised", 0) end,
    with_upvalue = function() return with end,
    reader = M.kinds["function"](), co = M.kinds.coroutine(), file = M.kinds.file(),
    source = M.source, path = M.path,
  }
end

-- Text -> a function that gives new arguments, and one that uses results.
function M.arguments(text)
  local arguments, use = text:match("^([^|]*)|(.*)$")
  local chunk = assert(loadstring("return " .. (arguments or text), "=arguments"))
  return function() return setfenv(chunk, setmetatable(locals(), { __index = _G }))() end,
    use and assert(loadstring(use, "=use"))
end

-- All functions of the library there are: name -> function.
function M.functions()
  local found = {}
  local function walk(prefix, t)
    for key, v in pairs(t) do
      if type(key) == "string" and type(v) == "function" then found[prefix .. key] = v end
    end
  end
  walk("", _G)
  for _, library in ipairs { "string", "table", "math", "io", "os", "debug", "coroutine" } do
    walk(library .. ".", _G[library])
  end
  walk("file.", debug.getmetatable(io.stdout))
  return found
end

return M
