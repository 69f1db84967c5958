-- SPDX-License-Identifier: MIT
--
-- players has what all plug-ins share: the players. The others hold them and change them by reference. Whoever of the others
-- fails, the players stay as they are.
local players = {}
bakaGaijin.players = players

function bakaGaijin.enter(name)
  players[name] = players[name] or { name = name, gold = 1000, health = 1000 }
  return players[name]
end
bakaGaijin.stop = function() gaijin.stop() end
