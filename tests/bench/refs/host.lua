-- SPDX-License-Identifier: MIT
--
-- Gives fresh tables away, one or a hundred per call.
local function maker(n) return loadstring("return function() return {}" .. string.rep(", {}", n - 1) .. " end")() end
bakaGaijin.make1, bakaGaijin.make100 = maker(1), maker(100)
