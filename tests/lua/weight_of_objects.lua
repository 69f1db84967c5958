-- What a client has dropped and not collected is a few bytes there and may be megabytes at its host. The host stays
-- small all the same, because clients are asked to collect by what the host would get back; those that hold small
-- objects only are left alone.
--@ limit 40
--@ worker archive
local max = 0
local n, text = 0, ("x"):rep(1000):rep(10000)
function bakaGaijin.make() -- 10 MB: a string, or each tenth time 655,360 slots of an array
  local page = {}
  n = n + 1
  if n % 10 > 0 then
    page[1] = text .. n
  else
    for i = 1, 655360 do page[i] = i end
  end
  max = math.max(max, gaijin.stats().lua_bytes)
  return page
end
function bakaGaijin.small() return {} end
function bakaGaijin.max() return max end
--@ worker quiet
local shop = bakaGaijin("archive")
local held, seen = {}, setmetatable({}, { __mode = "v" })
for i = 1, 50 do held[i] = shop.small() end
collectgarbage()
collectgarbage("stop")
seen[1] = {}
function bakaGaijin.collected() return seen[1] == nil end
--@ worker reader once
local archive = bakaGaijin("archive")
for i = 1, require "t".share(100) do
  local page = archive.make()
  assert(#page >= 1)
end
local most = archive.max() / 1e6
print(("most at the host: %.0f MB"):format(most))
assert(most < 200, most)
assert(not bakaGaijin("quiet").collected())
