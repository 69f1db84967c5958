-- Whoever posts more to a worker that does not read than there is room for waits, but only the fiber that posts: what else it does goes
-- on. Then the receiver goes on and all is done; or it dies, and what waited counts as failed.
--@ worker S signal=9
local pid, n = io.popen("echo $PPID"):read(), 0
bakaGaijin.pid = function() return pid end
bakaGaijin.add = function() n = n + 1 end
bakaGaijin.count = function() return n end
gaijin.ready()
--@ worker A
bakaGaijin.echo = function(x) return x end
bakaGaijin.object = {}
bakaGaijin.held = function() return gaijin.stats().tokens end
--@ worker C
bakaGaijin.ask = function() return bakaGaijin("B").echo("answered") end
--@ worker B once
local t = require "t"
local S, A = bakaGaijin("S"), bakaGaijin("A")
local pid, add, count, echo = S.pid(), S.add, S.count, A.echo
bakaGaijin.echo = function(x) return x end
local posted, ended = 0, 0
local function flood(n)
  gaijin.spawn(function()
    for _ = 1, n do
      gaijin.post(add)
      posted = posted + 1
    end
    ended = ended + 1
  end)
end
os.execute("kill -STOP " .. pid)
for _ = 1, 3 do flood(1000) end
t.eventually(function() return posted >= 1020 end) -- the calls before count, too
for i = 1, 100 do t.eq(echo(i), i) end
for i = 1, 2000 do gaijin.post(echo, i) end
t.eq(bakaGaijin("C").ask(), "answered") -- it is read and answers
local held = A.held
local before = held()
do
  local o = A.object
  o.x = 1
end
t.eventually(function() -- its releases go
  bakaGC()
  return held() == before
end)
t.ok(posted <= 1024, posted)
t.raises("^gaijin: timeout: post to worker S: the time limit of 0.05 s is over", gaijin.timeout, 0.05, gaijin.post, add)
os.execute("kill -CONT " .. pid)
t.eventually(function() return ended == 3 end)
t.eq(count(), 3000)
t.eq(gaijin.stats().posts_failed, 0)
os.execute("kill -STOP " .. pid)
for _ = 1, 3 do flood(1000) end
t.eventually(function() return posted >= 3000 + 760 end)
gaijin.sleep(0.05)
os.execute("kill -9 " .. pid)
t.eventually(function() return ended == 6 end) -- none raised
t.ok(gaijin.stats().posts_failed >= 3)
