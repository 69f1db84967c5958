-- SPDX-License-Identifier: MIT
--
-- Hands objects of H's to C for ever, whoever of them dies meanwhile. Exposes how many hand-offs went well, and the
-- longest time (s) one took to fail. Any other error than `dead` and `lost` ends it.
local handed, longest = 0, 0
bakaGaijin.handed, bakaGaijin.longest = 0, 0

local function hand_off(make, take, n)
  local object = make(n)
  local got = take(object)
  if got ~= n then error("C read " .. tostring(got) .. " from object " .. n, 0) end
end

gaijin.ready()
for n = 1, math.huge do
  local make, take = gaijin.wait_for("H", "make"), gaijin.wait_for("C", "take")
  local start = gaijin.now()
  local ok, err = pcall(hand_off, make, take, n)
  if ok then
    handed = handed + 1
    bakaGaijin.handed = handed
  elseif type(err) == "string" and (err:find("^gaijin: dead: Gaijin tried accessing dead resource%.") or
      err:find("^gaijin: lost: worker %u ended while it worked on the call;")) then
    longest = math.max(longest, gaijin.now() - start)
    bakaGaijin.longest = longest
  else
    error(err, 0)
  end
end
