-- gaijin.on_death of a name is about the worker that has it when that is asked, not about one that had it before and ends later.
--@ worker S exit=0 flags=--linger,60
bakaGaijin.thing = { version = 1 }
--@ worker B exit=0
local t = require "t"
local thing = gaijin.wait_for("S", "thing")
local told, gone = {}, false
gaijin.ready()
t.eventually(function() return bakaGaijin("S").thing.version == 2 end)
gaijin.on_death(thing, function() gone = true end)
gaijin.on_death("S", function(_, how) told[#told + 1] = how end)
thing = nil
bakaGC()
t.eventually(function() return gone end)
for _ = 1, 10 do gaijin.yield() end
t.eq(#told, 0, "the end of the one before")
bakaGaijin("S").stop()
t.eventually(function() return #told > 0 end)
t.eq(told[1], "ended")
gaijin.stop()
--@ worker T exit=0 flags=-n,S,--succeed
bakaGaijin.thing = { version = 2 }
bakaGaijin.stop = function() gaijin.stop() end
