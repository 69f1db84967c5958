-- SPDX-License-Identifier: MIT
--
-- What a call came to, as text, so that two runs can be compared: all results, or the error. Tables, functions and the like
-- count by their type; of errors of Lua's own positions, names of variables and the word for the type are left out.
local outcome = {}

function outcome.describe(v)
  local t = type(v)
  if t == "string" then
    v = v:gsub("^[^\n]-:%d+: ", ""):gsub("^[^\n]-:%d+: ", "")
    v = v:gsub("%(?%w+ '[%w_?.]+'%)? ?%(?", ""):gsub("userdata", "table"):gsub("table value%)", "table value"):gsub("(%a+) value%)", "%1 value")
    v = v:gsub("calling '[^']*' on bad self", "bad self"):gsub("0x%x+", "ADDRESS")
    v = v:gsub("got thread%)", "got table)") -- the word for the type again, as LuaJIT's coroutine.create says it
    return string.format("%q", v)
  elseif t == "number" then
    return v ~= v and "nan" or v == 0 and (1 / v < 0 and "-0" or "0") or string.format("%.17g", v)
  elseif t == "boolean" or t == "nil" then
    return tostring(v)
  end
  return t
end

--- outcome.of(pcall(f, ...))
function outcome.of(ok, ...)
  local out = { ok and "results" or "error" }
  for i = 1, select("#", ...) do out[#out + 1] = outcome.describe((select(i, ...))) end
  return table.concat(out, " ")
end

return outcome
