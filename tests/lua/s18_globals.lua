-- The originals are kept, nil is refused at the call, and nothing of the system depends on a global a script may overwrite.
--@ broker --load-min 5
--@ worker A
bakaGaijin.make = function(n)
  local list = {}
  for i = 1, n do list[i] = {} end
  return unpack(list)
end
bakaGaijin.list = { 1, 2, 3 }
--@ worker B once
local t = require "t"
local made_earlier = pairs -- everything is in place before the script's first line
local make, list = bakaGaijin("A").make, bakaGaijin("A").list
t.raises("bad argument #1 to 'pairs' %(table expected, got nil%)", function() pairs(nil) end)
local n = 0
for _ in made_earlier(list) do n = n + 1 end
t.eq(n, 3)
t.ok(raw_pairs and raw_ipairs and raw_type and raw_next)
t.eq(raw_type(list), "userdata")
local collect = bakaGC
for _, name in raw_ipairs { "bakaGC", "bakaUpdateATC", "getBaka", "showBaka", "isBaka", "len", "pairs", "ipairs", "next", "type", "tostring",
  "select", "unpack", "rawget", "setmetatable", "getmetatable", "pcall", "error", "collectgarbage", "bakaGaijin", "string", "table", "coroutine" } do
  _G[name] = nil
end
for _ = 1, 50 do make(20) end -- `free` comes all the time, and is answered
for _ in made_earlier(list) do n = n + 1 end
if n ~= 6 then os.exit(5) end
collect()
