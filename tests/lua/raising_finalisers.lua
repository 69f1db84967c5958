-- A script's finaliser runs wherever Lua allocates, and may raise anywhere: the worker lives on, and every request is
-- answered, with its result or with what the finaliser raised.
--@ worker A
local settles = false -- a full collection for each of thousands that raise takes seconds
local function litter()
  local p = newproxy(true)
  getmetatable(p).__gc = function() if not settles then error("finaliser") end end
end
local function fill() for _ = 1, 3 do pcall(litter) end end
bakaGaijin.result = function() fill() return {}, function() end end
bakaGaijin.raise = function() fill() error(42, 0) end
local spawned, ran = 0, 0
bakaGaijin.spawn = function()
  fill()
  if pcall(gaijin.spawn, function() ran = ran + 1 fill() error(43) end) then spawned = spawned + 1 end
end
bakaGaijin.async = function()
  fill()
  local future = gaijin.async(function() fill() return {} end)
  fill()
  return future:get()
end
bakaGaijin.resume = function()
  fill()
  local ok, n = coroutine.resume(coroutine.create(function(...) return select("#", ...) end), unpack({}, 1, 200))
  if not ok then error(n, 0) end
  assert(n == 200)
end
bakaGaijin.settle = function() settles = true while not pcall(bakaGC) do end end
bakaGaijin.counts = function() return spawned, ran end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local result, raise, spawn, counts, settle = A.result, A.raise, A.spawn, A.counts, A.settle
local async, resume = A.async, A.resume
local function try(f)
  local ok, err = pcall(f, {})
  if ok or err == 42 then return end
  t.ok(tostring(err):find("finaliser", 1, true) or tostring(err):find("error in error handling", 1, true), tostring(err))
end
for _ = 1, 300 do
  try(result)
  try(raise)
  try(spawn)
  try(async)
  try(resume)
end
t.eventually(function()
  local ok, spawned, ran = pcall(counts)
  return ok and spawned > 0 and ran >= spawned -- a spawn that has worked may still raise
end)
repeat local ok = pcall(settle) until ok
