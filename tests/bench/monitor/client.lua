-- SPDX-License-Identifier: MIT
--
-- Calls for run.sh: usage client.lua CALLS IN_FLIGHT. So many calls, of so many fibers at a time; prints how
-- many nanoseconds each took, of the clock and of this processor.
local calls, in_flight = ...
local echo = gaijin.wait_for("host", "echo", 60)
local each, futures, start, used = calls / in_flight, {}, gaijin.now(), os.clock()
for i = 1, in_flight do
  futures[i] = gaijin.async(function() for _ = 1, each do echo(1) end end)
end
for i = 1, in_flight do futures[i]:get() end
print(string.format("%.0f %.0f", (gaijin.now() - start) / calls * 1e9, (os.clock() - used) / calls * 1e9))
