-- SPDX-License-Identifier: MIT
--
-- Worker S of the module's tests.
bakaGaijin.fresh = function()
  bakaGaijin.list = { 3, 1, 2 }
  bakaGaijin.co = coroutine.create(function(a) coroutine.yield(a + 1) end)
end
bakaGaijin.fresh()
bakaGaijin.collect = function() collectgarbage() collectgarbage() end
bakaGaijin.big = function() return ("x"):rep(1e5) end
bakaGaijin.nap = function(s) gaijin.sleep(s) return s end
bakaGaijin.t = { x = 1 }
bakaGaijin.fail = function() error("bad", 0) end
bakaGaijin.callback = function(f) return f(41) end
local V = { __tostring = function(v) return "vec " .. v.n end }
V.__add = function(a, b) return setmetatable({ n = a.n + b.n }, V) end
bakaGaijin.vec = function(n) return setmetatable({ n = n }, V) end
bakaGaijin.nested = { a = { b = 5 } }
bakaGaijin.take = function(v) return raw_type(v) end
bakaGaijin.make = function() return {} end
bakaGaijin.ask = function(a) return bakaGaijin("tool").f(a) end
bakaGaijin.call_later = function()
  gaijin.spawn(function()
    while not pcall(function() bakaGaijin("tool").later() end) do gaijin.sleep(0.005) end
  end)
end
bakaGaijin.slow = function() gaijin.sleep(30) end
