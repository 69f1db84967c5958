-- Errors arrive as they are, with their traceback, whatever a script has made of debug.traceback.
--@ worker A
bakaGaijin.fails = function() error("boom", 0) end
bakaGaijin.set = function(f) debug.traceback = f end
bakaGaijin.take_away = function() package.loaded.debug, debug = nil, nil end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local fails, set = A.fails, A.set
local function arrives()
  local ok, e = pcall(fails)
  t.eq(ok, false)
  t.eq(e, "boom")
  t.ok(gaijin.traceback(e):find("\tA: ", 1, true), gaijin.traceback(e))
end
arrives()
set(function() end)
arrives()
set(function() error("none today") end)
arrives()
set(nil)
arrives()
A.take_away()
arrives()
