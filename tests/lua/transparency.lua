-- The transparency suite: each case of lib/cases.lua runs on objects of this VM, of another worker, and of another worker
-- handed over by a third. The outcomes must be the same; only positions, names of variables, and the word for the type in
-- errors of Lua's own may differ.
--@ limit 60
--@ worker H
bakaGaijin.make = require "objects"
--@ worker T
bakaGaijin.make = function() return bakaGaijin("H").make() end
bakaGaijin.clean = function() bakaGC() end
--@ worker M once
local cases = require "cases"
local ways = {
  { name = "remote", make = bakaGaijin("H").make },
  { name = "handed over", make = bakaGaijin("T").make },
}
local make_local = require "objects"

local function describe(v)
  local t = type(v)
  if t == "string" then
    v = v:gsub("^[^\n]-:%d+: ", ""):gsub("^[^\n]-:%d+: ", "")
    v = v:gsub("%(?%w+ '[%w_?.]+'%)? ?%(?", ""):gsub("userdata", "table"):gsub("table value%)", "table value"):gsub("(%a+) value%)", "%1 value")
    v = v:gsub("calling '[^']*' on bad self", "bad self"):gsub("0x%x+", "ADDRESS")
    return string.format("%q", v)
  elseif t == "number" then
    return v ~= v and "nan" or v == 0 and (1 / v < 0 and "-0" or "0") or string.format("%.17g", v)
  elseif t == "boolean" or t == "nil" then
    return tostring(v)
  end
  return t
end

local function outcome(ok, ...)
  local out = { ok and "results" or "error" }
  for i = 1, select("#", ...) do out[#out + 1] = describe((select(i, ...))) end
  return table.concat(out, " ")
end

local failed = 0
for _, case in ipairs(cases) do
  local expected = outcome(pcall(case.f, make_local()))
  for _, way in ipairs(ways) do
    local got = outcome(pcall(case.f, way.make()))
    if got ~= expected then
      failed = failed + 1
      print(("%s, %s:\n  local  %s\n  got    %s"):format(case.name, way.name, expected, got))
    end
  end
end
print(#cases .. " cases, " .. failed .. " differences")
ways = nil
bakaGC()
bakaGaijin("T").clean()
if failed > 0 then error(failed .. " differences") end
