-- Garbage beside a chain of 40 objects that are in use, each kept by the one before it, of the other worker: the workers tell by way of which
-- of theirs they reach which, so the chain falls away in the scan, and the round needs no turn for each of its layers.
--@ limit 400
--@ broker --cycle-time=0
--@ worker C
local make = {
  table = function(other) return { { deep = { [other] = true } } } end,
  metatable = function(other) return setmetatable({}, { __index = { other = other } }) end,
  ["function"] = function(other) return function() return other end end,
  coroutine = function(other)
    local co = coroutine.create(function(x) coroutine.yield() return x end)
    coroutine.resume(co, other)
    return co
  end,
  userdata = function(other) -- with a finaliser, which the collector would keep what it needs for
    local u = newproxy(true)
    getmetatable(u).other = other
    getmetatable(u).__gc = function() end
    return u
  end,
}
function bakaGaijin.make(kind, other) return make[kind](other) end
--@ worker B once
local t = require "t"
local make = bakaGaijin("C").make
local kinds = { "table", "metatable", "function", "coroutine", "userdata" }
local weak = setmetatable({}, { __mode = "v" })
do
  local function link(i, next_one)
    local list = { next_one }
    for _ = 1, i == 1 and 100000 or 1 do list = { list } end -- however deep it is
    local mine = { list = list }
    weak[#weak + 1] = mine
    return make(kinds[i % #kinds + 1], mine)
  end
  local last
  for i = 20, 1, -1 do last = link(i, last or {}) end
  keep = last
end
local garbage = setmetatable({}, { __mode = "v" })
local function tie(kind)
  local u = {}
  u.t = make(kind, u)
  garbage[kind] = u
end
-- Where the machine is busy a round may be aborted, or go without what was spoilt: then it says so, and there is another with new garbage.
local control, out = os.getenv "GAIJIN_BUILD" .. "/gaijinctl ", os.tmpname()
local function read(command)
  os.remove(out)
  os.execute(("(%s%s >%s.part 2>&1; mv %s.part %s) &"):format(control, command, out, out, out))
  local f
  t.eventually(function() f = io.open(out) return f end, 150)
  local text = f:read "*a"
  f:close()
  return text
end
local text
repeat
  for _, kind in ipairs(kinds) do tie(kind) end
  text = read "gc --cycles"
until text:find "found" and not text:find "found: "
local turns = tonumber(read("--json cycles --limit 1"):match '"turns":(%d+)')
t.eq(next(garbage), nil, text)
t.ok(turns <= 3, turns .. " turns: " .. text)
t.eq(#weak, 20)
for i = 1, 20 do t.ok(weak[i], "one of the chain is gone") end
os.remove(out)
