-- Values for another lua_State, a coroutine's or a fiber's, that has no room for them, where memory is short: an error for
-- whoever gives them, and the worker goes on. Lua by itself ends the process.
--@ only gaijin-worker
--@ limit 60
--@ worker H flags=--memory-limit,2M
local t = require "t"
local function f(...) return select("#", ...) end
-- Each gives a function of C and what goes before the values.
local ways = {
  spawn = function() return gaijin.spawn, f end,
  async = function() return gaijin.async, f end,
  post = function() return gaijin.post, f end,
  resume = function() return coroutine.resume, coroutine.create(f) end,
  ["resume again"] = function()
    local co = coroutine.create(function() coroutine.yield() end)
    coroutine.resume(co)
    return coroutine.resume, co
  end,
  ["resume of a dead one"] = function()
    local co = coroutine.create(f)
    coroutine.resume(co)
    return coroutine.resume, co
  end,
  wrap = function() return coroutine.wrap(f), 0 end,
}

-- 6,000 values, for which a new lua_State takes some 100 KB; the caller of `try` has a stack with room for them.
local take = require("short_memory").take
local function try(way, ...)
  local f, first = way()
  f(first, ...)
  f, first = way()
  local taken = take()
  local ok, why = pcall(f, first, ...)
  taken = nil
  return ok, why
end

local values = {}
for i = 1, 6000 do values[i] = i end
function bakaGaijin.try(kind)
  local ok, why = try(ways[kind], unpack(values))
  collectgarbage()
  return ok, why
end

-- For another worker: leaves about so many bytes.
local left
function bakaGaijin.leave(size)
  local bytes = 1e5
  left = {}
  while bytes > 1e3 do
    collectgarbage()
    local room = 2 * 1024 * 1024 - collectgarbage("count") * 1024 - size
    local ok, text = pcall(string.rep, "x", bytes - #left)
    if room > bytes and ok then left[#left + 1] = text else bytes = bytes / 2 end
  end
end
function bakaGaijin.let_go()
  left = nil
  collectgarbage()
end
bakaGaijin.code = loadstring(("x = 1\n"):rep(8000))
function bakaGaijin.coroutine() return coroutine.create(f) end
--@ worker C once
local t = require "t"
local try = bakaGaijin("H").try
for _, kind in ipairs { "spawn", "async", "post", "resume", "resume again", "resume of a dead one", "wrap" } do
  local short = 0
  for _ = 1, 3 do
    local ok, why = try(kind)
    if not ok then
      short = short + 1
      t.ok(tostring(why):find("not enough memory") or tostring(why):find("^gaijin: busy: "), kind .. ": " .. tostring(why))
    end
  end
  t.ok(short > 0, kind .. ": it was never short of memory")
end

-- asked from here: what is sent is decoded first, which takes memory too
local H, values = bakaGaijin("H"), {}
local leave, let_go, make = H.leave, H.let_go, H.coroutine
for i = 1, 6000 do values[i] = i end
local function try_from_here(f, ...)
  local outcomes = {}
  for size = 6e5, 2e4, -1e4 do
    let_go()
    local co = make()
    repeat until pcall(leave, size)
    local ok, why = pcall(f, co, ...)
    outcomes[ok], co = true, nil
    bakaGC() -- the coroutine of H keeps what it was given
    t.ok(ok or why:find("not enough memory", 1, true) or why:find("^gaijin: busy: "), why)
  end
  let_go()
  t.ok(outcomes[true] and outcomes[false])
end
try_from_here(coroutine.resume, unpack(values))
try_from_here(debug.getinfo, H.code, "L")
