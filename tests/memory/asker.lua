-- SPDX-License-Identifier: MIT
--
-- A story of one worker for sweep.sh. Memory may be short anywhere in it: then a step raises, and is tried again. What must
-- hold: each call ends, and each that returned was done once; what was not begun was not done.
local TRIES = 50

local function try_often(tries, what, f, ...)
  local last
  for _ = 1, tries do
    local results = {pcall(f, ...)}
    if results[1] then return unpack(results, 2, table.maxn(results)) end
    last = results[2]
    gaijin.sleep(0.001)
  end
  error(what .. ": " .. tostring(last), 0)
end

local function try(...) return try_often(TRIES, ...) end

local work = try_often(5, "the label", gaijin.wait_for, "host", "work", 0.1)
local kept = try("the other label", function() return bakaGaijin("host").kept end)

-- Each count that returned was done; one that raised may have been, or not.
local before, returned, raised = try("a field", function() return kept.n end), 0, 0
for _ = 1, 20 do
  if pcall(work.count) then returned = returned + 1 else raised = raised + 1 end
end
local after = try("the field again", function() return kept.n end)
assert(after - before >= returned and after - before <= returned + raised, "a call was done twice, or not at all")

local made = try("an object", work.make, 1000)
assert(try("its field", function() return made.n end) == 1000)
assert(#try("its text", function() return made.text end) == 1000)
try("a new field", function() made.new = function(x) return x + 1 end end)
assert(try("a call of our own", function() return made.new(1) end) == 2)
assert(try("a call-back", work.back, function(a, b) return a .. b end, "a", "b") == "ab")
local ok, e = pcall(work.fail)
assert(not ok and e ~= nil)
local n = 0
try("all entries", function() n = 0 for _ in pairs(made) do n = n + 1 end end)
assert(n == 3, n)
local futures = {}
for i = 1, 10 do futures[i] = try("a call in the background", gaijin.async, work.make, i) end
for i = 1, 10 do
  local got, value = pcall(futures[i].get, futures[i])
  if got then assert(try("what it gave", function() return value.n end) == i) end
end
try("a label of ours", function() bakaGaijin.done = {true} end)
