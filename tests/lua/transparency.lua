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
local cases, outcome = require "cases", require "outcome"
local ways = {
  { name = "remote", make = bakaGaijin("H").make },
  { name = "handed over", make = bakaGaijin("T").make },
}
local make_local = require "objects"

local failed = 0
for _, case in ipairs(cases) do
  local expected = outcome.of(pcall(case.f, make_local()))
  for _, way in ipairs(ways) do
    local got = outcome.of(pcall(case.f, way.make()))
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
