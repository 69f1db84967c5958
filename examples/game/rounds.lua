-- SPDX-License-Identifier: MIT
--
-- rounds plays: in each round every hero buys something, uses it, and is attacked. A plug-in that is not there, or does not
-- answer, is missed, and the game goes on.
--
--   gaijinctl run players.lua shop.lua weather.lua monsters.lua rounds.lua -- [ROUNDS [PATIENCE]]
local last, patience = tonumber(arg[1]) or 100, tonumber(arg[2]) or 0.5
local round, running = 0, true
local missed = { shop = 0, weather = 0, monsters = 0 }
local bags = {}

-- What f does is given up after so many seconds: a remote call that waits is cancelled.
local function try(plugin, f)
  local ok, result = pcall(gaijin.timeout, patience, f)
  if ok then return result end
  missed[plugin] = missed[plugin] + 1
end

function bakaGaijin.report()
  return round, missed.shop, missed.weather, missed.monsters
end
function bakaGaijin.stop() running = false end

local enter = gaijin.wait_for("players", "enter", 20)
for _, plugin in ipairs { { "shop", "buy" }, { "weather", "sky" }, { "monsters", "attack" } } do
  gaijin.wait_for(plugin[1], plugin[2], 20)
end
local heroes = { enter "ada", enter "bob" }
for i in ipairs(heroes) do bags[i] = {} end

while running and round < last do
  round = round + 1
  local sky = try("weather", function() return bakaGaijin("weather").sky() end)
  for i, hero in ipairs(heroes) do
    local bag = bags[i]
    bag[#bag + 1] = try("shop", function() return bakaGaijin("shop").buy(hero, "potion") end)
    -- The oldest of three: its shop may have been replaced since, and is gone then, which each access tells.
    if #bag > 3 then
      local oldest = table.remove(bag, 1)
      pcall(function() oldest.use(hero) end)
    end
    try("monsters", function() return bakaGaijin("monsters").attack(hero) end)
  end
  if round % 25 == 0 then
    print(("round %d: %s; %s has %d gold, %s has %d"):format(round, sky or "nobody knows the sky",
      heroes[1].name, heroes[1].gold, heroes[2].name, heroes[2].gold))
  end
  gaijin.sleep(0.01)
end
print(("%d rounds; missed: shop %d, weather %d, monsters %d"):format(round, missed.shop, missed.weather,
  missed.monsters))
for _, plugin in ipairs { "shop", "weather", "monsters", "players" } do
  pcall(function() gaijin.post(bakaGaijin(plugin).stop) end)
end
gaijin.stop()
