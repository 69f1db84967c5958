-- SPDX-License-Identifier: MIT
--
-- Makes objects and keeps none.
bakaGaijin.make = function(n) return { n = n } end
