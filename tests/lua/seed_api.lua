--@ worker A
bakaGaijin.make = function() return {} end
bakaGaijin.books = function() return getBaka() end
bakaGaijin.clients = function() local _, _, c, h = getBaka() return c.B, h.B end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local make = A.make
local kept = {}
for i = 1, 10 do kept[i] = make() end
bakaGaijin.mine = { 1 }
local exported, used, clients, hosts = getBaka()
t.eq(exported, 0)
t.eq(used, 11)
t.eq(hosts.A, 11)
t.eq(clients.A, nil)
local held = A.clients()
t.eq(held, 12, "these, make, and clients itself")
kept = nil
bakaGC()
t.eq(select(2, getBaka()), 1)
local other = make()
other = nil
bakaUpdateATC(true)
t.eq(select(2, getBaka()), 1)
bakaUpdateATC()
local lines = {}
showBaka(true, function(s) lines[#lines + 1] = s end)
t.ok(lines[1]:match("^B: 0 exported, 1 used$"), lines[1])
t.ok(table.concat(lines, "\n"):match("label mine: table"))
t.eq(len({ 1, 2 }), 2)
t.eq(len("abc"), 3)
for k, v in pairs(bakaGaijin) do t.eq(k, "mine"); t.eq(v[1], 1) end
t.eq(bakaGaijin.mine[1], 1)
for k, v in raw_pairs({ a = 1 }) do t.eq(k, "a") end
for i, v in raw_ipairs({ 5 }) do t.eq(v, 5) end
bakaGaijin.mine = nil
t.eq(bakaGaijin.mine, nil)
-- nothing of the system depends on a global a script may overwrite
pairs, ipairs, next, type, len, bakaGC, bakaUpdateATC, getBaka = nil
local ok = make()
t.ok(ok)
