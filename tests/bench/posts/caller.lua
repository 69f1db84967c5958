-- SPDX-License-Identifier: MIT
--
-- For run.sh: lets the sources begin, calls the sink again and again until all has come, and says how long calls took.
local posts, senders = tonumber(arg[1]), tonumber(arg[2])
local quick = gaijin.wait_for("sink", "quick", 10)
local figures = bakaGaijin("sink").figures
local times, all = {}, posts * senders
bakaGaijin.begin = true
local begun = gaijin.now()
repeat
  for _ = 1, 20 do
    local at = gaijin.now()
    quick()
    times[#times + 1] = gaijin.now() - at
  end
  local sum = figures()
until sum >= all or gaijin.now() - begun > 3600
local seconds = gaijin.now() - begun
local sum, wrong, failed = figures()
for i = 1, senders do failed = failed + gaijin.wait_for("source" .. i, "failed", 10)() end
table.sort(times)
local function percentile(p) return 1e3 * times[math.max(1, math.ceil(#times * p))] end
print(string.format("%d posts from each of %d workers: %d done, %d out of order, %d failed; %.1f s, %.0f posts per second", posts, senders,
  sum, wrong, failed, seconds, sum / seconds))
print(string.format("meanwhile %d calls of another worker: half within %.2f ms, 99 %% within %.2f ms, the slowest %.2f ms", #times,
  percentile(0.5), percentile(0.99), times[#times] * 1e3))
if sum ~= all or wrong ~= 0 or failed ~= 0 then os.exit(1) end
