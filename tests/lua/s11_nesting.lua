-- Calls to and fro nest 1,000 deep; one more is refused where it happens, and everything unwinds.
--@ worker A
bakaGaijin.down = function(n, f) if n == 0 then return 0 end return 1 + f(n - 1, bakaGaijin.down) end
bakaGaijin.counts = function() return (getBaka()) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local function down(n, f) if n == 0 then return 0 end return 1 + f(n - 1, down) end
t.eq(down(500, A.down), 500)
-- s2t is one call deep, so is the first of the chain: the thousandth level is reached by 1000 calls
t.eq(A.down(999, down), 999)
local e = t.raises("gaijin: too_deep: ", A.down, 1000, down)
t.ok(e:match("1001 deep; the limit is 1000"), e)
t.eq(down(500, A.down), 500)
bakaGaijin.x = down
t.eq(A.down(3, down), 3)
--@ worker C once flags=--max-depth,3
local t = require "t"
local A = bakaGaijin("A")
local function down(n, f) if n == 0 then return 0 end return 1 + f(n - 1, down) end
t.eq(A.down(3, down), 3)
t.raises("gaijin: too_deep: call would make the chain of calls 5 deep", A.down, 4, down)
