-- SPDX-License-Identifier: MIT
--
-- The other end of the bench: an object to read a field of, and a function to call.
bakaGaijin.object = {field = 1}
bakaGaijin.echo = function(v) return v end
