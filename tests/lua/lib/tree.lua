-- SPDX-License-Identifier: MIT
--
-- Random trees of calls for call_trees.lua: each node calls others in one of several ways, with limits, cancelled calls and
-- objects on the way. A node's random numbers come from its seed, so a tree is the same each time; its timing is not.
local tree = {}

local unpack = unpack

-- 1 to n; the minimal standard generator of Park and Miller.
function tree.random(seed)
  local state = seed % 2147483646 + 1
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

local function is_cancelled(e) return type(e) == "string" and e:find("^gaijin: cancelled: ") ~= nil end

local leaves = {
  function() return {} end,
  function() error("leaf", 0) end,
  function(random) gaijin.sleep(random(20) / 1000) return 1 end,
  function(random) for _ = 1, random(5) do gaijin.yield() end return function() end end,
}

local function start(random, branch, n)
  local futures = {}
  for i = 1, n do
    local seed = random(2 ^ 30)
    futures[i] = gaijin.async(function() return branch(seed) end)
  end
  return futures
end

local nodes = {
  function(random, branch) -- one after the other
    for _ = 1, random(2) do
      local ok, e = pcall(branch, random(2 ^ 30))
      if not ok and is_cancelled(e) then error(e, 0) end
    end
  end,
  function(random, branch) -- side by side
    for _, f in raw_ipairs(start(random, branch, 3)) do pcall(f.get, f) end
  end,
  function(random, branch) -- one of them is not wanted any more
    local futures = start(random, branch, 3)
    futures[random(3)]:cancel()
    return gaijin.all(futures):get()
  end,
  function(random, branch) return gaijin.race(start(random, branch, 3)):get() end,
  function(random, branch) return gaijin.timeout(random(30) / 1000, branch, random(2 ^ 30)) end,
  function(random, branch) -- dropped unread
    start(random, branch, 1)
    return branch(random(2 ^ 30))
  end,
}

local begun, last, asked, answered = 0, nil, 0, 0

local function count(ok, ...)
  answered = answered + 1
  if not ok then error((...), 0) end
  return ...
end

tree.names = { "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10" }

--- Exposes what makes this worker one of the `names`. After doom(n) it kills itself at its n-th node.
function tree.serve()
  local names = tree.names
  function bakaGaijin.grow(seed, depth, call_back, object)
    begun = begun + 1
    if begun == last then os.execute("kill -9 $PPID") end
    local random = tree.random(seed)
    if random(4) == 1 then pcall(call_back, object) end
    if depth == 0 then return leaves[random(#leaves)](random) end
    return nodes[random(#nodes)](random, function(s)
      asked = asked + 1
      return count(pcall(function()
        return bakaGaijin(names[s % #names + 1]).grow(s, depth - 1, function(o) return o end, { s })
      end))
    end)
  end
  function bakaGaijin.doom(n) last = n end
  function bakaGaijin.figures()
    local s = gaijin.stats()
    return s.fibers, s.serving, s.futures, asked, answered
  end
end

return tree
