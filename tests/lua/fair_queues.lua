-- A flood by one worker does not keep another waiting: between two calls of the other, one after the other, few of the flood's
-- requests are begun, although a thousand wait. Counted by the host. On a busy machine more are begun while the other one does
-- not run, but not as many as it would wait behind in one queue for all: that is what is told apart here.
--@ limit 120
--@ tokens-left
--@ worker A
local begun = 0
bakaGaijin.work = function() -- a millisecond
  begun = begun + 1
  local till = os.clock() + 0.001
  repeat until os.clock() >= till
end
bakaGaijin.begun = function() return begun end
--@ worker F
local work = bakaGaijin("A").work
local stop, running = true, 0
bakaGaijin.flood = function(kind)
  stop, running = false, running + 1
  gaijin.spawn(function()
    local futures = {}
    while not stop do
      if kind == "post" then
        gaijin.post(work)
      else
        futures[#futures + 1] = gaijin.async(work)
        if #futures == 2000 then
          for i = 1, 2000 do futures[i]:get() end
          futures = {}
        end
      end
    end
    for i = 1, #futures do futures[i]:get() end
    running = running - 1
  end)
end
bakaGaijin.stop = function() stop = true end
bakaGaijin.running = function() return running end
--@ worker V once
local t = require "t"
local begun, F = bakaGaijin("A").begun, bakaGaijin("F")
local flood, stop, running = F.flood, F.stop, F.running
for _, kind in ipairs { "async", "post" } do
  flood(kind)
  local start = begun()
  t.eventually(function() return begun() > start + 100 end)
  local between, before = {}, begun()
  for i = 1, 101 do
    local now = begun()
    between[i], before = now - before, now
  end
  table.sort(between)
  t.ok(between[51] <= 250, kind .. ": " .. between[51] .. " of the flood between two calls")
  stop()
  t.eventually(function() return running() == 0 end, 60)
end
