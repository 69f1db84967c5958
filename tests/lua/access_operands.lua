-- An operator is asked about for each operand whose handler may run, whichever of them the request
-- goes to.
--@ worker A
local ran = 0
local function handler() ran = ran + 1 return true end
local function meta()
  return { __add = handler, __concat = handler, __eq = handler, __lt = handler, __unm = handler }
end
local shared = meta()
local secret = setmetatable({}, shared)
bakaGaijin.secret, bakaGaijin.public = secret, {}
bakaGaijin.same = setmetatable({}, shared)
bakaGaijin.free = setmetatable({}, meta())
bakaGaijin.ran = function() return ran end
gaijin.access = function(_, _, object) return not rawequal(object, secret) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local secret, public, same, free = A.secret, A.public, A.same, A.free
local why = "^gaijin: denied: A refuses operator to B$"
for _, f in ipairs {
  function() return public + secret end, function() return secret + public end,
  function() return secret + 1 end, function() return 1 + secret end,
  function() return -secret end, function() return public .. secret end,
  function() return free + secret end, function() return same == secret end,
  function() return secret == same end, function() return same < secret end,
  function() return same <= secret end, function() return secret < same end,
} do t.raises(why, f) end
t.eq(A.ran(), 0)
t.eq(public + free, true)
t.eq(free + public, true)
t.eq(free .. "x", true)
t.eq(A.ran(), 3)
