-- Whoever yields goes on when all that it had spawned before has run, however long that takes.
--@ worker A once
local t = require "t"
for name, give_way in pairs { yield = gaijin.yield, sleep = function() gaijin.sleep(0) end } do
  local ran, later = 0, 0
  for i = 1, 50 do
    gaijin.spawn(function()
      local till = os.clock() + 0.001
      repeat until os.clock() >= till
      ran = ran + 1
      gaijin.spawn(function() later = later + 1 end)
    end)
  end
  give_way()
  t.eq(ran, 50, name)
  give_way()
  t.eq(later, 50, name)
end
