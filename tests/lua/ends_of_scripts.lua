-- What becomes of the last errors: one after gaijin.run gives the status, one of a future that nobody has read is told, and a
-- finaliser that never returns does not keep a stopped worker.
--@ only gaijin-worker
--@ expect A: after the run
--@ expect F: an error of a dropped future was never read: unread
--@ expect K: gaijin-worker error: K: its Lua code has not let it stop; killed
--@ worker A exit=1
gaijin.after(0.01, gaijin.stop)
gaijin.run()
error("after the run")
--@ worker F once
unread = gaijin.async(function() error("unread", 0) end)
gaijin.yield()
--@ worker K signal=15 flags=--grace,0.1 nowait
local endless = newproxy(true)
getmetatable(endless).__gc = function() while true do end end
kept = endless
gaijin.spawn(function() os.execute("kill -TERM $PPID") end)
gaijin.run()
