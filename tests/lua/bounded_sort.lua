-- table.sort of another worker's table ends after so many comparisons, whatever the order of the entries, and so does what
-- visits the entries of a table in which Lua finds a border far behind them.
--@ limit 120
--@ worker A
local list = {}
-- An order for which the sort of 5.1 takes the square of the number: found by answering it as it asks.
local function killer(n)
  local value, solid, candidate, gas = {}, 0, 0, n + 1
  local items = {}
  for i = 1, n do items[i], value[i] = i, gas end
  table.sort(items, function(a, b)
    if value[a] == gas and value[b] == gas then
      solid = solid + 1
      value[a == candidate and a or b] = solid
    end
    if value[a] == gas then candidate = a elseif value[b] == gas then candidate = b end
    return value[a] < value[b]
  end)
  return value
end
local found, hard = pcall(killer, 12000)
bakaGaijin.comparisons = 0
bakaGaijin.hard, bakaGaijin.hard_too = hard, { unpack(hard, 1, 6000) }
for i = 6001, 12000 do bakaGaijin.hard_too[i] = hard[i] end
bakaGaijin.found = found
bakaGaijin.list = list
bakaGaijin.long = {}
for i = 1, 131073 do bakaGaijin.long[i] = -i end
bakaGaijin.less = function(a, b) bakaGaijin.comparisons = bakaGaijin.comparisons + 1 return a < b end
bakaGaijin.alive = function() return "alive" end
bakaGaijin.nothing = function() end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
t.eq(A.found, true)
t.raises("^gaijin: too_large: table%.sort needs more than 4194304 comparisons for another worker; the table is left partly sorted$",
  table.sort, A.hard)
t.raises("^gaijin: too_large: table%.sort", table.sort, A.hard_too, A.less)
t.eq(A.comparisons, 4194304)
t.eq(A.alive(), "alive")
local long = A.long
t.raises("^gaijin: too_large: table%.sort would sort 131073 entries for another worker; at most 131072$", table.sort, long)
t.eq(long[1], -1) -- it has not begun
long[131073] = nil
table.sort(long)
t.eq(long[1], -131072)
long = nil
local list = A.list
for i, v in ipairs { 3, 1, 2 } do list[i] = v end
table.sort(list)
t.eq(table.concat(list, " "), "1 2 3")
table.sort(list, function(a, b) return a > b end)
t.eq(table.concat(list, " "), "3 2 1")
table.sort(list, A.less)
t.eq(table.concat(list, " "), "1 2 3")
list[2] = "x"
t.raises("^attempt to compare [%w ]+ with [%w ]+$", table.sort, list)
t.raises("bad argument #2 to '[%w?]+' %(function expected, got number%)", table.sort, list, 1)
-- A border far away, made of thirty entries.
for i = 0, 30 do list[2 ^ i] = "x" end
if #list > 2 ^ 20 then
  t.raises("^gaijin: too_large: table%.insert would move", table.insert, list, 1, "x")
  t.raises("^gaijin: too_large: table%.remove would move", table.remove, list, 1)
  t.raises("^gaijin: too_large: table%.foreachi would visit", table.foreachi, list, A.nothing)
  t.raises("x", table.foreachi, list, function() error("x") end)
  table.insert(list, "last")
end
t.eq(A.alive(), "alive")
list = nil
