-- A worker whose script has all the memory it may have answers with errors, and lives: whatever is asked of it, it works
-- again when the script has let go of something, if only of garbage.
--@ only gaijin-worker
--@ limit 20
--@ worker H flags=--memory-limit,3M
local kept
local function keep(size) kept[#kept + 1] = ("x"):rep(size) .. #kept end
function bakaGaijin.fill(until_then) -- to the last bytes
  local size = 1e6
  kept = {}
  gaijin.spawn(function() -- it is there by then: a new one would not come into being
    until_then()
    kept = nil
  end)
  gaijin.yield()
  while size >= 1 do
    if not pcall(keep, size) then
      size = size / 2
      collectgarbage()
    end
  end
end
function bakaGaijin.waste()
  collectgarbage("stop")
  local t = {}
  while true do t[#t + 1] = ("x"):rep(1000) .. #t end
end
function bakaGaijin.add(a, b) return a + b end
function bakaGaijin.deep(n) return n == 0 and 0 or 1 + bakaGaijin.deep(n - 1) end
bakaGaijin.list = { 1, 2, 3, key = { "v" } }
bakaGaijin.call = function(f, ...) return f(...) end
--@ worker C once
local t = require "t"
local H = bakaGaijin("H")
local fill, waste, add, list, call, deep = H.fill, H.waste, H.add, H.list, H.call, H.deep

local function ask(i)
  local kind = i % 12
  if kind == 0 then return add(1, 2) end
  if kind == 1 then return list.key[1] end
  if kind == 2 then for _ in pairs(list) do end return true end
  if kind == 3 then return #list end
  if kind == 4 then list.new = { i } return true end
  if kind == 5 then return gaijin.async(add, 1, i):get() end
  if kind == 6 then gaijin.post(add, 1, 2) return true end
  if kind == 7 then return table.concat(list, ",") end
  if kind == 8 then return tostring(list) end
  if kind == 9 then return call(function(v) return v end, gaijin.copy { 1, 2, 3, { 4 } }) end
  if kind == 10 then return gaijin.fetch(list) end
  return deep(50)
end

local function what_comes(n)
  local errors = {}
  for i = 1, n do
    local ok, why = pcall(ask, i)
    if not ok then
      why = tostring(why)
      t.ok(why:find("not enough memory") or why:find("^gaijin: busy: ") or why:find("error in error"), why)
      errors[#errors + 1] = why
    end
  end
  return #errors
end

t.eq(what_comes(24), 0)
for round = 1, 5 do
  local full = true
  pcall(fill, function() while full do gaijin.sleep(0.001) end end)
  t.ok(what_comes(60) > 0, "it was never short of memory")
  full = false
  t.eventually(function() return what_comes(12) == 0 end)
  t.raises("not enough memory", waste)
  t.eventually(function() return what_comes(12) == 0 end)
end
list.new = nil
