-- SPDX-License-Identifier: MIT
--
-- Measures one row at host.lua: usage client.lua ROW SHARE [NAME]. Prints lines `ROW FIGURE UNIT VALUE`.
-- SHARE divides how often things are done: 1 to measure, 100 to see that it works. NAME is that of the
-- row in what `calls` prints.
local wanted, share, name = ...
share = tonumber(share) or error("usage: client.lua ROW SHARE [NAME]")
local now, async = gaijin.now, gaijin.async
gaijin.wait_for("host", "ready", 60)
local host = bakaGaijin("host")
local IN_FLIGHT, WAITING = 100, 1000
local value = string.rep("w", 64)

local function say(row, figure, unit, n) print(string.format("%s %s %s %.6g", row, figure, unit, n)) end
local function times(n) return math.max(10, math.floor(n / share)) end
local function same(got, expected)
  if got ~= expected then error("expected " .. tostring(expected) .. ", got " .. tostring(got), 2) end
end

-- Median and 99th percentile of so many round trips, after a tenth of them.
local function trips(row, n, f)
  local took = {}
  for _ = 1, n / 10 do f() end
  for i = 1, n do
    local start = now()
    f()
    took[i] = now() - start
  end
  table.sort(took)
  say(row, "p50", "us", took[math.floor(n / 2) + 1] * 1e6)
  say(row, "p99", "us", took[math.floor(n * 99 / 100) + 1] * 1e6)
end
-- Seconds that so many take, from as many fibers as are to be in flight; the number that was done.
local function from_fibers(n, in_flight, f)
  local each, futures, start = math.ceil(n / in_flight), {}, now()
  for i = 1, in_flight do
    futures[i] = async(function() for _ = 1, each do f() end end)
  end
  for i = 1, in_flight do futures[i]:get() end
  return now() - start, each * in_flight
end
local function rate(row, n, in_flight, f)
  from_fibers(n / 10, in_flight, f)
  local seconds, done = from_fibers(n, in_flight, f)
  say(row, "rate", "/s", done / seconds)
end
-- Median of so many runs, in the unit of `scale` per second.
local function runs(row, unit, scale, n, f)
  local took = {}
  for i = 1, n do
    local start = now()
    f()
    took[i] = (now() - start) * scale
  end
  table.sort(took)
  say(row, "p50", unit, took[math.floor(n / 2) + 1])
end

local rows = {}

function rows.trips()
  local object, echo, n = host.object, host.echo, times(20000)
  trips("get", n, function() return object.field end)
  trips("set", n, function() object.field = value end)
  trips("call", n, function() return echo(value) end)
end

function rows.calls()
  local echo = host.echo
  trips(name, times(1000), function() return echo(value) end)
end

function rows.async()
  local echo, n = host.echo, times(100000)
  for _, in_flight in ipairs { 10, IN_FLIGHT, 1000 } do
    rate("async-" .. in_flight, n, in_flight, function() return echo(1) end)
  end
  local start, futures = now(), {} -- all of one fiber
  for i = 1, n do
    futures[#futures + 1] = async(echo, 1)
    if #futures == IN_FLIGHT or i == n then
      for k = 1, #futures do futures[k]:get() end
      futures = {}
    end
  end
  say("futures-" .. IN_FLIGHT, "rate", "/s", n / (now() - start))
end

-- All have been done when the host has answered how many there were.
function rows.posts()
  local post, posted, n = host.post, host.posted, times(200000)
  posted()
  local start = now()
  for _ = 1, n do gaijin.post(post, value) end
  same(posted(), n)
  say("posts", "rate", "/s", n / (now() - start))
end

function rows.bulk()
  local few, many = 1000, times(1000000)
  local function walk(n)
    local found, list = 0, host.numbers
    for _, v in pairs(list) do found = found + v end
    same(found, n * (n + 1) / 2)
  end
  host.number(few)
  runs("pairs-1000", "us", 1e6, times(100), function() walk(few) end)
  host.number(many)
  runs("pairs-1000000", "s", 1, 1, function() walk(many) end)
  local numbers, size, list = host.numbers, host.size, nil
  runs("fetch-1000000", "s", 1, 1, function() list = gaijin.fetch(numbers) end)
  same(raw_len and raw_len(list) or #list, many)
  runs("copy-1000000", "s", 1, 1, function() same(size(gaijin.copy(list)), many) end)
  host.number(0)
end

-- Made by the host, sent, forgotten here; ends when the broker has had the last release.
function rows.objects()
  local make, n = host.make, times(50000)
  from_fibers(n / 10, IN_FLIGHT, make)
  bakaGC()
  local start = now()
  local _, done = from_fibers(n, IN_FLIGHT, make)
  bakaGC()
  say("objects", "rate", "/s", done / (now() - start))
end

function rows.string()
  local big, n = string.rep("b", 1024 * 1024), times(100)
  local object, size = host.object, host.size
  local function speed(row, f)
    f()
    local start = now()
    for _ = 1, n do f() end
    say(row, "speed", "MB/s", n * #big / 1e6 / (now() - start))
  end
  speed("string-sent", function() same(size(big), #big) end)
  speed("string-fetched", function() same(#object.big, #big) end)
end

function rows.fibers()
  local n = times(100000)
  from_fibers(n / 10, IN_FLIGHT, gaijin.yield)
  local seconds, done = from_fibers(n, IN_FLIGHT, gaijin.yield)
  say("fiber-switch", "each", "ns", seconds / done * 1e9)
  local before, held = host.private_kib(), {}
  for i = 1, WAITING do held[i] = async(host.wait, function() gaijin.sleep(1000) end) end
  while host.waiting() < WAITING do gaijin.yield() end
  say("waiting-request", "memory", "B", (host.private_kib() - before) * 1024 / WAITING)
  os.exit(0) -- those that wait are not waited for
end

assert(rows[wanted], "there is no row " .. tostring(wanted))()
