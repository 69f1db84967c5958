-- SPDX-License-Identifier: MIT
--
-- What is counted of requests: usage routed.lua OPERATION COUNT. Does every operation a few times,
-- then OPERATION so often; one request is on its way at a time, so that no message shares a wake-up
-- with another by chance. Without arguments it prints the names of the operations.
local host, third = bakaGaijin("host"), bakaGaijin("third")
local object, echo, make, take
local operations = {
  {"get", function() return object.field end},
  {"set", function() object.field = 2 end},
  {"call", function() return echo(1) end},
  {"ten-posts", function() -- ten, and a call that is answered after them
    for _ = 1, 10 do gaijin.post(echo, 1) end
    return echo(1)
  end},
  {"hand-off", function() take(object) end}, -- of an object that the third one has already
  {"new-object", function() take(make()) end}, -- made, handed on; both let go of it at the end
}

local chosen, count = ...
if not chosen then
  for _, o in ipairs(operations) do print(o[1]) end
  return
end
gaijin.wait_for("host", "finish", 60)
gaijin.wait_for("third", "finish", 60)
object, echo, make, take = host.object, host.echo, host.make, third.take
collectgarbage() -- (see host.lua)
collectgarbage("stop")
local operation
for _, o in ipairs(operations) do
  for _ = 1, 50 do o[2]() end
  if o[1] == chosen then operation = o[2] end
end
for _ = 1, count do operation() end
object, echo, make, take = nil, nil, nil, nil
bakaGC()
third.finish()
host.finish()
