-- SPDX-License-Identifier: MIT
--
-- One of the workers over which programs are spread.
require "common"
bakaGaijin.run = run_text
function bakaGaijin.stop() gaijin.after(0, gaijin.stop) end
