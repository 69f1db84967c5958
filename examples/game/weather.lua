-- SPDX-License-Identifier: MIT
--
-- weather says what the sky looks like, and has a bug: it can be made to crash.
local skies, n = { "sun", "clouds", "rain" }, 0
gaijin.every(0.2, function() n = (n + 1) % #skies end)

function bakaGaijin.sky() return skies[n + 1] end
function bakaGaijin.crash()
  gaijin.after(0, function() os.exit(3) end)
end
bakaGaijin.stop = function() gaijin.stop() end
