-- SPDX-License-Identifier: MIT
--
-- A program with a loop of its own, in a stock interpreter: it draws frames at its own pace and serves other workers
-- between them. Nothing here ever blocks in gaijin; socket.select waits for its descriptor as for any other.
--
--   lua5.1 examples/loops/select.lua [FRAMES]        (needs lua-socket, and a broker)
local gaijin = require "gaijin"
local socket = require "socket"

local frames = tonumber(arg and arg[1]) or 100
local bakaGaijin = gaijin.connect { name = "game" }

local world = { players = {}, frame = 0 }
bakaGaijin.world = world
bakaGaijin.join = function(name)
  world.players[#world.players + 1] = name
  return "welcome, " .. name
end

local wakeup = { getfd = function() return gaijin.fd() end } -- what socket.select wants
local frame_time = 1 / 60
local next_frame = gaijin.now()
while world.frame < frames do
  local due = gaijin.dispatch() -- serves what is there; seconds until it wants to be called again, or nil
  local wait = next_frame - gaijin.now()
  if due and due < wait then wait = due end
  if wait > 0 then socket.select({ wakeup }, nil, wait) end
  if gaijin.now() >= next_frame then
    world.frame = world.frame + 1 -- ... and draw it
    next_frame = next_frame + frame_time
  end
end
print(("%d frames, %d players: %s"):format(world.frame, #world.players, table.concat(world.players, " ")))
gaijin.close()
