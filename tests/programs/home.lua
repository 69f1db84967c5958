-- SPDX-License-Identifier: MIT
--
-- One of the workers over which programs are spread.
require "common"
bakaGaijin.run = run_text
function bakaGaijin.stop() gaijin.after(0, gaijin.stop) end
-- What others hold of this worker, and what it holds of others, when it has collected.
function bakaGaijin.left()
  bakaGC()
  local exported, used = getBaka()
  return exported, used
end
