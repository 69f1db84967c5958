-- Every function of Lua 5.1's library, given a remote value of each kind in each argument position, does what it does with a
-- value of its own VM of that kind, or raises an error that names the cause: see lib/library_calls.lua.
--@ limit 120
--@ worker H
local kinds = require "library_calls".kinds
bakaGaijin.make = function(kind) return kinds[kind]() end
--@ worker E
bakaGaijin.exit = function(v) return pcall(os.exit, v) end
bakaGaijin.alive = function() return "alive" end
--@ worker M once
local t, M = require "t", require "library_calls"
local make = bakaGaijin("H").make
local type, pairs, tostring, pcall, select = type, pairs, tostring, pcall, select
local stdin, stdout, sethook, setmeta, io_input, io_output = io.stdin, io.stdout, debug.sethook, debug.setmetatable, io.input, io.output
local getfenv, setfenv, remove = debug.getfenv, debug.setfenv, os.remove

M.path, M.source = os.tmpname(), os.tmpname()
local f = assert(io.open(M.path, "w"))
f:write("12 one\ntwo\n")
f:close()
f = assert(io.open(M.source, "w"))
f:write("return 'from the file'\n")
f:close()

---- Outcomes as text

local function scalar(v, value)
  if rawequal(v, value) and type(v) ~= "nil" then return "the value" end
  local kind = type(v)
  if kind == "string" then return string.format("%q", (v:gsub("0x%x+", "ADDRESS"):gsub("^[%w=_./%[%]\" ]-:%d+: ", ""))) end
  return kind == "number" and string.format("%.17g", v) or kind == "boolean" and tostring(v) or kind
end
local function describe(v, value)
  if type(v) ~= "table" or rawequal(v, _G) then return scalar(v, value) end
  local fields = {}
  for k, field in pairs(v) do fields[#fields + 1] = scalar(k, value) .. "=" .. scalar(field, value) end
  table.sort(fields)
  return (rawequal(v, value) and "the value " or "") .. "{" .. table.concat(fields, ",") .. "}"
end
local function describe_all(value, ok, ...)
  local words = { ok and "" or "raises" }
  for i = 1, select("#", ...) do words[#words + 1] = describe((select(i, ...)), value) end
  return table.concat(words, " ")
end

---- Calls

-- A function that F looks like one of the script's own lines to: no tail call.
local caller = "local F, use = ... return function(...) local function last(...) return ... end if use then "
  .. "return last(use(F(...))) end return last(F(...)) end"
local put_back
function put_back(value, environment)
  sethook()
  if environment then setfenv(value, environment) end -- a file's says how it is closed
  io_input(stdin)
  io_output(stdout)
  for _, kind in pairs { "function", "thread" } do
    setmeta(kind == "thread" and coroutine.create(put_back) or put_back, nil)
  end
  if type(value) == "userdata" and tostring(value):find("^userdata: ") then pcall(setmeta, value, nil) end
  os.setlocale("C")
  package.loaded.gaijin_test_module, gaijin_test_module = nil, nil
  collectgarbage("restart")
end
local function call(name, F, use, value, ...)
  local run = assert(loadstring(caller, "=call"))(F, use)
  if name == "io.read" then io_input(M.path) end
  if name == "coroutine.yield" then
    return describe_all(value, coroutine.resume(coroutine.create(run), ...))
  end
  return describe_all(value, pcall(run, ...))
end
local function pack(...) return { n = select("#", ...), ... } end
local state = {
  table = describe, coroutine = coroutine.status, file = io.type, ["closed file"] = io.type,
}
local function outcome(name, F, fresh, use, position, kind, value)
  local args = pack(fresh())
  args[position] = value
  local environment = raw_type(value) == "userdata" and io.type(value) and not isBaka(value) and getfenv(value)
  local text = call(name, F, use, value, unpack(args, 1, math.max(args.n, position)))
  put_back(value, environment)
  if state[kind] then
    local ok, after = pcall(state[kind], value)
    text = text .. "; then " .. tostring(after)
  end
  return text
end

---- What may be different

-- C functions that are given something else than they want name its type as C sees it.
local function with_words_of_c(text)
  return (text:gsub("got table%)", "got userdata)"):gsub("got thread%)", "got userdata)"))
end
-- LuaJIT has no name for the function in the errors of some.
local function same(a, b)
  if jit then a, b = a:gsub("to '%?'", "to 'F'"), b:gsub("to '%?'", "to 'F'") end
  return a == b
end
local used = {}
local function may_differ(name, position, kind, got)
  for i, row in ipairs(M.differences) do
    local pattern = row[4]:find("^^") and row[4] or '^raises "gaijin: unsupported: ' .. row[4] .. '"'
    if name:sub(1, #row[1]) == row[1] and (#name == #row[1] or row[1]:find("%.$")) and row[2]:find(position, 1, true)
      and row[3]:find(kind:match("^%w+"), 1, true) and got:find(pattern) then
      used[i] = true
      return true
    end
  end
end
local function is_right(name, position, kind, expected, got)
  if same(expected, got) then return true end
  local refused = expected:find('^raises "bad argument')
  if refused and (same(with_words_of_c(expected), got) or got:find('^raises "gaijin: unsupported: ')) then return true end
  return may_differ(name, position, kind, got)
end

---- All of it

local only = os.getenv("LIBRARY_FUNCTION") -- to look at one
local functions, names, failures, cases = M.functions(), {}, {}, 0
for name in pairs(functions) do
  if not (name:find("^raw_") or M.not_of_lua51[name] or M.ours[name]) and (not only or name == only) then names[#names + 1] = name end
end
table.sort(names)
local function compare(name, text, position, kind)
  local fresh, use = M.arguments(text)
  local F = functions[name]
  local expected = outcome(name, F, fresh, use, position, kind, M.kinds[kind]())
  local got = outcome(name, F, fresh, use, position, kind, make(kind))
  if not is_right(name, position, kind, expected, got) then
    failures[#failures + 1] = ("%s(%s) #%d %s\n   local  %s\n   remote %s"):format(name, text, position, kind, expected, got)
  end
end
local function compare_all(name, text)
  for position = 1, pack(M.arguments(text)()).n + 1 do -- and one too many
    for _, kind in ipairs(M.kind_names) do
      cases = cases + 1
      if cases % t.shared == 0 then compare(name, text, position, kind) end
    end
  end
end
for _, name in ipairs(names) do
  if not M.calls[name] then failures[#failures + 1] = name .. " is not in library_calls.lua" end
  for _, text in ipairs(M.calls[name] or {}) do compare_all(name, text) end
end
for i, row in ipairs(M.differences) do
  if not used[i] and not only and t.shared == 1 and (jit or not row.jit) then failures[#failures + 1] = row[1] .. ": is no longer different: " .. row[4] end
end
remove(M.path)
remove(M.source)
print(table.concat(failures, "\n"))
print(#names .. " functions, " .. cases .. " cases, " .. #failures .. " failed")
t.eq(#failures, 0)

---- os.exit refuses what is no status, and the worker goes on

local E = bakaGaijin("E")
for _, kind in ipairs(M.kind_names) do
  local value = M.kinds[kind]()
  local ok, why = E.exit(value)
  t.eq(ok, false)
  t.ok(why:find("bad argument #1 to '[%w?]+' %([%w ]+ expected, got %w+%)"), why)
  local own_ok, own_why = pcall(os.exit, value)
  t.eq(own_ok, false)
  t.ok(own_why:find("bad argument #1"), own_why)
end
t.eq(E.alive(), "alive")
