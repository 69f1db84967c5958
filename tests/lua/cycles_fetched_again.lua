-- Members of cycles that are in a weak table only are fetched from it again and again, without a message that would tell the
-- broker, while rounds come and go: what is fetched works, never stale, and what is not goes.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker C
local weak = setmetatable({}, { __mode = "v" })
function bakaGaijin.make(other, i)
  local p = { other = other, i = i }
  weak[i] = p
  return p
end
function bakaGaijin.fetch(i) -- the other member, by way of this worker's own weak table
  local p = weak[i]
  return p and p.other
end
--@ worker B once
local t = require "t"
local C = bakaGaijin("C")
local make, fetch = C.make, C.fetch
local MEMBERS, weak, gone, fetched = 40, setmetatable({}, { __mode = "v" }), 0, 0
local function new(i)
  local u = { i = i }
  weak[i] = u
  u.t = make(u, i)
end
local function use(i)
  local u = weak[i]
  if not u then
    gone = gone + 1
    new(i)
    return
  end
  fetched = fetched + 1
  if fetched % 3 == 0 then gaijin.sleep(0.002) end
  if fetched % 2 == 0 then
    t.eq(u.t.i, i)
    t.ok(u.t.other == u)
  end
end
local function use_there(i)
  local u = fetch(i)
  if u then t.eq(u.i, i) end
end
for i = 1, MEMBERS do new(i) end
t.eventually(function()
  for _ = 1, 4 do use(math.random(MEMBERS / 2)) end
  if math.random(10) == 1 then use_there(math.random(MEMBERS)) end
  for i = MEMBERS / 2 + 1, MEMBERS do -- these rest for longer
    if not weak[i] then use(i) end
  end
  return gone >= 60 and fetched >= 300
end, 50)
