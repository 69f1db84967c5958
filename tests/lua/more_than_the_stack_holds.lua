-- Limits of Lua's stack are not limits of ours: results of many futures, many labels. Who waits first is served first.
--@ limit 60
--@ worker many
for i = 1, 5000 do bakaGaijin["label" .. i] = i end
bakaGaijin[2.5] = "a number"
bakaGaijin.object = {}
--@ worker W once
local t = require "t"
local n = 0
local p = assert(io.popen(os.getenv("GAIJIN_BUILD") .. "/gaijinctl --json labels many"))
local text = p:read("*a")
p:close()
for label in text:gmatch('"label":') do n = n + 1 end
t.eq(n, 5002)
local many = {}
for i = 1, 9000 do many[i] = gaijin.async(function() if i ~= 7 then return i, "second" end end) end
local all = gaijin.all(many)
local list = all:list()
t.eq(list.n, 9000)
for i = 1, 9000 do if i ~= 7 then assert(list[i] == i) end end
t.eq(list[7], nil)
list[1] = "changed"
t.eq(all:list()[1], 1)
local ok, err = pcall(all.get, all)
t.ok(not ok and err:find("^gaijin: too_large: 9000 results .*future:list%(%)"), err)
many[8000], many[8001] = nil, nil
local few = gaijin.all { many[1], many[7], many[2] }
t.eq(select("#", few:get()), 3)
t.eq(few:list()[3], 2)
t.eq(few:list().n, 3)
local empty = gaijin.all {}
t.eq(select("#", empty:get()), 0)
t.eq(empty:list().n, 0)
-- any future has a list
local two = gaijin.async(function() return nil, "b" end):list()
t.eq(two.n, 2)
t.eq(two[2], "b")
t.eq(select(2, pcall(function() return gaijin.async(error, "oops", 0):list() end)), "oops")
t.eq(select(2, pcall(function() return gaijin.all { gaijin.async(error, "oops", 0) }:list() end)), "oops")
ok, err = pcall(gaijin.async(gaijin.sleep, 5).list, gaijin.async(gaijin.sleep, 5), 0.01)
t.ok(not ok and err:find("^gaijin: timeout: "), err)

-- first come, first served
local said = {}
local gate = gaijin.async(gaijin.sleep, 0.01)
for i = 1, 5 do gate:on(function() said[#said + 1] = i end) end
gate:get()
gaijin.sleep(0)
t.eq(table.concat(said, " "), "1 2 3 4 5")
