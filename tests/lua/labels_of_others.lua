-- pairs(bakaGaijin("name")) lists what another worker exposes, as far as it may be read.
--@ limit 40
--@ worker lib
for i = 1, 2500 do bakaGaijin["label" .. i] = i end
bakaGaijin[2.5] = "a number"
bakaGaijin.object = { n = 7 }
bakaGaijin.secret = "hidden"
bakaGaijin.broken = "raises"
function gaijin.access(client, op, object, key)
  if client == "barred" then return op ~= "labels" end
  if client == "curious" and key == "broken" then error("access is broken") end
  return key ~= "secret"
end
--@ worker none
--@ worker W once
local t = require "t"
local lib = bakaGaijin("lib")
local found, n = {}, 0
for label, value in pairs(lib) do found[label], n = value, n + 1 end
t.eq(n, 2503)
for i = 1, 2500 do assert(found["label" .. i] == i) end
t.eq(found[2.5], "a number")
t.eq(found.object.n, 7)
t.eq(found.object, lib.object)
t.eq(found.secret, nil)
for label in pairs(bakaGaijin("none")) do error(label) end
-- our own, by its name
for i = 1, 1500 do bakaGaijin[i] = i * 2 end
local sum = 0
for i, v in pairs(bakaGaijin(gaijin.name)) do sum = sum + v end
t.eq(sum, 1500 * 1501)
t.raises("^gaijin: dead: ", pairs, bakaGaijin("nobody"))
t.raises("bad argument #1 to 'ipairs' %(table expected, got userdata%)", function() ipairs(lib) end)
t.raises("bad argument #1 to 'next' %(table expected, got userdata%)", function() next(lib) end)
-- abandoned, it leaves nothing there
for label in pairs(lib) do break end
--@ worker barred once
local t = require "t"
t.raises("^gaijin: denied: lib refuses labels to barred", pairs, bakaGaijin("lib"))
--@ worker curious once
local t = require "t"
t.raises("access is broken", pairs, bakaGaijin("lib"))
