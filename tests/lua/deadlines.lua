-- Time limits: of a block, nested, handed down the chain of calls; what is late is discarded and given back.
--@ worker A
local cancelled
bakaGaijin.never = function()
  local ok, e = pcall(gaijin.sleep, 60)
  cancelled = tostring(e)
  error(e, 0)
end
bakaGaijin.why = function() return cancelled end
bakaGaijin.add = function(a, b) return a + b end
bakaGaijin.late = function(s) gaijin.post(gaijin.sleep, s) return {} end
--@ worker B
local A = bakaGaijin("A")
local seen
bakaGaijin.forward = function(f, ...)
  local ok, e = pcall(f, ...)
  seen = e
  error(e, 0)
end
bakaGaijin.forward_slowly = function(f)
  gaijin.timeout(60, f) -- the caller's limit is nearer
end
bakaGaijin.seen = function() return seen end
--@ worker D once flags=--call-timeout,0.15
local t = require "t"
local found, never
repeat found, never = pcall(function() return bakaGaijin("A").never end) until found
-- the default of this worker
t.raises("^gaijin: timeout: call to worker A got no answer in 0.15 s; whether it was done is not known$", never)
--@ worker C once
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local never, add = A.never, A.add
local function took(f, ...)
  local start = gaijin.now()
  f(...)
  return gaijin.now() - start
end
-- of a block, whose first moments may have passed when it calls
t.ok(took(t.raises, "^gaijin: timeout: call to worker A got no answer in 0%.0%d+ s;", gaijin.timeout, 0.05, never) < 10)
t.eventually(A.why)
t.ok(A.why():find("^gaijin: cancelled: gaijin.sleep: the caller waits no longer$"), A.why())
t.eq(gaijin.timeout(5, add, 1, 2), 3)
t.eq(select("#", gaijin.timeout(5, function() return nil, nil end)), 2)
t.raises("^gaijin: timeout: gaijin.sleep: the time limit of 0.02 s is over$", gaijin.timeout, 0.02, gaijin.sleep, 60)
t.raises("^on purpose$", gaijin.timeout, 5, function() error("on purpose", 0) end)
-- of nested ones the nearer counts, from outside or inside, and afterwards there is none
t.raises("^gaijin: timeout: call to worker A got no answer in 0.0%d+ s", gaijin.timeout, 0.05, function() gaijin.timeout(60, never) end)
gaijin.timeout(60, function() t.raises("the time limit of 0.02 s", gaijin.timeout, 0.02, gaijin.sleep, 60) gaijin.sleep(0.001) end)
gaijin.sleep(0.03)
t.eq(add(1, 2), 3)
-- nothing is begun when the time is over
gaijin.timeout(0, function()
  t.raises("^gaijin: timeout: call to worker A was not begun: the time limit is over$", add, 1, 2)
  t.raises("^gaijin: timeout: gaijin.yield", gaijin.yield)
  gaijin.post(add, 1, 2) -- does not wait
end)
-- handed down: B asks A for us
t.raises("^gaijin: timeout: call to worker B got no answer in 0%.0%d+ s", gaijin.timeout, 0.06, B.forward, never)
t.eventually(B.seen)
t.ok(B.seen():find("^gaijin: timeout: call to worker A got no answer in 0.0%d+ s") or B.seen():find("^gaijin: cancelled: call to worker A: the caller waits"), B.seen())
t.raises("^gaijin: timeout: call to worker B got no answer in 0%.0%d+ s", gaijin.timeout, 0.06, B.forward_slowly, never)
t.raises("bad argument #1 to 'timeout' %(number expected, got string%)", gaijin.timeout, "x", add)
t.raises("bad argument #2 to 'timeout' %(function expected, got nil%)", gaijin.timeout, 1)
