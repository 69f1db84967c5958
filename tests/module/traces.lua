-- Under LuaJIT: a loop with a replaced library function on local values is compiled as it is with the original. For each call of
-- local_calls.lua, what the compiler does with the loop is compared: how each trace ends, and what it gives up and why.
local M = require "local_calls"
local util = require "jit.util"
local before = M.functions()
local find, format, concat = string.find, string.format, table.concat -- the originals: the replaced ones would count too
local attach, flush, insert = jit.attach, jit.flush, table.insert
local gaijin = require "gaijin"
gaijin.connect { name = "traces" }

local events, given_up
local reasons = require("jit.vmdef").traceerr
local function note(what, trace, _, _, reason)
  if what == "stop" then insert(events, util.traceinfo(trace).linktype) end
  if what ~= "abort" then return end
  local text = tostring(reasons[reason] or reason)
  insert(events, text)
  -- That a loop ends, or has one inside, when the compiler looks at it, is chance.
  if find(text, "NYI") or find(text, "blacklisted") then given_up = given_up + 1 end
end

-- What the compiler does while a new loop of this call runs: whether one trace is the whole loop, how
-- often it gave up because it cannot, and all in words.
local function compiled(text, F)
  local loop = M.loop(text, F)
  flush()
  events, given_up = {}, 0
  attach(note, "trace")
  loop(2000)
  attach(note)
  local all = concat(events, ", ")
  return find(all, "loop") ~= nil, given_up, all
end

-- Only the interpreter can run these; what they ask before takes it one attempt more.
local checked = { ["coroutine.resume"] = true, ["coroutine.wrap"] = true }
local failed, whole = 0, 0
for _, row in ipairs(M.list(M.replaced(before))) do
  local name, text, original, replacement = unpack(row)
  local was_whole, was_given_up, was = compiled(text, original)
  local is_whole, is_given_up, is = compiled(text, replacement)
  if was_whole then whole = whole + 1 end
  local worse = is_given_up > was_given_up and not checked[name]
  if was_whole and not is_whole or worse then
    failed = failed + 1
    print(format("%s: %s: original: %s; replaced: %s", name, text, was, is))
  end
end
assert(whole >= 20, "LuaJIT compiles some twenty of the originals")
assert(failed == 0)
print("done")
