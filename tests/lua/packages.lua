-- Libraries of Debian's packages lua-penlight, lua-dkjson, lua-cjson, lua-lpeg and lua-luassert: each case of
-- lib/package_cases.lua gives the same wherever the library and its data live.
--@ limit 60
--@ tokens-left
--@ worker H
bakaGaijin.require = require
bakaGaijin.build = function(text) return loadstring(text)() end
bakaGaijin.clean = function() package.loaded["luassert"] = nil bakaGC() end
--@ worker T
bakaGaijin.require = function(name) return bakaGaijin("H").require(name) end
bakaGaijin.build = function(text) return loadstring(text)() end
bakaGaijin.clean = function() bakaGC() end
--@ worker M once
for module, package in pairs { ["pl.List"] = "lua-penlight", dkjson = "lua-dkjson", cjson = "lua-cjson", lpeg = "lua-lpeg", luassert = "lua-luassert" } do
  if not pcall(require, module) then error("there is no " .. module .. ": install " .. package .. " (make setup does)", 0) end
end
local outcome = require "outcome"
local cases = require "package_cases"
local H, T = bakaGaijin("H"), bakaGaijin("T")
local function build(text) return loadstring(text)() end
local function same(v) return v end

local ways = {
  { name = "library remote", need = H.require, build = build, value = function(t) return gaijin.copy(t) end },
  { name = "data remote", need = require, build = H.build, value = function(t) return gaijin.fetch(t) end },
  { name = "both remote", need = H.require, build = H.build, value = function(t, own) return own and gaijin.copy(t) or t end },
  { name = "library by a third, data there", need = T.require, build = T.build, value = function(t) return gaijin.copy(gaijin.fetch(t)) end },
}
local failed = 0
for _, case in ipairs(cases) do
  local expected = outcome.of(pcall(case.f, require, build, same))
  for _, way in ipairs(ways) do
    local got = outcome.of(pcall(case.f, way.need, way.build, way.value))
    if got ~= expected then
      failed = failed + 1
      print(("%s, %s:\n  local  %s\n  got    %s"):format(case.name, way.name, expected, got))
    end
  end
end
print(#cases .. " cases, " .. failed .. " differences")
ways = nil

-- What stock Lua 5.1 leaves no way for is a clear error, and by value it works: docs/lua-api.md lists these.
local t = require "t"
local theirs = H.build "return { 1, 2 }"
local cjson, lpeg, List, seq = require "cjson", require "lpeg", require "pl.List", require "pl.seq"
t.raises("type not supported", cjson.encode, theirs)
t.eq(cjson.encode(gaijin.fetch(theirs)), "[1,2]")
t.raises("type not supported", H.require("cjson").encode, { 1, 2 })
t.eq(H.require("cjson").encode(gaijin.copy { 1, 2 }), "[1,2]")
t.raises("lpeg%-pattern expected, got userdata", lpeg.P, H.build "return {}")
local a, b = lpeg.P "a", H.require("lpeg").P "b"
t.raises("lpeg%-pattern expected, got userdata", function() return a * b end)
t.raises("lpeg%-pattern expected, got userdata", function() return b * a end)
t.raises("the object lives in M and the metatable in H", H.require("pl.List"), { 1 })
t.eq(tostring(H.require("pl.List")(gaijin.copy { 1, 2 })), "{1,2}")
t.raises("the object lives in H and the metatable in M", List, theirs)
t.raises("table expected, got userdata", seq.sum, theirs) -- goes on with the iterator of ipairs{}
t.raises("the object lives in M and the environment in H", setfenv, function() end, theirs)
theirs, a, b = nil
if failed > 0 then error(failed .. " differences") end
