-- SPDX-License-Identifier: MIT
--
-- gaijin in a libuv loop that the program runs itself, through luv.
--
--   lua5.1 examples/loops/luv.lua [SECONDS]        (needs lua-luv, and a broker)
local gaijin = require "gaijin"
local uv = require "luv"

local seconds = tonumber(arg and arg[1]) or 2
local bakaGaijin = gaijin.connect { name = "luv" }
local served = 0
bakaGaijin.add = function(a, b)
  served = served + 1
  return a + b
end

-- One poll handle for what arrives, one timer for what gaijin wants done by itself (its sleeps and releases).
local poll, timer = uv.new_poll(gaijin.fd()), uv.new_timer()
local function dispatch()
  local due = gaijin.dispatch()
  timer:stop()
  if due then timer:start(math.ceil(due * 1000), 0, dispatch) end
end
poll:start("r", dispatch)
dispatch()

-- Ends when its time is over, or somebody has it stop.
local function stop()
  poll:stop()
  timer:stop()
  uv.stop()
end
bakaGaijin.stop = stop
uv.new_timer():start(math.ceil(seconds * 1000), 0, stop)
uv.run()
print("served " .. served .. " calls")
gaijin.close()
