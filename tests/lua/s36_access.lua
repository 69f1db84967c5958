--@ worker A
local secret = { pin = 1234 }
bakaGaijin.secret = secret
bakaGaijin.public = { n = 1 }
bakaGaijin.pin = function() return secret.pin end
gaijin.access = function(client, op, object, key)
  if client == "B" then return true end
  return object ~= secret and not (op == "s2t" and key == "secret")
end
--@ worker B once
local t = require "t"
bakaGaijin("A").secret.pin = 5678
t.eq(bakaGaijin("A").pin(), 5678)
--@ worker C once
local t = require "t"
t.raises("^gaijin: denied: A refuses s2t to C$", function() return bakaGaijin("A").secret end)
t.eq(bakaGaijin("A").public.n, 1)
t.eq(bakaGaijin("A").pin(), 5678)
