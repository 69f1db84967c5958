-- A member of rounds about cycles, for run.sh: usage member.lua MB idle|busy|reach ROUNDS GAIJINCTL OUT
-- Its heap has so many MB of tables, strings and closures. In each round 100 cycles with another worker are garbage, and are found: idle, it sleeps
-- meanwhile; busy, a fiber works and tells the most that was taken between two of its turns; reach: idle, and each suspect reaches all of the heap.
-- Prints the least of the rounds, in milliseconds of a processor: COLLECTION FORK CHECK SCAN HALT STOP, the last but one what the copy took in halt
-- (0 where nothing was forked then), the last what the worker itself took with its copy waiting, or after it.
local mb, mode, rounds, control, out = ...
local make = gaijin.wait_for("other", "make", 60)
local heap = {}
collectgarbage("stop")
while collectgarbage("count") < mb * 1024 do
  local i = #heap + 1
  local object = { x = i, y = i, name = "object " .. i, list = { i, i + 1, i + 2 } }
  if i % 4 == 0 then object.f = function() return object end end
  object.before = heap[i - 1]
  heap[i] = object
end
collectgarbage("restart")

local least = {}
local function note(what, ms) least[what] = math.min(least[what] or math.huge, ms) end

for _ = 1, 3 do
  local t = os.clock()
  collectgarbage()
  note("collection", (os.clock() - t) * 1e3)
end

local longest, working = 0, mode == "busy"
if working then
  gaijin.spawn(function()
    local last, k = os.clock(), 0
    while working do
      for _ = 1, 50 do
        k = (k * 1103515245 + 12345) % 2147483648
        local object = heap[k % #heap + 1]
        object.x = { object.x and 1 }
        object.x = k
      end
      gaijin.yield()
      local now = os.clock()
      longest = math.max(longest, now - last)
      last = now
    end
  end)
end

local function tie(n)
  for _ = 1, n do
    local u = { world = mode == "reach" and heap[#heap] or nil }
    u.t = make(u)
  end
end

local function read(path)
  local f = io.open(path)
  if not f then return nil end
  local text = f:read "*a"
  f:close()
  return text
end

local stops = os.getenv "GAIJIN_STOPS"
local function round()
  tie(100)
  os.remove(out)
  os.remove(stops)
  collectgarbage()
  os.execute(("(%s gc --cycles >%s.part 2>&1; mv %s.part %s) &"):format(control, out, out, out))
  gaijin.yield()
  longest = 0
  repeat gaijin.sleep(mode == "busy" and 0.02 or 1) until read(out)
  if not read(out):find("found", 1, true) then return false end
  local children, forks = {}, 0
  for what, ms in read(stops):gmatch "(%a+) ([%d.]+)" do
    if what == "fork" then
      forks = forks + 1
      note("fork", tonumber(ms))
    else
      children[#children + 1] = tonumber(ms)
    end
  end
  if #children ~= forks then return false end
  note("scan", children[1])
  note("check", children[2])
  note("halt", children[3] or 0)
  note("stop", longest * 1e3)
  return true
end
local found = 0
for _ = 1, rounds * 10 do
  if round() then found = found + 1 end
  if found == tonumber(rounds) then break end
end
working = false
assert(found > 0, "no round has found anything")
print(("%.1f %.2f %.1f %.1f %.1f %.1f"):format(least.collection, least.fork, least.check, least.scan, least.halt, least.stop))
