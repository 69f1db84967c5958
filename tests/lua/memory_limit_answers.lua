-- Answers that futures keep and nobody reads count: together with C stacks they have as much as the heap.
--@ only gaijin-worker
--@ worker H
bakaGaijin.text = function() return ("x"):rep(1e6) end
--@ worker C once flags=--memory-limit,8M
local t = require "t"
local text = bakaGaijin("H").text
for round = 1, 2 do
  local futures, full, kept = {}, 0, 0
  for i = 1, 20 do futures[i] = gaijin.async(text) end
  t.eventually(function()
    for i = 1, 20 do if not futures[i]:done() then return false end end
    return true
  end)
  for i = 1, 20 do
    local ok, why = pcall(function() return #futures[i]:get() end)
    futures[i] = false
    collectgarbage()
    if ok then
      kept = kept + 1
    else
      full = full + 1
      t.ok(tostring(why):find("not enough memory for answers that nobody has read (--memory-limit)", 1, true), why)
    end
  end
  t.ok(kept >= 6 and kept <= 8, "kept " .. kept)
  t.eq(full, 20 - kept)
end

-- Nor do the errors of those nobody asks for take more than a line.
local function resident()
  local f = assert(io.open("/proc/self/statm"))
  local pages = tonumber(f:read("*a"):match("^%d+ (%d+)"))
  f:close()
  return pages * 4096
end
local long = ("x"):rep(1e6)
local before, failed = resident(), {}
for i = 1, 100 do
  failed[i] = gaijin.async(function() error(long, 0) end)
  gaijin.yield()
end
t.ok(resident() - before < 30e6, resident() - before)
