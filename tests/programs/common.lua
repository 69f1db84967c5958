-- SPDX-License-Identifier: MIT
--
-- What the texts of programs find in each worker beside Lua's own.
local cache = {}

--- Runs text with the arguments; texts are compiled once.
function run_text(text, ...)
  local f = cache[text]
  if not f then
    f = assert(loadstring(text, "=text"))
    cache[text] = f
  end
  return f(...)
end

local function plain(v)
  local t = type(v)
  if t == "number" then return ("%.17g"):format(v) end
  if t == "string" then return ("%q"):format(v) end
  return (t == "boolean" or t == "nil") and tostring(v) or t
end

--- The entries of a table as sorted text, so that the order of pairs does not matter.
function listed(t)
  local out = {}
  for k, v in pairs(t) do out[#out + 1] = plain(k) .. "=" .. plain(v) end
  table.sort(out)
  return table.concat(out, " ")
end
