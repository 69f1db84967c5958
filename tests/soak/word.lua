-- SPDX-License-Identifier: MIT
--
-- Says a word of services.lua to all workers arg[2], ...; prints what they tell as lines
-- "WORKER.FIGURE NUMBER".
local told = {}
for i = 2, #arg do told[i] = gaijin.async(gaijin.wait_for(arg[i], "control"), arg[1]) end
for i = 2, #arg do
  for figure, value in pairs(told[i]:get() or {}) do
    print(("%s.%s %.0f"):format(arg[i], figure, value))
  end
end
