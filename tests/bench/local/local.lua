-- SPDX-License-Identifier: MIT
--
-- make bench-local: usage local.lua SOCKET [RUNS], in any interpreter. Prints what a call of each
-- replaced library function takes with local values, the original and the replacement.

local here = debug.getinfo(1, "S").source:match("^@(.*)local%.lua$")
local M = dofile(here .. "../../lua/lib/local_calls.lua")
local socket, runs = ...
runs = tonumber(runs) or 15
local clock = os.clock
local before -- nil in gaijin-worker, whose script begins after the replacing
if not gaijin then
  before = M.functions()
  require("gaijin").connect { name = "bench-local", socket = socket }
end

-- Seconds that fn(n) takes.
local function time(fn, n)
  local begun = clock()
  fn(n)
  return clock() - begun
end

-- So many calls as take some milliseconds.
local function count(fn)
  local n = 100
  while time(fn, n) < 0.004 do n = n * 2 end
  return n
end

-- Nanoseconds per call of both, the best of several runs in turns: others who use the machine only
-- make a run longer.
local function compare(text, original, replacement)
  local a, b = M.loop(text, original), M.loop(text, replacement)
  local n = count(a)
  count(b)
  local best_a, best_b = math.huge, math.huge
  for _ = 1, runs do
    best_a = math.min(best_a, time(a, n))
    best_b = math.min(best_b, time(b, n))
  end
  return best_a / n * 1e9, best_b / n * 1e9
end

collectgarbage()
print(string.format("  %-20s%-36s%10s %11s %6s", "function", "call", "original", "replacement", "ratio"))
for _, row in ipairs(M.list(M.replaced(before))) do
  local name, text, original, replacement = unpack(row)
  local a, b = compare(text, original, replacement)
  print(string.format("  %-20s%-36s%7.1f ns %8.1f ns %6.2f%s", name, text, a, b, b / a,
    b / a > 1.15 and " over" or ""))
end
