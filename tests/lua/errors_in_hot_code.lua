-- Errors that end a wait, between runs of code that LuaJIT has compiled: it must know then which lua_State runs, or it puts the
-- values of that code on the stack of another one. No C function may be called between the error and the compiled code.
--@ worker A
bakaGaijin.echo = function(f, i) return f(i) end
bakaGaijin.slow = function() gaijin.sleep(60) end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local echo, slow = A.echo, A.slow
local function hot(n, k)
  local sum = 0
  for i = 1, n do
    if i % k == 0 then sum = sum + 1 else sum = sum + 2 end
  end
  return sum
end
local wrong = 0
-- What pcall(f, ...) gives must be an error; the sum after it must be right.
local function check(k, f, ...)
  local ok = pcall(f, ...)
  if ok or hot(60 * k, k) ~= 120 * k - 60 then wrong = wrong + 1 end
end
local function fail(i)
  for k = 2, 9 do
    if hot(60 * k, k) ~= 120 * k - 60 then wrong = wrong + 1 end
  end
  error(i, 0)
end
local left = 30
local function run(i)
  local future
  for k = 1, 30 do
    local n = (i + k) % 13 + 2
    check(n, echo, fail, i)
    if k % 10 == 0 then
      check(n, gaijin.timeout, 0.001, slow)
      check(n, gaijin.timeout, 0.001, gaijin.sleep, 60)
      future = gaijin.async(slow)
      gaijin.spawn(future.cancel, future)
      check(n, future.get, future)
      check(n, gaijin.wait_for, "nobody", 0.001)
    end
  end
  left = left - 1
end
for i = 1, left do gaijin.spawn(run, i) end
for i = 1, 200 do check(i % 13 + 2, echo, fail, i) end
t.eventually(function() return left == 0 end)
t.eq(wrong, 0)
