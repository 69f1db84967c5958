-- A text whose position is left to the calling worker, caught before it left: however it is raised on, it arrives with the
-- position, and never with the caller's name in front.
--@ worker C
bakaGaijin.fail = function(level) error("bad thing", level or 2) end
bakaGaijin.raise = function(e) error(e, 0) end
--@ worker A
local function check(level) error("bad", level or 5) end
local function other() error("other", 4) end
local function catch(level) local _, e = pcall(check, level) return e end
bakaGaijin.catch = catch
bakaGaijin.after_local = function() local e = catch() pcall(function() local x = nil + 1 end) error(e, 0) end
bakaGaijin.after_other = function() local e = catch() pcall(other) error(e, 0) end
bakaGaijin.after_remote = function() local e = catch() pcall(bakaGaijin("C").fail) error(e, 0) end
bakaGaijin.first_of_many = function()
  local e = catch()
  for i = 1, 100 do pcall(function() error("other " .. i, 4) end) end
  error(e, 0)
end
local stash
bakaGaijin.stash = function() stash = catch() end
bakaGaijin.unstash = function() error(stash, 0) end
bakaGaijin.in_coroutine = function() local e = catch() local _, again = coroutine.resume(coroutine.create(function() error(e, 0) end)) error(again, 0) end
bakaGaijin.in_future = function() local e = catch() gaijin.async(function() error(e, 0) end):get() end
bakaGaijin.by_another = function() local e = catch() bakaGaijin("C").raise(e) end
bakaGaijin.traced = function()
  local _, e = xpcall(function() check(5) end, gaijin.traceback)
  error(e, 0)
end
bakaGaijin.levels = function(level) error(catch(level), 0) end
bakaGaijin.zero = function() local _, e = pcall(error, "a\0b", 3) error(e, 0) end
bakaGaijin.own = function(text) error(text, 0) end
-- Finalisers that run while the error is on its way, and catch one themselves.
bakaGaijin.amid_finalisers = function()
  for _ = 1, 40 do
    getmetatable(newproxy(true)).__gc = function() pcall(error, "g", 30) pcall(other) end
  end
  error("x", 2)
end
collectgarbage("setpause", 100)
--@ worker B once
local t = require "t"
local A, C = bakaGaijin("A"), bakaGaijin("C")
t.eq(A.catch(4), "B:?: bad")
t.eq(A.catch(5), "B:?2: bad")
for _, name in ipairs({ "after_local", "after_other", "after_remote", "first_of_many", "in_coroutine", "in_future", "by_another" }) do
  local f = A[name]
  t.raises_here("bad", function() f() return 1 end)
end
t.raises_here("bad", function() A.stash() A.unstash() return 1 end)
t.raises_here("a\0b", function() A.zero() return 1 end)
local ok, e = pcall(function() A.traced() return 1 end)
t.ok(e:match("^[^\n]*B%.lua:%d+: bad\nstack traceback:"), e)
-- The rest of the level counts on in this worker.
local function deeper(level) A.levels(level) return 1 end
t.raises_here("bad", function() deeper(6) return 1 end)
t.eq(select(2, pcall(A.levels, 65000)), "bad")
-- Another worker's caught text, and texts that only look like one, are the script's.
A.stash()
for _, text in ipairs({ "B: x", "B:?0: x", "B:?x: x", "B:?:x", "B:1: x", "C:?: x", "B", "B:?", "" }) do
  t.eq(select(2, pcall(A.own, text)), text)
end
local f = A.amid_finalisers
for _ = 1, 1500 do t.raises_here("x", function() f() return 1 end) end
f = nil
bakaGC()
