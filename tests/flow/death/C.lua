-- SPDX-License-Identifier: MIT
--
-- Reads a field of what it is handed, and once more a little later, when A has let go.
local function read_again(object, n)
  local ok, got = pcall(function() return object.n end)
  if ok and got ~= n then error("object " .. n .. " has become " .. tostring(got)) end
  if not ok and not tostring(got):find("^gaijin: dead:") and not tostring(got):find("^gaijin: lost: worker H ended") then error(got) end
end

bakaGaijin.take = function(object)
  local n = object.n
  gaijin.spawn(read_again, object, n)
  return n
end
