-- SPDX-License-Identifier: MIT
--
-- A worker that has the broker look for garbage in cycles again and again, also of what was mentioned just now: by itself
-- the broker takes its time, and more where the machine is busy. It holds nothing, and so is never asked.
gaijin.spawn(function()
  while true do
    os.execute(os.getenv "GAIJIN_BUILD" .. "/gaijinctl gc --cycles >/dev/null 2>&1")
    gaijin.sleep(0.02)
  end
end)
