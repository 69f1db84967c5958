-- A script's finaliser holds ATs whose own finaliser ran before its: used, received and passed on they work.
--@ worker A
bakaGaijin.t = { v = 1, f = function(x) return x end }
bakaGaijin.is_t = function(x) return rawequal(x, bakaGaijin.t) end
bakaGaijin.make = function() local o = { v = 2 } return o, function() return o.v end end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local kept
local function keep_in_finaliser(o, f)
  local u = newproxy(true)
  -- u is older than the ATs made later for new objects, so it is finalised after them
  getmetatable(u).__gc = function() kept = { o.v, f() , o, f } end
  return u
end
for round = 1, 20 do
  local u = newproxy(true)
  do
    local box = {}
    getmetatable(u).__gc = function() kept = { box.o.v, box.f(), box.o, box.f } end
    box.o, box.f = A.make()
  end
  u, kept = nil, nil
  collectgarbage()
  collectgarbage()
  t.ok(kept, "finalised")
  t.eq(kept[1], 2)
  t.eq(kept[2], 2)
  t.eq(kept[3].v, 2)
  t.eq(kept[4](), 2)
  if round % 2 == 0 then gaijin.sleep(0.012) end
  t.eq(kept[3].v, 2)
end
kept = nil
bakaGC()
-- in the scheduler and at the end a finaliser cannot wait: it is told so
local last = newproxy(true)
local remote = A.t
getmetatable(last).__gc = function()
  local ok, e = pcall(function() return remote.v end)
  if ok or not tostring(e):match("gaijin: unsupported: ") then io.stderr:write("wrong: " .. tostring(e) .. "\n") os.exit(3) end
end
