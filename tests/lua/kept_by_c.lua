-- What C keeps of its own in futures, copies and function ATs is no concern of scripts: whoever
-- reaches for it gets an error, and no worker ends of it, neither one's own nor another.
--@ worker A
bakaGaijin.future = gaijin.async(function() return 1 end)
bakaGaijin.userdata = newproxy(true)
bakaGaijin.meta = getmetatable(bakaGaijin.userdata)
bakaGaijin.sink = function() end
bakaGaijin.table = {}
bakaGaijin.make = function() return function() return 7 end end
bakaGaijin.words = function(name, s, p)
  local found = string[name](s, p)
  return name == "gmatch" and found() or found
end
bakaGaijin.alive = function() return true end
--@ worker B once
local t, system = require "t", require "system"
local A = bakaGaijin("A")
local why = "gaijin: unsupported: debug%.%a+ of a future or a copy$"
local function reach(own)
  t.raises(why, debug.getfenv, own)
  t.raises(why, debug.setfenv, own, {})
  t.raises(why, debug.setmetatable, own, nil)
end
local mine = gaijin.async(function() return 1 end)
reach(mine)
reach(gaijin.copy { 1 })
reach(A.future)
-- Their metatables, which could be taken for others, or robbed of the finaliser.
t.eq(debug.getmetatable(mine), "future")
t.eq(debug.getmetatable(A.future), "future")
t.eq(debug.getmetatable(gaijin.copy { 1 }), nil)
t.eq(debug.getmetatable(A.userdata), A.meta)
t.eq(debug.getmetatable(io.stdout), debug.getregistry()["FILE*"])
t.eq(debug.getmetatable(1), nil)
t.raises("value expected", debug.getmetatable)
t.eq(mine:get(), 1)
-- What the Lua files use of C, given to it as nobody does.
local core
for i = 1, 60 do
  local name, v = debug.getupvalue(gaijin.timeout, i)
  if name == "core" then core = v end
end
t.raises("string expected", core.replace, print)
local first = gaijin.async(core.next_death)
gaijin.yield()
t.raises("somebody waits for deaths already", core.next_death)
first:cancel()
t.raises("", first.get, first)
t.eq(A.alive(), true)
-- A function AT that is ours for a while, because its token is taken out.
local sink, kept, at, token = A.sink, A.table, nil, nil
for i = 1, 8 do
  local _, v = system.upvalue(sink, i)
  if raw_type(v) == "userdata" then at, token = i, v end
end
system.set_upvalue(sink, at, nil)
kept.sink = sink
system.set_upvalue(sink, at, token)
t.raises("^gaijin: too_large: ", kept.sink or sink, sink, ("x"):rep(20 * 2 ^ 20))
kept.sink = nil
-- The token of a function that is being made, used by a hook.
local used, hook = 0, { debug.gethook() }
debug.sethook(function()
  local name, v = debug.getlocal(2, 1)
  if name == "token" and raw_type(v) == "userdata" and used == 0 then
    used = 1
    sink(v)
  end
end, "c")
local made = A.make()
debug.sethook(unpack(hook))
t.eq(made(), 7)
t.ok(used == 1 or jit) -- LuaJIT runs no hook for compiled code
made = nil
-- Long patterns, which 5.1 matches by recursion.
for _, name in ipairs { "find", "match", "gmatch" } do
  for _, n in ipairs { 10, 30000 } do
    local ok, e = pcall(A.words, name, ("a"):rep(2 * n), ("a?"):rep(n))
    if n == 10 then
      t.eq(ok, true)
    else
      t.ok(ok or e:find("stack overflow", 1, true) or e:find("too complex", 1, true), e)
    end
  end
end
t.eq(A.alive(), true)
