-- SPDX-License-Identifier: MIT
--
-- Has a crowd of crowd.lua call each other: usage crowd_lead.lua WORKERS CALLS, of all together. Prints
-- `crowd-WORKERS rate /s VALUE`: calls of all, from the begin until the last one has done its own.
local workers, calls = ...
workers, calls = tonumber(workers), tonumber(calls)
local each = math.ceil(calls / workers / 8) * 8

local function all(what, ...)
  local futures = {}
  for i = 1, workers do futures[i] = gaijin.async(bakaGaijin("crowd-" .. i)[what], ...) end
  for i = 1, workers do futures[i]:get() end
end
for i = 1, workers do gaijin.wait_for("crowd-" .. i, "ready", 60) end
all("meet")
all("begin", math.max(8, math.floor(each / 80) * 8))
local start = gaijin.now()
all("begin", each)
print(string.format("crowd-%d rate /s %.6g", workers, workers * each / (gaijin.now() - start)))
