-- A flood by one worker does not keep another waiting: of what it has sent before, little is begun before the other one's call.
-- Nothing is measured: the host runs one of the flood's requests until all that it sent, and the other's call behind it, have come.
--@ limit 120
--@ tokens-left
--@ worker A
local begun = 0
bakaGaijin.hold = function(path) -- until there is such a file
  local file
  repeat file = io.open(path) until file
  file:close()
end
bakaGaijin.work = function() -- a millisecond
  begun = begun + 1
  local till = os.clock() + 0.001
  repeat until os.clock() >= till
end
bakaGaijin.begun = function(fresh)
  local n = begun
  if fresh then begun = 0 end
  return n
end
--@ worker F flags=--call-timeout,100
local A = bakaGaijin("A")
local hold, work = A.hold, A.work
local futures = {}
bakaGaijin.flood = function(kind, n, path)
  gaijin.post(hold, path)
  for i = 1, n do
    if kind == "post" then gaijin.post(work) else futures[i] = gaijin.async(work) end
  end
end
bakaGaijin.finish = function()
  for i = 1, #futures do futures[i]:get() end
  futures = {}
end
--@ worker V once flags=--call-timeout,100
local t = require "t"
local begun, F = bakaGaijin("A").begun, bakaGaijin("F")
local flood, finish = F.flood, F.finish
for _, kind in ipairs { "async", "post" } do
  for round = 1, 2 do
    local path = os.tmpname()
    os.remove(path)
    begun(true)
    flood(kind, 700, path) -- which the window has room for
    local answer = gaijin.async(begun)
    tostring(F.name) -- the broker answers in order, so the call has gone to A when this is back
    io.open(path, "w"):close()
    local before = answer:get()
    os.remove(path)
    t.ok(before <= 64, kind .. ": " .. before .. " of the flood before the call")
    finish()
    t.eventually(function() return begun() == 700 end, 60)
  end
end
