-- SPDX-License-Identifier: MIT
--
-- A worker whose objects tries.lua tries to use as more than what they are.
secret = true
bakaGaijin.t = setmetatable({}, { secret = true })
bakaGaijin.env = { secret = true }
bakaGaijin.co = coroutine.create(function() local function hidden() coroutine.yield() end hidden() end)
coroutine.resume(bakaGaijin.co)
bakaGaijin.f = function() return true end
