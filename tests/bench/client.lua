-- SPDX-License-Identifier: MIT
--
-- Times round trips to server.lua, one by one: usage client.lua ROUND-TRIPS. Prints a line `OPERATION MEDIAN P99` (us)
-- per operation.
local count = tonumber((...)) or error("usage: client.lua ROUND-TRIPS")
local object = gaijin.wait_for("server", "object", 10)
local echo = gaijin.wait_for("server", "echo", 10)
local now = gaijin.now

local function measure(name, operation)
  local took = {}
  for _ = 1, count / 10 do operation() end
  for i = 1, count do
    local start = now()
    operation()
    took[i] = now() - start
  end
  table.sort(took)
  local median, p99 = took[math.floor(count / 2) + 1], took[math.floor(count * 99 / 100) + 1]
  print(string.format("%s %.2f %.2f", name, median * 1e6, p99 * 1e6))
end

measure("get", function() return object.field end)
measure("call", function() return echo(1) end)
