-- SPDX-License-Identifier: MIT
--
-- For run.sh: counts the posts of each source, and those out of order.
local last, wrong = {}, 0

function bakaGaijin.add(who, i)
  if i ~= (last[who] or 0) + 1 then wrong = wrong + 1 end
  last[who] = i
end

function bakaGaijin.quick() end

-- How many have come in all, how many were out of order, and how many failed.
function bakaGaijin.figures()
  local sum = 0
  for _, n in raw_pairs(last) do sum = sum + n end
  return sum, wrong, gaijin.stats().posts_failed
end
