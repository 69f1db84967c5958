-- SPDX-License-Identifier: MIT
--
-- Runs random programs, each once with all objects in this VM and once spread over four, and compares what they give:
-- main.lua FIRST-SEED COUNT. A difference is printed with its seed and the smallest program found, and ends with status 1. Programs tie
-- cycles over the workers, and nothing of them may be left in the end: rounds for garbage in cycles are asked for until it has gone.
require "common"
local generate, outcome = require "generate", require "outcome"
local first, count = tonumber((...)) or 1, tonumber((select(2, ...))) or 100
local homes, lefts = {}, {}
for i = 1, 3 do
  homes[i] = gaijin.wait_for("home" .. i, "run", 20)
  lefts[i] = gaijin.wait_for("home" .. i, "left", 20)
end
local look = gaijin.wait_for("looker", "look", 20)

local function copy_of(v)
  if type(v) ~= "table" then return v end
  local t = {}
  for k, x in pairs(v) do t[k] = x end
  return t
end

local function at_home(_, text, ...) return run_text(text, ...) end
local function at_place(place, text, ...)
  if place == 0 then return run_text(text, ...) end
  return homes[place](text, ...)
end

-- Errors of Lua's own name the type of an object of another worker "userdata", count a method's arguments
-- otherwise, and have positions wherever a level of the stack has one; what recurses for ever ends at another depth.
local kinds = { table = true, userdata = true, thread = true, ["function"] = true }
local function normal(text)
  if text:find "stack overflow" or text:find "gaijin: too_deep:" then return "error, too deep" end
  text = text:gsub("attempt to compare [%w ]+", "attempt to compare"):gsub("bad argument #%d+", "bad argument"):gsub("on bad self %(", "bad argument "):gsub("[%w_/.-]+:%d+: ", "")
  text = text:gsub("(invalid[%w ]* value %(a? ?)(%a+)%)", function(before, kind) return kinds[kind] and before .. "an object)" end)
  return (text:gsub("(got )(%a+)", function(got, kind) return kinds[kind] and got .. "an object" end))
end

-- One line for each statement: its results, or its error.
local function execute(program, at, spread)
  local values, transcript = {}, {}
  content = spread and gaijin.fetch or copy_of
  send = spread and function(place, t) return homes[place]("return (...)", gaijin.copy(t)) end or function(_, t) return copy_of(t) end
  local function note(s, ok, ...)
    if ok then values[s.id] = (...) end
    transcript[s.id] = normal(outcome.of(ok, ...))
  end
  for _, s in ipairs(program) do
    local a = s.args
    note(s, pcall(at, s.place, s.text, unpack({ values[a[1]], values[a[2]], values[a[3]] }, 1, #a)))
  end
  return transcript
end

-- The first statement whose outcome differs, with both outcomes.
local function difference(program)
  local expected, got = execute(program, at_home, false), execute(program, at_place, true)
  for _, s in ipairs(program) do
    if expected[s.id] ~= got[s.id] then return s, expected[s.id], got[s.id] end
  end
end

-- Leaves out statements, many at a time at first, as long as a difference remains.
local function shrink(program)
  local size = math.floor(#program / 2)
  while size >= 1 do
    local from = 1
    while from <= #program do
      local smaller = {}
      for i, s in ipairs(program) do
        if i < from or i >= from + size then smaller[#smaller + 1] = s end
      end
      if #smaller > 0 and difference(smaller) then program = smaller else from = from + size end
    end
    size = math.floor(size / 2)
  end
  return program
end

local failed, statements, errors = 0, 0, 0
for seed = first, first + count - 1 do
  local program = generate.program(seed)
  statements = statements + #program
  if difference(program) then
    failed = failed + 1
    program = shrink(program)
    local s, expected, got = difference(program)
    print(("seed %d: statement %s differs\n%s\n  in one VM   %s\n  spread      %s"):format(seed, s and s.id or "?", generate.text(program), expected or "?", got or "?"))
    if failed == 5 then break end
  end
end
print(("%d programs of %d statements, %d differ"):format(count, statements, failed))

-- How much there is beside the functions that this worker uses itself: run and left of each home, and look.
local function left()
  bakaGC()
  local exported, used = getBaka()
  local sum = exported + used - 7
  for i = 1, 3 do
    exported, used = lefts[i]()
    sum = sum + exported + used - 2
  end
  return sum
end
local before, rounds = left(), 0
while left() > 0 and rounds < 10 do
  look()
  rounds = rounds + 1
end
print(("%d of their objects were in cycles; after %d rounds %d are left"):format(before, rounds, left()))
if left() > 0 then
  failed = failed + 1
  os.execute(os.getenv "GAIJIN_BUILD" .. "/gaijinctl tokens --cycles")
end
for i = 1, 3 do bakaGaijin("home" .. i).stop() end
gaijin.stop(failed > 0 and 1 or 0)
