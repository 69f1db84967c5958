-- A program that a script starts has the signals that every program has: a broken pipe ends it. The script itself survives one.
--@ worker A once
local t = require "t"
local p = io.popen("kill -PIPE $$; echo survived")
t.eq(p:read("*a"), "")
p:close()
t.ok(os.execute("kill -PIPE $$; exit 0") ~= 0)
p = io.popen("read line; exec cat /proc/self/status")
local ignored = p:read("*a"):match("SigIgn:%s*(%x+)")
p:close()
t.ok(tonumber(ignored:sub(-4), 16) % 2 ^ 13 < 2 ^ 12, ignored) -- SIGPIPE is 13
if not os.getenv("GAIJIN_TEST_STOCK") then -- a stock interpreter is as it is
  p = io.popen("exit 0", "w")
  p:write(("x"):rep(2 ^ 20)) -- more than a pipe holds
  p:close()
end
