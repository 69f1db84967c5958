-- A hundred thousand objects that are garbage, in one set of rings, are gone in two rounds.
--@ limit 400
--@ broker --cycle-time=0
--@ worker R
require "looker"
--@ worker C flags=--cycle-pause,1.5
require "ring"
--@ worker D flags=--cycle-pause,1.5
require "ring"
--@ worker B once flags=--call-timeout,0
local t = require "t"
local look, C, D = bakaGaijin("R").look, bakaGaijin("C"), bakaGaijin("D")
local n = t.share(100) * 500 -- of each
D.fill("C", n)
local left_c, left_d = C.left, D.left
t.eq(left_c() + left_d(), 2 * n)
print(look())
print(look())
t.eq(left_d(), 0)
t.eq(left_c(), 0)
