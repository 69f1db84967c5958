-- SPDX-License-Identifier: MIT
--
-- What is counted of library functions that the worker replaces, with values of this VM: usage
-- local.lua OPERATION COUNT. Does every operation a few times, then OPERATION so often. Without
-- arguments it prints the names of the operations.
local object = setmetatable({1, 2, 3, 4, 5, field = 1}, {})
local list, function_value = {}, function() end
local operations = {
  {"type", function() return type(object) end},
  {"pairs", function() for _ in pairs(object) do end end}, -- of six entries
  {"ipairs", function() for _ in ipairs(object) do end end}, -- of five
  {"next", function() return next(object) end},
  {"length", function() return #object end},
  {"getmetatable", function() return getmetatable(object) end},
  {"setmetatable", function() return setmetatable(object, nil) end},
  {"rawget", function() return rawget(object, "field") end},
  {"unpack", function() return unpack(object) end},
  {"tostring", function() return tostring(true) end},
  {"table.insert", function() -- and table.remove
    table.insert(list, 1)
    table.remove(list)
  end},
  {"table.concat", function() return table.concat(object) end},
  {"function", function() return function_value() end},
  {"pcall", function() return pcall(function_value) end},
  {"coroutine", function() return coroutine.wrap(function_value)() end}, -- made, run to its end
}

local chosen, count = ...
if not chosen then
  for _, o in ipairs(operations) do print(o[1]) end
  return
end
collectgarbage("stop")
local operation
for _, o in ipairs(operations) do
  for _ = 1, 50 do o[2]() end
  if o[1] == chosen then operation = o[2] end
end
for _ = 1, count do operation() end
