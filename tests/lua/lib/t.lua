-- SPDX-License-Identifier: MIT
--
-- What test scripts assert with. A failure is an error at the caller's line, which ends the worker with status 1.
local t = {}

local slower = tonumber(os.getenv("GAIJIN_TEST_SLOWER")) or 1

-- How many times smaller the numbers are that a test takes from t.share: GAIJIN_TEST_SHARE, or 1.
t.shared = tonumber(os.getenv("GAIJIN_TEST_SHARE")) or 1

--- That many, or a share of it: for a number that is large to see what only much of it shows, and costs most of the test.
function t.share(n) return math.max(1, math.floor(n / t.shared)) end

local function show(v)
  if type(v) == "string" then return string.format("%q", v) end
  return tostring(v)
end

--- Fails unless a == b (two NaNs count as equal).
function t.eq(a, b, msg)
  if a == b or (a ~= a and b ~= b) then return a end
  error((msg and msg .. ": " or "") .. "got " .. show(a) .. ", expected " .. show(b), 2)
end

--- Fails unless v is true in Lua's sense; returns v.
function t.ok(v, msg)
  if v then return v end
  error(msg or ("got " .. show(v) .. ", expected a true value"), 2)
end

--- Calls f(...), which must raise something whose text matches the pattern; returns what was raised.
function t.raises(pattern, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error, expected one like " .. show(pattern), 2) end
  if not string.find(tostring(err), pattern) then
    error("raised " .. show(err) .. ", expected an error like " .. show(pattern), 2)
  end
  return err
end

--- Calls f, a function on one line, which must raise the text with the position of that line before it.
function t.raises_here(text, f)
  local ok, err = pcall(f)
  if ok then error("no error, expected " .. show(text), 2) end
  local at = debug.getinfo(f, "S")
  local expected = at.short_src .. ":" .. at.linedefined .. ": " .. text
  if err ~= expected then error("raised " .. show(err) .. ", expected " .. show(expected), 2) end
end

--- Calls f until it returns a true value, which it returns; fails after `seconds` (10), times GAIJIN_TEST_SLOWER.
function t.eventually(f, seconds)
  seconds = (seconds or 10) * slower
  local give_up = os.time() + seconds + 1 -- os.time counts whole seconds
  while true do
    local v = f()
    if v then return v end
    if os.time() > give_up then error("not true after " .. seconds .. " s", 2) end
    gaijin.sleep(0.005)
  end
end

return t
