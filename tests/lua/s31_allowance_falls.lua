-- The load, the shadow and the allowance fall when the objects are let go, not at the next crossing.
--@ broker --load-min 100
--@ worker A
bakaGaijin.make = function() return {} end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
local function row()
  local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json loads"))
  local text = p:read("*a")
  p:close()
  for object in text:gmatch("{(.-)}") do
    if object:match('"host":%s*"A"') and object:match('"holder":%s*"B"') then
      local held, shadow, allowance = object:match('"held":%s*(%d+).-"shadow":%s*(%d+).-"allowance":%s*([%d.]+)')
      return tonumber(held), tonumber(shadow), tonumber(allowance), object
    end
  end
  return 0, 0, 100
end
local kept = {}
for i = 1, 2000 do kept[i] = make() end
local held, shadow, allowance = row()
t.eq(held, 2001)
t.ok(shadow > 1000, "shadow " .. shadow)
t.ok(allowance >= held, "allowance " .. allowance)
kept = {}
bakaGC()
held, shadow, allowance = row()
t.eq(held, 1)
t.ok(shadow <= 1, "shadow " .. shadow)
t.eq(allowance, 100)
