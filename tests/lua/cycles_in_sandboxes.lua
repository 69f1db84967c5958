-- Sandboxed workers, which may not signal their forked copies, and whose heap has a limit, take part as others do.
--@ limit 180
--@ only gaijin-worker
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker A flags=--sandbox
local kept
bakaGaijin.make = function(other) return { other = other } end
bakaGaijin.keep = function(v) kept = v end
bakaGaijin.use = function() return kept.other.text end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local make, keep, use = A.make, A.keep, A.use
local function make_garbage(weak)
  for i = 1, 20 do
    local u = {}
    u.t = make(u)
    weak[i] = u
  end
end
local live = { text = "live" }
live.t = make(live)
keep(live.t)
live = nil
local weak = setmetatable({}, { __mode = "v" })
make_garbage(weak)
t.eventually(function() return next(weak) == nil end, 40)
t.eq(use(), "live")
keep(nil)
