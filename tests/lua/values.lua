-- Every primitive survives both ways.
--@ worker A
bakaGaijin.echo = function(...) return ... end
bakaGaijin.bits = function(x) return 1 / x end
bakaGaijin.t = {}
bakaGaijin.byte = function(s, i) return s:byte(i), #s end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local echo, o = A.echo, A.t
local inf = 1 / 0
for _, v in raw_ipairs {
  true, false, 0, 1, -1, 127, 128, 255, 256, 65535, 65536, -32, -33, -128, -129, 2 ^ 31, -2 ^ 31, 2 ^ 32, 2 ^ 53, -2 ^ 53, 2 ^ 53 + 2,
  2 ^ 63, 2 ^ 64, 1e300, 1e-300, 0.1, -0.5, inf, -inf, "", "a", ("x"):rep(31), ("x"):rep(32), ("x"):rep(255), ("x"):rep(256),
  ("x"):rep(65535), ("x"):rep(65536), "\0", "\255\254", "gr\195\188n", "\237\160\128",
} do
  t.eq(echo(v), v)
  o.v = v
  t.eq(o.v, v)
  o[v] = "key"
  t.eq(o[v], "key")
  o[v] = nil
end
local nan = echo(0 / 0)
t.ok(nan ~= nan)
t.eq(A.bits(-0 * 1), 1 / (-0 * 1))
t.eq(1 / echo(-1 / inf), -inf, "-0")
local every = {}
for i = 0, 255 do every[#every + 1] = string.char(i) end
every = table.concat(every)
t.eq(echo(every), every)
t.eq(A.byte(every, 256), 255)
o.v = nil
t.eq(o.v, nil)
t.eq(select("#", echo(nil, nil)), 2)
local big = ("0123456789"):rep(1000000)
t.eq(echo(big) == big, true)
