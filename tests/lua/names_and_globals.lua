-- What stands for another worker is no table, so nothing takes it for an empty one; a name is never cut; and the library does not
-- depend on what a script makes of its globals.
--@ worker A
bakaGaijin.x = 1
bakaGaijin[1] = "one"
bakaGaijin.f = function() return "f" end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
t.raises("table expected, got userdata", next, A)
t.raises("table expected, got userdata", ipairs, A)
t.raises("attempt to get length", function() return #A end)
t.raises("^.-gaijin: unsupported: no worker can have this name", function() return bakaGaijin("A\0B").x end)
t.eq(rawequal(A, bakaGaijin("A")), true)
bakaGaijin[1], bakaGaijin[2], bakaGaijin[3] = "a", "b", nil
local n = 0
for i, v in ipairs(bakaGaijin) do
  n = n + 1
  t.eq(v, i == 1 and "a" or "b")
end
t.eq(n, 2)
t.ok(next(bakaGaijin))
local call, waiting, later, stopped = A.f, gaijin.wait_for, gaijin.after, false
local sleep = gaijin.sleep
for k in raw_pairs(gaijin) do gaijin[k] = nil end
for _, name in ipairs { "tostring", "type", "pairs", "ipairs", "next", "select", "newproxy", "setmetatable", "getmetatable", "bakaGaijin" } do
  _G[name] = nil
end
assert(call() == "f" and waiting("A", "x", 5) == 1)
later(0.001, function() stopped = true end)
while not stopped do sleep(0.001) end
local exported, used, _, hosts = getBaka()
assert(used >= 1 and hosts.A >= 1)
bakaGC()
