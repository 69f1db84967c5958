-- SPDX-License-Identifier: MIT
--
-- store owns the database: the only process that has SQLite in it. The others use its connection, its cursors and the
-- statements it prepares, by reference.
local luasql = require "luasql.sqlite3"

local environment = luasql.sqlite3()
local db = assert(environment:connect(os.getenv("DATABASE") or ":memory:"))
assert(db:execute "create table item (name text primary key, price integer not null)")
assert(db:execute "create table sale (item text not null references item, pieces integer not null check (pieces > 0), buyer text)")

-- The connection itself is a userdata; from elsewhere it looks and works the same.
bakaGaijin.db = db

local function literal(v)
  if v == nil then return "null" end
  if type(v) == "number" then return ("%.17g"):format(v) end
  return "'" .. db:escape(tostring(v)) .. "'"
end

-- A statement that can be executed again and again: each ? stands for an argument. What SQLite refuses is raised.
function bakaGaijin.prepare(sql)
  return function(...)
    local arguments, n = { ... }, 0
    local text = sql:gsub("%?", function()
      n = n + 1
      return literal(arguments[n])
    end)
    local result, why = db:execute(text)
    if not result then error("store: " .. why, 0) end
    return result
  end
end

-- The first row of a cursor, which is closed. One round trip for what would be two.
local function first(cursor, ...)
  if select("#", ...) > 0 then
    cursor:close()
    return ...
  end
  return first(cursor, cursor:fetch())
end
function bakaGaijin.first(cursor) return first(cursor) end

-- Functions of other workers that want to hear of sales. They stay where they are and are called there.
local listeners = {}
function bakaGaijin.listen(f) listeners[#listeners + 1] = f end
function bakaGaijin.sold(...)
  for _, f in ipairs(listeners) do f(...) end
end

-- f, a function of another worker, works on the connection; what it did is undone when it raises. While store waits for it, it
-- serves the others, so one transaction must wait for the other.
local busy = false
function bakaGaijin.transaction(f)
  while busy do gaijin.sleep(0.001) end
  busy = true
  db:execute "begin"
  local ok, result = pcall(f, db)
  db:execute(ok and "commit" or "rollback")
  busy = false
  if not ok then error(result, 0) end
  return result
end

gaijin.ready()
gaijin.wait_for("report", "finished", 20)
gaijin.wait_for("shop", "finished", 20)
listeners = {}
print("both have finished; closing the database")
assert(db:close() and environment:close())
bakaGaijin("shop").stop()
bakaGaijin("report").stop()
gaijin.stop()
