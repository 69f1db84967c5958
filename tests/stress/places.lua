-- SPDX-License-Identifier: MIT
--
-- Where a worker of the stress test keeps its slots: in as many kinds of places as Lua has, each the only one that keeps what is there.
-- What only a fiber or a timer keeps is read by way of a weak table: a collector that were told, once, that it is not used would clear that.

local raw_pairs, raw_ipairs, sort = raw_pairs, raw_ipairs, table.sort
local resume, create, yield = coroutine.resume, coroutine.create, coroutine.yield
local globals, FOR_EVER = _G, 1e6

local kept, ends = {}, {} -- by index: what keeps it, if that is an object of its own; what has it let go
local getters = setmetatable({}, { __mode = "v" }) -- by index, of those that only a fiber or a timer keeps

local function getter_of(v)
  return function() return v end
end

local function weakly(i)
  local getter = getters[i]
  if not getter then error("stress: what a fiber or a timer keeps has left a weak table", 0) end
  return getter()
end

-- Parks a fiber that runs f(getter).
local function park(i, v, f)
  local getter = getter_of(v)
  getters[i] = getter
  local future = gaijin.async(f, getter)
  ends[i] = function()
    future:cancel()
    pcall(future.get, future)
  end
end

local function comparator(getter)
  return function(a, b)
    gaijin.sleep(FOR_EVER)
    return getter() and a < b
  end
end

local kinds = {
  { -- a table
    set = function(i, v) kept[i] = v end,
    get = function(i) return kept[i] end,
  },
  { -- a global
    set = function(i, v)
      globals["slot" .. i] = v
      ends[i] = function() globals["slot" .. i] = nil end
    end,
    get = function(i) return globals["slot" .. i] end,
  },
  { -- an upvalue
    set = function(i, v) kept[i] = getter_of(v) end,
    get = function(i) return kept[i]() end,
  },
  { -- the environment of a function
    set = function(i, v) kept[i] = setfenv(loadstring("return hidden"), { hidden = v }) end,
    get = function(i) return kept[i]() end,
  },
  { -- the varargs of a suspended coroutine
    set = function(i, v)
      kept[i] = create(function(...)
        while true do yield(...) end
      end)
      resume(kept[i], v)
    end,
    get = function(i)
      local _, v = resume(kept[i])
      return v
    end,
  },
  { -- a local of a parked fiber
    set = function(i, v)
      park(i, v, function(getter)
        gaijin.sleep(FOR_EVER)
        return getter()
      end)
    end,
    get = weakly,
  },
  { -- the varargs of one
    set = function(i, v)
      park(i, v, function(...)
        gaijin.sleep(FOR_EVER)
        return ...
      end)
    end,
    get = weakly,
  },
  { -- a comparator that waits
    set = function(i, v)
      park(i, v, function(getter) return sort({ 3, 2, 1 }, comparator(getter)) end)
    end,
    get = weakly,
  },
  { -- a timer
    set = function(i, v)
      local getter = getter_of(v)
      getters[i] = getter
      ends[i] = gaijin.after(FOR_EVER, function() return getter() end)
    end,
    get = weakly,
  },
  { -- a future that is done
    set = function(i, v) kept[i] = gaijin.async(getter_of(v)) end,
    get = function(i) return kept[i]:get() end,
  },
}

local is_used = {}

local places = setmetatable({}, {
  __index = function(_, i)
    return is_used[i] and kinds[i % #kinds + 1].get(i) or nil
  end,
  __newindex = function(_, i, v)
    local over = ends[i]
    kept[i], ends[i], getters[i], is_used[i] = nil, nil, nil, nil
    if over then over() end
    if v == nil then return end
    kinds[i % #kinds + 1].set(i, v)
    is_used[i] = true
  end,
})

local function clear()
  local all = {}
  for i in raw_pairs(is_used) do all[#all + 1] = i end
  for _, i in raw_ipairs(all) do places[i] = nil end
end

return { places = places, clear = clear }
