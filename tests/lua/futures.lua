-- Futures: many calls under way from one fiber, read in any order, any number of times, or never.
--@ expect B: an error of a dropped future was never read: thrown away
--@ expect B: an error of a dropped future was never read: local thrown away
--@ expect B: an error of a dropped future was never read: gaijin: lost: worker D ended while
--@ worker A
local log = {}
bakaGaijin.note = function(x) log[#log + 1] = x end
bakaGaijin.log = function() local l = table.concat(log, " ") log = {} return l end
bakaGaijin.echo = function(...) return ... end
bakaGaijin.fail = function(e) error(e, 0) end
bakaGaijin.after = function(s, ...) gaijin.sleep(s) return ... end
bakaGaijin.make = function() return {} end
bakaGaijin.exported = function() return (getBaka()) end
bakaGaijin.callable = setmetatable({}, { __call = function(_, x) return x * 2 end })
--@ worker D exit=0
bakaGaijin.never = function() gaijin.sleep(60) end
gaijin.ready()
bakaGaijin.die = function() os.exit(0) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local echo, fail, after, note, make = A.echo, A.fail, A.after, A.note, A.make
local async, all, race = gaijin.async, gaijin.all, gaijin.race
-- results, nils and all; again and again
local f = async(echo, 1, nil, 3, nil)
t.eq(select("#", f:get()), 4)
t.eq(select(3, f:get()), 3)
t.eq(f:done(), true)
t.ok(tostring(f):find("^future: .* %(done%)$"))
t.eq(async(A.callable, 21):get(), 42)
-- errors, whatever they are
t.raises("^boom$", function() async(fail, "boom"):get() end)
local ok, e = pcall(function() return async(fail, A.callable):get() end)
t.eq(e, A.callable)
f = async(fail, "twice")
t.raises("twice", f.get, f)
t.raises("twice", f.get, f)
-- of ours
t.eq(select("#", async(function(...) return ... end, nil, nil):get()), 2)
t.raises("^here$", function() async(function() error("here", 0) end):get() end)
t.eq(async(function() gaijin.sleep(0.001) return gaijin.caller() end):get(), nil)
-- order of start: the request is queued by async itself
for i = 1, 20 do
  if i % 3 == 0 then gaijin.post(note, i) elseif i % 3 == 1 then async(note, i) else note(i) end
end
t.eq(A.log(), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20")
-- many at once, read in another order
local many = {}
for i = 1, 500 do many[i] = async(after, (i % 7) / 1000, i) end
for i = 500, 1, -1 do t.eq(many[i]:get(), i) end
-- not yet
f = async(after, 0.2, "late")
t.eq(f:done(), false)
t.raises("^gaijin: timeout: the future has no result after 0.01 s; its call goes on$", f.get, f, 0.01)
t.raises("^gaijin: timeout: the future has no result after 0 s", f.get, f, 0)
t.raises("the time limit of 0.01 s is over", gaijin.timeout, 0.01, f.get, f)
t.eq(f:get(60), "late")
-- several readers
f = async(after, 0.02, "x")
local readers = {}
for i = 1, 5 do readers[i] = async(function() return f:get() end) end
for i = 1, 5 do t.eq(readers[i]:get(), "x") end
-- on
local got = {}
async(after, 0.001, 1, 2):on(function(...) got[#got + 1] = { ... } end)
local done = async(fail, "told")
t.eventually(function() return done:done() end)
done:on(function(...) got[#got + 1] = { ... } end)
t.eventually(function() return #got == 2 end)
table.sort(got, function(a, b) return a[1] and not b[1] end)
t.eq(got[1][1], true) t.eq(got[1][3], 2)
t.eq(got[2][1], false) t.eq(got[2][2], "told")
-- all and race
local a, b, c = all({ async(after, 0.02, "a", "not this"), async(echo, nil), async(echo, "c") }):get()
t.eq(a, "a") t.eq(b, nil) t.eq(c, "c")
t.eq(select("#", all({}):get()), 0)
local slow = async(after, 30)
t.raises("^fast$", function() all({ slow, async(fail, "fast") }):get() end)
t.eq(race({ slow, async(after, 0.001, "first") }):get(), "first")
t.eq(slow:done(), false)
slow:cancel()
t.raises("cancelled", function() race({ slow }):get() end)
t.raises("element 2: future expected, got number", all, { slow, 3 })
t.raises("at least one future", race, {})
t.raises("bad argument #1 to '.*' %(function expected, got no value%)", async)
-- unread results are given back, unread errors told once
for _ = 1, 100 do async(make) end
local kept = async(make)
t.eventually(function() bakaGC() return A.exported() <= 8 end)
t.eq(type(kept:get()), "table")
kept = nil
async(fail, "thrown away")
async(function() error("local thrown away", 0) end)
do
  local D = bakaGaijin("D")
  local never, die = D.never, D.die
  async(never)
  async(die)
  gaijin.wait_for("A")
  t.eventually(function() return not pcall(echo, never) or not pcall(never) end)
end
t.eventually(function() bakaGC() return gaijin.stats().futures == 0 end)
bakaGC()
gaijin.sleep(0)
