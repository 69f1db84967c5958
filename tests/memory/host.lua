-- SPDX-License-Identifier: MIT
--
-- What sweep.sh has others ask: objects, calls, a function of theirs called back, an error.
local kept = {n = 0}
bakaGaijin.kept = kept
bakaGaijin.work = {
  make = function(n) return {n = n, text = ("x"):rep(n)} end,
  count = function() kept.n = kept.n + 1 return kept.n end,
  back = function(f, ...) return f(...) end,
  fail = function() error("as asked") end,
}
print("ready")
io.stdout:flush()
