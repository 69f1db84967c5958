-- A worker whose Lua never comes back to the loop is killed when its grace is over, and told so.
--@ only gaijin-worker
--@ expect A: gaijin-worker error: A: its Lua code has not let it stop; killed
--@ worker A signal=15 nowait flags=--grace,0.1
os.execute("kill -TERM $PPID")
while true do end
