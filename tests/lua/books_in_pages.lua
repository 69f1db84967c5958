-- getBaka counts all its rows when the books have several pages: a page of 4 KiB messages has 8 rows.
--@ broker --max-message 4K
--@ worker A
bakaGaijin.t = {}
bakaGaijin.clients = function() return (select(3, getBaka())) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local kept, clients = A.t, A.clients
local n, others, pipes = 12, {}, {}
local code = "mine = gaijin.wait_for('A', 't') bakaGaijin.mine = {} gaijin.wait_for('B', 'over')"
for i = 1, n do
  pipes[i] = io.popen(string.format('exec "%s/gaijin-worker" --once -n w%d -e "%s"', os.getenv("GAIJIN_BUILD"), i, code))
end
for i = 1, n do others[i] = gaijin.wait_for("w" .. i, "mine") end
local _, _, _, hosts = getBaka()
t.eq(hosts.A, 2)
local holders = clients()
t.eq(holders.B, 2)
for i = 1, n do
  t.eq(hosts["w" .. i], 1, "w" .. i)
  t.eq(holders["w" .. i], 1, "w" .. i)
end
others = nil
bakaGaijin.over = true
t.eventually(function() -- those that end hold nothing any more
  for name in pairs(clients()) do if name ~= "B" then return false end end
  return true
end)
for i = 1, n do pipes[i]:close() end
