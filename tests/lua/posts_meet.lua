-- Two floods that meet each other end in `busy`, never in a deadlock: handlers that post back use up the fibers of both sides, while
-- posts of the other wait for one. What was accepted is done, what was not has raised.
--@ limit 60
--@ broker --window-posts 8
--@ tokens-left
--@ worker A flags=--max-fibers,24
local t = require "flood"
t.serve("B")
--@ worker B flags=--max-fibers,24
local t = require "flood"
t.serve("A")
--@ worker C once
local t = require "t"
local A, B = bakaGaijin("A"), bakaGaijin("B")
local a, b = A.figures, B.figures
local start_a, start_b = A.start, B.start
start_a(6)
start_b(6)
local accepted_a, done_a, busy_a, failed_a, fibers_a
local accepted_b, done_b, busy_b, failed_b, fibers_b
t.eventually(function() -- whoever serves as many as it can says so to us, too
  local ok_a, ok_b
  ok_a, accepted_a, done_a, busy_a, failed_a, fibers_a = pcall(a)
  ok_b, accepted_b, done_b, busy_b, failed_b, fibers_b = pcall(b)
  return ok_a and ok_b and fibers_a == 1 and fibers_b == 1 and accepted_a == done_b and accepted_b == done_a
end, 40)
t.ok(done_a > 100 and done_b > 100, done_a .. " " .. done_b)
t.ok(busy_a + busy_b > 0, "both floods went through; make the windows smaller")
t.eq(failed_a + failed_b, 0)
