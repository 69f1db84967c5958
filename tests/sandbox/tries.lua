-- SPDX-License-Identifier: MIT
--
-- Ways out of a sandbox of Lua 5.1, those published among them: each is a function that returns
-- true when it has got through. tests/flow/test_sandbox.sh runs this file as a worker twice: without
-- --sandbox each must get through, with it none, so no try is empty. A try leaves everything as it
-- was. Arguments: the build directory; bytecode of `return true` in hexadecimal digits.

local build, digits = ...
local bytecode = (digits:gsub("%x%x", function(d) return string.char(tonumber(d, 16)) end))

local tries = {}
local function try(name, f) tries[#tries + 1] = { name, f } end
local function has(env) return type(env) == "table" and (env.io or env.dofile or env.package) ~= nil end

---- Files and processes

try("io.open reads a file", function() return io.open("/etc/passwd"):read() ~= nil end)
try("io.lines reads a file", function() return io.lines("/etc/passwd")() ~= nil end)
try("io.popen starts a program", function() return io.popen("true"):close() end)
try("io.tmpfile makes a file", function() return io.tmpfile():close() end)
try("io.stdout writes", function() return io.stdout:write("") == true end)
try("io.output opens a file", function()
  local old = io.output()
  io.output("/dev/null"):close()
  io.output(old)
  return true
end)
try("io.input opens a file", function()
  local old = io.input()
  io.input("/dev/null"):close()
  io.input(old)
  return true
end)
try("the metatable of files", function() return getmetatable(io.stdout).__index.write ~= nil end)
try("os.execute starts a program", function() return os.execute("true") == 0 end)
try("os.getenv reads the environment", function() return os.getenv("PATH") ~= nil end)
try("os.tmpname makes a file, os.remove removes it", function() return os.remove(os.tmpname()) end)
try("os.rename renames a file", function()
  local name = os.tmpname()
  return os.rename(name, name .. "2") and os.remove(name .. "2")
end)
try("os.setlocale reads files", function() return os.setlocale("C") == "C" end)
try("dofile runs a file", function() dofile("/dev/null") return true end)
try("loadfile loads a file", function() return loadfile("/dev/null") ~= nil end)
try("an error of loadfile shows what is in a file", function()
  return select(2, loadfile("/etc/passwd")):find("near", 1, true) ~= nil
end)
try("an error of require shows what is in a file", function()
  local path = package.path
  package.path = "/etc/passwd"
  local _, why = pcall(require, "any")
  package.path = path
  return why:find("near", 1, true) ~= nil
end)

---- Modules

try("require gives io", function() return require("io").open ~= nil end)
try("require gives all of os", function() return require("os").execute ~= nil end)
try("require gives all of debug", function() return require("debug").getregistry ~= nil end)
try("require gives all of string", function() return require("string").dump ~= nil end)
try("require gives all globals", function() return has(require("_G")) end)
try("require gives package", function() return require("package").loadlib ~= nil end)
try("package.loaded has io", function() return package.loaded.io ~= nil end)
try("package.loadlib opens a C library", function()
  return package.loadlib("libc.so.6", "getpid") ~= nil
end)
try("require loads a C module", function()
  local path = package.cpath
  package.cpath = build .. "/tests/?.so"
  local ok, module = pcall(require, "system")
  package.cpath, package.loaded.system = path, nil
  return ok and module ~= nil
end)
try("package.preload", function()
  package.preload.mine = function() return true end
  return require("mine") == true
end)
try("package.loaders finds files", function() return type(package.loaders[2]) == "function" end)
try("module with package.seeall", function()
  return setfenv(function()
    module("a_module", package.seeall)
    return has(getmetatable(getfenv()).__index)
  end, getfenv())()
end)

---- debug

try("debug.getregistry", function() return debug.getregistry()._LOADED ~= nil end)
try("debug.getupvalue looks into our functions", function()
  return debug.getupvalue(gaijin.fetch, 1) ~= nil
end)
try("debug.setupvalue changes one", function()
  local function f() return tries end
  return debug.setupvalue(f, 1, tries) == "tries"
end)
try("debug.getmetatable past __metatable", function()
  return type(debug.getmetatable(bakaGaijin)) == "table"
end)
try("debug.setmetatable of nil", function()
  debug.setmetatable(nil, { __index = function() return true end })
  local through = (nil).x
  debug.setmetatable(nil, nil)
  return through
end)
try("debug.getfenv of a C function", function() return type(debug.getfenv(print)) == "table" end)
try("debug.setfenv of a C function", function()
  debug.setfenv(print, debug.getfenv(print))
  return true
end)
try("debug.getinfo tells of functions", function() return debug.getinfo(1, "S").what == "Lua" end)
try("debug.getlocal of a caller", function()
  local secret = true
  local function look() return select(2, debug.getlocal(2, 1)) end
  return look() and secret
end)
try("debug.setlocal of a caller", function()
  local through = false
  local function change() debug.setlocal(2, 1, true) end
  change()
  return through
end)
try("debug.sethook takes the limit's hook away", function()
  debug.sethook()
  return debug.gethook() == nil
end)
try("debug.debug", function() return type(debug.debug) == "function" end)

---- Bytecode

try("string.dump", function() return #string.dump(function() end) > 0 end)
try("string.dump by the metatable of strings", function()
  return #getmetatable("").__index.dump(function() end) > 0
end)
try("string.dump as a method", function() return type(("").dump) == "function" end)
try("loadstring of bytecode", function() return loadstring(bytecode)() end)
try("loadstring of bytecode, in a protected call", function()
  local _, f = pcall(loadstring, bytecode, "@innocent.lua")
  return f()
end)
try("loadstring of bytecode, in a coroutine", function()
  return coroutine.wrap(function() return loadstring(bytecode) end)()()
end)
try("loadstring of bytecode, as a remote or spawned call", function()
  return gaijin.async(loadstring, bytecode):get()()
end)
try("load of bytecode in one piece", function()
  local piece = bytecode
  return load(function()
    local given = piece
    piece = nil
    return given
  end)()
end)
try("load of bytecode byte by byte", function()
  local i = 0
  return load(function()
    i = i + 1
    return i <= #bytecode and bytecode:sub(i, i) or nil
  end)()
end)
try("load of bytecode from a coroutine", function()
  return load(coroutine.wrap(function() coroutine.yield(bytecode) end))()
end)
try("a number becomes an address (forged bytecode of a loop)", function()
  local forged = string.dump(function(x) for i = x, x, 0 do return i end end)
  forged = forged:gsub("\96%z%z\128", "\22\0\0\128")
  return type(loadstring(forged)(print)) == "number"
end)

---- Environments: what is closed, by another road

try("getfenv(0)", function() return has(getfenv(0)) end)
try("getfenv(1)", function() return has(getfenv(1)) end)
try("getfenv of a caller", function() return has((function() return getfenv(2) end)()) end)
try("getfenv of a C function", function() return has(getfenv(print)) end)
try("getfenv of one of our functions", function() return has(getfenv(gaijin.fetch)) end)
try("raw_getfenv", function() return has(raw_getfenv(0)) end)
try("getfenv of one of our functions that calls", function()
  return has(gaijin.timeout(5, function() return getfenv(2) end))
end)
try("getfenv in a handler of xpcall", function()
  return has(select(2, xpcall(error, function() return getfenv(0) end)))
end)
try("getfenv in a coroutine", function()
  return has(coroutine.wrap(function() return getfenv(0) end)())
end)
try("getfenv on another fiber", function()
  return has(gaijin.async(function() return getfenv(0) end):get())
end)
try("getfenv in a timer", function()
  local env
  gaijin.after(0, function() env = getfenv(0) end)
  while not env do gaijin.sleep(0.001) end
  return has(env)
end)
try("getfenv in a metamethod of strings", function()
  local meta = getmetatable("")
  local index, env = meta.__index, nil
  meta.__index = function() env = getfenv(2) return index end
  local _ = ("").x
  meta.__index = index
  return has(env)
end)
try("getfenv in a comparator", function()
  local env
  table.sort({ 2, 1 }, function(a, b) env = getfenv(0) return a < b end)
  return has(env)
end)
try("getfenv in a replacement of gsub", function()
  local env
  string.gsub("x", ".", function() env = getfenv(0) end)
  return has(env)
end)
try("getfenv in a finaliser", function()
  local env
  getmetatable(newproxy(true)).__gc = function() env = getfenv(0) end
  collectgarbage()
  return has(env)
end)
try("getfenv in __tostring", function()
  local env
  tostring(setmetatable({}, { __tostring = function() env = getfenv(0) return "" end }))
  return has(env)
end)
try("globals of loaded code", function() return has(loadstring("return getfenv()")()) end)
try("setfenv(0) shows what our functions use", function()
  local seen
  local env = getfenv(0)
  setfenv(0, setmetatable({}, { __index = function(_, name) seen = name return env[name] end }))
  local ok = pcall(loadstring("return io.type(1)"))
  setfenv(0, env)
  return ok and seen ~= nil
end)
try("a closed function by its name in all tables there are", function()
  local seen, found = {}, false
  local closed = { execute = true, popen = true, loadlib = true, getregistry = true, dump = true,
                   dofile = true, loadfile = true, getenv = true, sethook = true }
  local function visit(t)
    if type(t) ~= "table" or seen[t] then return end
    seen[t] = true
    for k, v in raw_pairs(t) do
      if closed[k] and raw_type(v) == "function" then found = true end
      visit(v)
    end
    visit(raw_getmetatable(t))
  end
  visit(_G)
  visit(raw_getmetatable(""))
  visit(getfenv(0))
  return found
end)

---- Objects of another worker, `victim`, which is not sandboxed

local victim = gaijin.wait_for("victim", "f", 30) and bakaGaijin("victim")
local f, t, co, env = victim.f, victim.t, victim.co, victim.env
try("getfenv of a remote function", function() return getfenv(f).secret end)
try("getfenv of a remote function, as a future", function()
  return gaijin.async(getfenv, f):get().secret
end)
try("getfenv of a remote function, in a coroutine", function()
  return coroutine.wrap(function() return getfenv(f) end)().secret
end)
try("setfenv of a remote function", function() return setfenv(f, env) == f end)
try("getmetatable of a remote table", function() return getmetatable(t).secret end)
try("setmetatable of a remote table", function() return setmetatable(t, getmetatable(t)) == t end)
try("debug.getfenv of a remote function", function() return debug.getfenv(f).secret end)
try("debug.setfenv of a remote function", function() return debug.setfenv(f, env) == f end)
try("debug.getmetatable of a remote table", function() return debug.getmetatable(t).secret end)
try("debug.setmetatable of a remote table", function()
  return debug.setmetatable(t, debug.getmetatable(t)) ~= nil
end)
try("debug.getinfo of a remote function", function() return debug.getinfo(f).short_src ~= nil end)
try("debug.traceback of a remote coroutine", function()
  return debug.traceback(co):find("hidden", 1, true) ~= nil
end)

for _, one in ipairs(tries) do
  local ok, through = pcall(one[2])
  if ok and through then
    print("through: " .. one[1])
  else
    print("held: " .. one[1])
  end
end

-- For the tries of outsider.lua, on this worker's objects.
secret = true
bakaGaijin.f = function() return true end
bakaGaijin.t = setmetatable({}, { secret = true })
bakaGaijin.env = { secret = true }
bakaGaijin.co = coroutine.create(function() local function hidden() coroutine.yield() end hidden() end)
coroutine.resume(bakaGaijin.co)
