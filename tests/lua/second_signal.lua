-- A script that never comes back to the loop: the first signal asks, the second one, of either kind, ends it.
--@ worker A signal=15 nowait
os.execute("kill -TERM $PPID")
os.execute("kill -TERM $PPID")
while true do end
--@ worker B signal=2 nowait
os.execute("kill -TERM $PPID")
io.popen("kill -INT $PPID"):close() -- os.execute would have it ignored
while true do end
