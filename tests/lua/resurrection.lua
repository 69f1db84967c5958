-- A script's finaliser holds ATs whose own finaliser ran before its. While the release is queued, or another worker
-- holds the token, they work again; if it is gone, they raise `stale`. Never do they do anything else.
--@ worker A
local kept = {}
bakaGaijin.make = function()
  local o = { v = 2 }
  local f = function() return o.v end
  kept[1], kept[2] = o, f
  bakaGaijin("C").keep(o, f)
  return o, f
end
bakaGaijin.is_kept = function(o, f) return rawequal(o, kept[1]) and rawequal(f, kept[2]) end
bakaGaijin.get_kept = function() return kept[1], kept[2] end
bakaGaijin.lose = function()
  kept = {}
  bakaGaijin("C").keep()
  bakaGC()
end
--@ worker C
local kept
bakaGaijin.keep = function(...)
  kept = { ... }
  bakaGC()
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local make, is_kept, get_kept, lose = A.make, A.is_kept, A.get_kept, A.lose
local out
-- The userdata is older than the ATs, so it is finalised after them.
local function abandon()
  local u = newproxy(true)
  local box = {}
  getmetatable(u).__gc = function() out = box end
  box.o, box.f = make()
end
local function resurrect()
  abandon()
  collectgarbage()
  t.ok(out, "finalised")
end
for round = 1, 40 do
  out = nil
  resurrect()
  local o, f = out.o, out.f
  if round % 4 == 0 then gaijin.sleep(0.015) end -- the releases have left
  if round % 4 == 1 then o, f = get_kept() end
  if round % 2 == 0 then
    t.eq(o.v, 2)
    t.eq(f(), 2)
  end
  t.eq(is_kept(o, f), true)
  t.eq(f(), 2)
  collectgarbage()
  collectgarbage()
  gaijin.sleep(0.012)
  t.eq(o.v, 2, "held again, across collections")
  t.eq(f(), 2)
  o, f, out = nil, nil, nil
  collectgarbage()
end
for _ = 1, 10 do
  out = nil
  resurrect()
  lose()
  bakaGC()
  t.raises("^gaijin: stale: ", function() return out.o.v end)
  t.raises("^gaijin: stale: ", function() return out.f() end)
  t.raises("^gaijin: stale: ", is_kept, out.o, 1)
end
out = nil
-- in the scheduler and at the end a finaliser cannot wait: it is told so
local last = newproxy(true)
local remote = make()
lose()
getmetatable(last).__gc = function()
  local ok, e = pcall(function() return remote.v end)
  if ok or not tostring(e):match("gaijin: unsupported: ") then
    io.stderr:write("wrong: " .. tostring(e) .. "\n")
    os.execute("kill -9 $PPID")
  end
end
keep_to_the_end = last
