-- Coroutines that resume each other to the end of the C stack, with a full heap: Lua makes the text of that error outside
-- protected calls.
--@ only gaijin-worker
--@ worker H flags=--memory-limit,8M
local resume, create = coroutine.resume, coroutine.create
function bakaGaijin.try()
  local cos, kept, n, most = {}, {}, 0, 150000
  local function body(i)
    local ok, why = resume(cos[i + 1], i + 1)
    return ok, why
  end
  for i = 1, 260 do cos[i] = create(body) end
  for i = 1, most do kept[i] = false end
  local function fill()
    while n < most do
      n = n + 1
      kept[n] = newproxy()
    end
  end
  local full = not pcall(fill)
  local ok = pcall(resume, cos[1], 1)
  kept = nil
  return full, ok
end
function bakaGaijin.add(a, b) return a + b end
--@ worker C once
local t = require "t"
local H = bakaGaijin("H")
local try, add = H.try, H.add
for round = 1, 3 do
  local done, full = pcall(try)
  t.ok(not done or full, "the heap was not full")
  t.eventually(function() return select(2, pcall(add, 1, 2)) == 3 end)
end
