-- SPDX-License-Identifier: MIT
--
-- Fibers and calls at once: usage calls_client.lua CALLS. Prints a switch between fibers, requests per second at several
-- numbers of requests in flight, and the server's memory per request that waits in a call.
local calls = tonumber((...)) or error("usage: calls_client.lua CALLS")
local server = bakaGaijin("server")
local echo, wait, waiting = gaijin.wait_for("server", "echo", 10), server.wait, server.waiting
local async, all, now = gaijin.async, gaijin.all, gaijin.now

-- Runs f() so often on each of n fibers; the seconds it takes.
local function timed(n, times, f)
  local start, futures = now(), {}
  for i = 1, n do
    futures[i] = async(function() for _ = 1, times do f() end end)
  end
  for i = 1, n do futures[i]:get() end
  return now() - start
end

timed(100, 100, gaijin.yield)
print(string.format("%-40s %10.0f ns", "fiber switch (100 fibers)", timed(100, 1000, gaijin.yield) / (100 * 1000) * 1e9))
for _, n in ipairs { 1, 10, 100, 1000 } do
  local each = math.max(1, math.floor(calls / n))
  timed(n, 1, echo)
  print(string.format("%-40s %10.0f per second", n .. " in flight, from as many fibers", n * each / timed(n, each, function() return echo(1) end)))
end
local start, futures = now(), {}
for i = 1, calls do
  futures[i] = async(echo, 1)
  if i % 1000 == 0 or i == calls then
    for k, f in pairs(futures) do f:get() futures[k] = nil end
  end
end
print(string.format("%-40s %10.0f per second", "1000 in flight, futures of one fiber", calls / (now() - start)))

local before, held = server.private_kib(), {}
for i = 1, 1000 do held[i] = async(wait, function() gaijin.sleep(1000) end) end
while waiting() < 1000 do gaijin.yield() end
print(string.format("%-40s %10.1f KiB", "memory of a waiting request (of 1000)", (server.private_kib() - before) / 1000))
os.exit(0) -- those that wait are not waited for
