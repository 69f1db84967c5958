-- SPDX-License-Identifier: MIT
--
-- What is counted of replaced library functions beside the originals, with values of this VM: usage
-- ratios.lua DIR STEADY.so COUNT. Each call of local_calls.lua is done COUNT times with the
-- original, then with the replacement, with mark() before, between and after. For each it prints a
-- line: how many times the original's instructions are allowed, the function, the call.
local directory, steady, count = ...
local mark = assert(package.loadlib(steady, "guard_mark"))
local M = dofile(directory .. "/../../lua/lib/local_calls.lua")
local limit = 1.15
-- What may be a remote userdata or a remote function takes two questions to Lua, 33 instructions more
-- than one, and these do hardly more than ask one themselves; of an environment it takes a third.
local limits = {
  ["debug.getfenv F(f)"] = 1.20, ["debug.setfenv F(f, environment)"] = 1.22,
  ["getmetatable F(f)"] = 1.19,
}
for _, row in ipairs(M.list(M.replaced())) do
  local name, text, original, replacement = unpack(row)
  local a, b = M.loop(text, original), M.loop(text, replacement)
  a(50)
  b(50)
  collectgarbage()
  collectgarbage("stop")
  mark()
  a(tonumber(count))
  mark()
  b(tonumber(count))
  mark()
  print(string.format("%.2f\t%s\t%s", limits[name .. " " .. text] or limit, name, text))
end
