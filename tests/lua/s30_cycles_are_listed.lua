-- The broker's books list a cycle across two workers while nobody looks for such; breaking it frees both. When somebody does, it goes.
--@ broker --cycle-time=0
--@ worker A
bakaGaijin.make = function(other) return { other = other } end
bakaGaijin.collect = function() bakaGC() bakaGC() return (getBaka()) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local make, collect = A.make, A.collect
local function tokens()
  local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json tokens"))
  local text = p:read("*a")
  p:close()
  local held = { A = 0, B = 0 }
  for host in text:gmatch('"host":"(%u)"[^{}]-"kind":"table"') do held[host] = held[host] + 1 end
  return held
end
local function cycle()
  local u = {}
  u.t = make(u)
  return setmetatable({ u }, { __mode = "v" })
end
local weak = {}
for i = 1, 30 do weak[i] = cycle() end
for _ = 1, 3 do
  bakaGC()
  collect()
end
local held = tokens()
t.eq(held.A, 30, "A's tables, held by B's")
t.eq(held.B, 30, "B's tables, held by A's")
for i = 1, 30 do weak[i][1].t = nil end
bakaGC()
collect()
bakaGC()
held = tokens()
t.eq(held.A, 0)
t.eq(held.B, 0)
for i = 1, 30 do t.eq(weak[i][1], nil) end
