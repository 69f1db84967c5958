-- SPDX-License-Identifier: MIT
--
-- master has a list of jobs and gives them to builders, one at a time to each. Builders come by themselves (builder.lua), at
-- any time, and hand over a function, which stays where it is. When one dies its job goes to another one: `dead` says that it
-- was not begun, `lost` and `timeout` that this is not known, so a job must bear to be done twice.
--
--   gaijinctl run master.lua builder-1=builder.lua builder-2=builder.lua -- 60
local wanted, tries_most = tonumber(arg[1]) or 60, 3
local jobs, results, tries, builders = {}, {}, {}, {}
local done, again = 0, 0
for n = 1, wanted do jobs[n] = n end

-- One fiber for each builder. It returns when there is nothing left to do, or the builder is no more.
local function feed(name, build)
  while done < wanted do
    local job = table.remove(jobs, 1)
    if not job then
      gaijin.sleep(0.01) -- one that another builder has may come back
    else
      tries[job] = (tries[job] or 0) + 1
      local ok, result = pcall(gaijin.timeout, 10, build, job)
      if ok then
        results[job], done = result, done + 1
      elseif tries[job] == tries_most then
        error(("job %d has failed %d times, last: %s"):format(job, tries_most, tostring(result)), 0)
      else
        again = again + 1
        table.insert(jobs, 1, job)
        print(("job %d of %s goes to another one: %s"):format(job, name, tostring(result)))
        if tostring(result):find "^gaijin: dead" or tostring(result):find "^gaijin: lost" then return end
      end
    end
  end
end

function bakaGaijin.join(name, build, stop)
  builders[name] = stop
  gaijin.on_death(build, function() builders[name] = nil end)
  gaijin.spawn(feed, name, build)
end
function bakaGaijin.progress() return done, wanted, again end

gaijin.ready()
while done < wanted do gaijin.sleep(0.02) end
local sum = 0
for n = 1, wanted do sum = sum + results[n] end
print(("%d jobs are done, %d were given out again; their sum is %d"):format(done, again, sum))
for _, stop in pairs(builders) do gaijin.post(stop) end
gaijin.stop(sum == wanted * (wanted + 1) * (2 * wanted + 1) / 6 and 0 or 1)
