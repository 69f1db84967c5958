-- A service with a state of its own: it counts, and what it has counted outlives its process. Usage: counter.lua [FILE]
local path = arg[1] or "counts"
local counts, changed = {}, false

local file = io.open(path)
if file then
  for line in file:lines() do
    local n, name = line:match "^(%d+) (.+)$"
    assert(n, path .. ": a line is not a number and a name: " .. line)
    counts[name] = tonumber(n)
  end
  file:close()
end

-- A reader, and a worker that is killed in the midst, finds the file as it was or as it is, never a part.
local function save()
  if not changed then return end
  local new = assert(io.open(path .. ".new", "w"))
  for name, n in pairs(counts) do assert(new:write(("%d %s\n"):format(n, name))) end
  assert(new:close())
  assert(os.rename(path .. ".new", path))
  changed = false
end

--- One more of `name`, a text without line breaks; returns how many that makes.
function bakaGaijin.count(name)
  assert(type(name) == "string" and name:find "^[^\n]+$", "count wants a name in one line")
  counts[name] = (counts[name] or 0) + 1
  changed = true
  return counts[name]
end

--- How many there are of `name`.
function bakaGaijin.counted(name) return counts[name] or 0 end

--- What was counted is in the file when this returns.
bakaGaijin.save = save

gaijin.every(0.5, save) -- what a kill may cost
gaijin.run()            -- until it is told to end
save()
