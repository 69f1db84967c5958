-- SPDX-License-Identifier: MIT
--
-- Calls the function of another worker every two milliseconds, and tells how long the answers took
-- since it was asked last. arg[1]: that worker. No error is expected.
local services = dofile(arg[0]:match("^.*/") .. "services.lua")
local echo
local took = {}

local function percentile(p)
  return #took > 0 and took[math.min(#took, math.floor(#took * p) + 1)] * 1e6 or 0
end

table.insert(services.figures, function()
  table.sort(took)
  return "p50", percentile(0.50)
end)
table.insert(services.figures, function() return "p99", percentile(0.99) end)
table.insert(services.figures, function()
  local n = #took
  took = {}
  return "calls", n
end)
services.expose()

local function call_once()
  echo = echo or gaijin.wait_for(arg[1], "echo")
  local begun = gaijin.now()
  if echo(begun) ~= begun then error("a wrong answer") end
  took[#took + 1] = gaijin.now() - begun
end

services.work(function()
  local ok, e = pcall(call_once)
  if not ok then print("unexpected: witness: " .. tostring(e)) end
end, function() return 0.002 end, function() echo = nil end)
