-- SPDX-License-Identifier: MIT
--
-- A worker that others use and that asks for nothing itself: the host of most traffic, and of the
-- attacks of tests/hostile, which want a function "sink".
local services = dofile(arg[0]:match("^.*/") .. "services.lua")
services.expose()
bakaGaijin.sink = function() end
bakaGaijin.echo = services.objects.echo
