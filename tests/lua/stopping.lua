-- A worker that stops finishes what is under way, then cancels what is left; what follows gaijin.run is done.
--@ expect G: 2 requests still under way after 0.1 s; they are cancelled
--@ expect G: tidied up
--@ worker F exit=4
bakaGaijin.short = function() gaijin.stop(4) gaijin.sleep(0.05) return "finished" end
bakaGaijin.f = function() return 1 end
--@ worker G exit=0 flags=--grace,0.1
bakaGaijin.long = function()
  local ok, e = pcall(gaijin.sleep, 60)
  pcall(gaijin.sleep, 60)
  error(e, 0)
end
bakaGaijin.stop = function() gaijin.stop() end
gaijin.spawn(function()
  gaijin.run()
  pcall(gaijin.sleep, 60)
  print("tidied up")
end)
--@ worker H exit=0
local function square(n) return n * n end
bakaGaijin.work = function()
  local relay = bakaGaijin("X").relay
  gaijin.stop()
  return relay(square, 7)
end
bakaGaijin.square = square
--@ worker X
bakaGaijin.relay = function(f, n) gaijin.wait_for("B", "refused") return f(n) end
--@ worker B once
local t = require "t"
local F, G = bakaGaijin("F"), bakaGaijin("G")
local short, f = F.short, F.f
local finished = gaijin.async(short)
t.eventually(function() local ok, e = pcall(f) return not ok and e:find("^gaijin: dead: ") end)
t.eq(finished:get(), "finished")
local long = gaijin.async(G.long)
G.stop()
t.raises("^gaijin: cancelled: gaijin.sleep: the worker is stopping$", long.get, long)
-- calls back that what is under way needs are served still, new requests are not
local work, square = bakaGaijin("H").work, bakaGaijin("H").square
local under_way = gaijin.async(work)
t.eventually(function() local ok, e = pcall(square, 2) return not ok and e:find("^gaijin: dead: ") end)
bakaGaijin.refused = true
t.eq(under_way:get(), 49)
t.eventually(function() return table.concat(gaijin.peers(), " ") == "X" end)
