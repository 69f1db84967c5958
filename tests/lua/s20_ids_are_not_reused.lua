--@ worker A
bakaGaijin.make = function() return {} end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
-- The text of a dead or unreachable AT names its id; the broker's books do for living ones.
local function fresh_id()
  local o = make()
  local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json tokens --host A --holder B"))
  local highest = 0
  for id in p:read("*a"):gmatch('"id":%s*(%d+)') do highest = math.max(highest, tonumber(id)) end
  p:close()
  return highest, o
end
local last = 0
for _ = 1, 5 do
  local id = fresh_id()
  t.ok(id > last, "id " .. id .. " after " .. last)
  last = id
  bakaGC()
end
