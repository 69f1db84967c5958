-- Promised: one AT per object for as long as something refers to the AT. Not promised: that a weak table remembers it longer.
--@ worker A
bakaGaijin.o = { v = 1 }
--@ worker B once
local t = require "t"
local weak = setmetatable({}, { __mode = "k" })
local o = bakaGaijin("A").o
weak[o] = "note"
for _ = 1, 3 do
  collectgarbage()
  t.eq(weak[o], "note")
  t.eq(weak[bakaGaijin("A").o], "note", "fetched again it is the same AT")
end
local kept_elsewhere = { o }
o = nil
bakaGC()
t.eq(weak[bakaGaijin("A").o], "note", "some reference is enough")
kept_elsewhere = nil
bakaGC()
local n = 0
for _ in pairs(weak) do n = n + 1 end
t.eq(n, 0, "without references it is gone, as any object")
t.eq(bakaGaijin("A").o.v, 1, "the original is not")
