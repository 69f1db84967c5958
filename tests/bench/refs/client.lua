-- SPDX-License-Identifier: MIT
--
-- Fetches fresh objects of host.lua and forgets them at once, among live objects of its own.
-- usage: client.lua MEGABYTES PER-CALL OBJECTS. Prints `objects MEGABYTES PER-CALL SECONDS PROCESSOR-SECONDS`, up to
-- when the last one has been released.
local megabytes, per_call, objects = ...
local live = {}
while collectgarbage("count") < megabytes * 1024 do
  for i = 1, 1000 do live[#live + 1] = { i } end
end
local make = gaijin.wait_for("host", "make" .. per_call, 10)
collectgarbage()
local start, clock = gaijin.now(), os.clock()
for _ = 1, objects / per_call do make() end
bakaGC()
print(string.format("objects %d %d %.6f %.6f", megabytes, per_call, gaijin.now() - start, os.clock() - clock))
