-- A broker that is started again waits for its workers. Whoever asks it, having been told by the one before that nobody is
-- awaited any more, must not take those for dead who are not back yet; nor whom a busy broker did not name in time.
--@ only gaijin-worker
--@ worker A once
local t = require "t"
local generation, away, slow, on_clients, on_watch = 1, 0, 0, nil, nil
local news, told = {}, {}
local core = { bad_argument = error, refuse = error, cancelled = function() return false end }
function core.report(f, ...) return pcall(f, ...) end
function core.host_of() end
function core.status()
  local row = { generation, away > 0 and 1 or nil }
  away = math.max(away - 1, 0) -- each time somebody comes nearer
  return nil, row
end
function core.clients()
  if on_clients then on_clients() end
  if away > 0 then return nil end
  return nil, { "shop", 7 }, { "bank", 8 }
end
function core.watch(name)
  if on_watch then on_watch() end
  if away > 0 or slow > 0 then
    slow = slow - 1
    return false
  end
  return true
end
function core.deaths() return 0 end
function core.want_deaths() end
function core.listening(on) core.is_on = core.is_on or on return core.is_on end
function core.death_told() table.remove(news, 1) end
function core.return_told() core.returned = nil end
function core.next_death()
  while not core.returned and not news[1] do gaijin.sleep(0.001) end
  if core.returned then return end
  return unpack(news[1])
end
local api = { spawn = gaijin.spawn, sleep = function() gaijin.sleep(0.001) end, name = "A" }
assert(loadfile("lua/api/deaths.lua"))(core, api)
local function note(name) told[#told + 1] = name end
local function restart() generation, away = generation + 1, 2 end
local function at(n, f) -- at the n-th question from now on
  return function()
    n = n - 1
    if n == 0 then f() end
  end
end
local function returned()
  core.returned = true
  t.eventually(function() return not core.returned end)
  for _ = 1, 100 do gaijin.sleep(0.001) end
end
api.on_death("shop", note)
for _, event in ipairs { "clients", "watch" } do
  restart()
  if event == "clients" then on_clients = at(1, restart) else on_watch = at(1, restart) end
  returned()
  t.eq(away, 0)
  t.eq(#told, 0, "alive, and told as dead, by " .. event)
end
slow = 2
returned()
t.eq(#told, 0, "named too late")
for _, event in ipairs { "clients", "watch" } do -- the same of those who are looked for at first
  restart()
  if event == "clients" then on_clients = at(2, restart) else on_watch = at(1, restart) end
  api.on_death("bank", note)
  t.eq(#told, 0, "there, and told as dead, by " .. event)
end
slow = 2
api.on_death("bank", note)
t.eq(#told, 0, "there, and named too late")
news[1] = { "host", 7, "shop", 1 }
t.eventually(function() return #told == 1 end)
t.eq(told[1], "shop")
