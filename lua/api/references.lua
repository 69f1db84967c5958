-- SPDX-License-Identifier: MIT
--
-- What scripts see of references: the globals isBaka, bakaUpdateATC, bakaGC, getBaka and
-- showBaka, and gaijin.reclaim. Runs once per VM after prelude.lua; everything it needs later is a
-- local.

local core, gaijin, labels = ...

local raw_pairs, raw_ipairs, type, pcall = raw_pairs, raw_ipairs, type, pcall
local tostring, print, format = tostring, print, string.format
local spawn, own_name, kind = gaijin.spawn, core.own_name, core.kind

function isBaka(v) return kind(v) ~= nil end

-- Both return when the broker has processed the releases they caused.
function bakaUpdateATC(gc)
  if gc then core.collect() end
  core.release()
end

function bakaGC()
  core.collect()
  core.release()
end

-- Calls visit(host, client, held, is the host dead) for each pair in the broker's books; host or
-- client nil: any.
local function each_load(host, client, visit)
  local function read(cursor, ...)
    for _, row in raw_ipairs { ... } do visit(row[1], row[2], row[3], row[10]) end
    return cursor
  end
  local cursor
  repeat cursor = read(core.loads(cursor, host, client)) until not cursor
end

local function get_baka()
  local clients, hosts = {}, {}
  local name = own_name()
  each_load(name, nil, function(_, client, held, dead)
    -- A dead one of our name is another host.
    if not dead then clients[client] = (clients[client] or 0) + held end
  end)
  each_load(nil, name, function(host, _, held) hosts[host] = (hosts[host] or 0) + held end)
  local exported, used = core.counts()
  return exported, used, clients, hosts
end

getBaka = get_baka

function showBaka(verbose, out)
  out = out or print
  local got = type(out)
  if got ~= "function" and got ~= "table" and got ~= "userdata" then
    core.refuse(format("bad argument #2 to 'showBaka' (function expected, got %s)", got))
  end
  local exported, used, clients, hosts = get_baka()
  out(format("%s: %d exported, %d used", own_name(), exported, used))
  for name, n in raw_pairs(clients) do out(format("  %s holds %d of ours", name, n)) end
  for name, n in raw_pairs(hosts) do out(format("  we hold %d of %s", n, name)) end
  if verbose then
    for label, value in raw_pairs(labels) do
      out(format("  label %s: %s", tostring(label), type(value)))
    end
  end
end

-- Asks all that hold something of ours to collect; a worker that does not answer in time is not
-- waited for.
local reclaim_seconds = 2
function gaijin.reclaim()
  local before, _, clients = get_baka()
  local waiting = 0
  for name in raw_pairs(clients) do
    waiting = waiting + 1
    spawn(function()
      pcall(core.gc, name, reclaim_seconds) -- one that ends meanwhile holds nothing any more
      waiting = waiting - 1
    end)
  end
  while waiting > 0 do core.sleep(0.001) end
  core.release() -- the drops that the collections caused have been read before this is answered
  local after = core.counts()
  return before > after and before - after or 0
end
