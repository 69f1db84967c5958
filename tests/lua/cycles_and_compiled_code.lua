-- LuaJIT tells handlers when compiled code is thrown away, which is done before what was condemned is collected: what a handler takes out of
-- a weak table then is not condemned, and works.
--@ limit 180
--@ broker --cycle-time=0
--@ worker rounds nowait
require "rounds"
--@ worker A
function bakaGaijin.make(other) return { other = other } end
--@ worker B once
local t = require "t"
local make = bakaGaijin("A").make
local weak, takes, got = setmetatable({}, { __mode = "v" }), false, nil
local function new(i) -- a frame of its own: no register keeps it
  local u = { i = i }
  u.t = make(u)
  weak[1] = u
end
if jit then
  jit.attach(function(what) if what == "flush" and takes then got, takes = weak[1], false end end, "trace")
end
for i = 1, 10 do
  new(i)
  takes = jit ~= nil
  t.eventually(function()
    if got then
      t.eq(got.t.other.i, i)
      got = nil
    end
    return weak[1] == nil
  end, 40)
end
