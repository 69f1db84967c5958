-- SPDX-License-Identifier: MIT
--
-- monsters hurt players, and have a bug: they can be made to loop for ever. Nobody else has to wait for that: who asks them
-- sets a limit, and a supervisor that asks whether they live kills them.
function bakaGaijin.attack(player)
  player.health = player.health - 1
  return player.health
end
function bakaGaijin.hang()
  while true do end
end
bakaGaijin.stop = function() gaijin.stop() end
