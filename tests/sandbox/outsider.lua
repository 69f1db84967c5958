-- SPDX-License-Identifier: MIT
--
-- Tries to use objects of worker `tries` as more than what they are, as tries.lua does with those
-- of `victim`.
local f, t = gaijin.wait_for("tries", "co", 60) and bakaGaijin("tries").f, bakaGaijin("tries").t
local env, co = bakaGaijin("tries").env, bakaGaijin("tries").co
for name, try in pairs {
  ["outside: getfenv"] = function() return getfenv(f).secret end,
  ["outside: setfenv"] = function() return setfenv(f, env) == f end,
  ["outside: getmetatable"] = function() return getmetatable(t).secret end,
  ["outside: setmetatable"] = function() return setmetatable(t, getmetatable(t)) == t end,
  ["outside: debug.getfenv"] = function() return debug.getfenv(f).secret end,
  ["outside: debug.setfenv"] = function() return debug.setfenv(f, env) == f end,
  ["outside: debug.getmetatable"] = function() return debug.getmetatable(t).secret end,
  ["outside: debug.setmetatable"] = function()
    return debug.setmetatable(t, debug.getmetatable(t)) ~= nil
  end,
  ["outside: debug.getinfo"] = function() return debug.getinfo(f).short_src ~= nil end,
  ["outside: debug.traceback"] = function() return debug.traceback(co):find("hidden") ~= nil end,
} do
  local ok, through = pcall(try)
  print((ok and through and "through: " or "held: ") .. name)
end
