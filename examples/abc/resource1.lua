-- SPDX-License-Identifier: MIT
--
-- resource1 has a table, shows it to everyone, and then forgets it. resource2 and resource3 keep it alive.
--
-- Start all three with:  build/gaijinctl run examples/abc/resource1.lua examples/abc/resource2.lua examples/abc/resource3.lua
-- Each of them is a process of its own, with a Lua of its own.

-- What you assign to bakaGaijin under a label can be fetched by everyone. It is shared by reference: no copy is made.
bakaGaijin.ABC = {x = 0}
print("I expose ABC = {x = 0}")

-- This script goes on and waits, so it says by itself that the next worker may be started. (A script that
-- just returns need not: from then on its worker serves the others.)
gaijin.ready()

-- While a script waits here, its worker serves the others: they can read ABC.
gaijin.wait_for("resource2", "has_ABC")
gaijin.wait_for("resource3", "has_ABC")

-- Nothing in this Lua refers to the table any more, and a full collection runs. The table lives on, because two
-- other workers hold it, and the broker knows.
bakaGaijin.ABC = nil
collectgarbage()
print("I took the label back; nothing of mine refers to the table now. What the broker knows:")

-- Any command can look: `gaijinctl tokens` lists the objects that are held across processes, and by whom. It also asks
-- this worker for its labels, which could not answer inside os.execute: so the command runs beside it, and it sleeps meanwhile.
local function look()
  local done = os.tmpname()
  os.remove(done)
  os.execute("(" .. (os.getenv("ABC_LOOK") or "gaijinctl tokens") .. "; : >" .. done .. ") &")
  repeat
    gaijin.sleep(0.01)
    local file = io.open(done)
    if file then file:close() end
  until file
  os.remove(done)
end
look()

-- Any value can be exposed. This one only tells the others that the story goes on.
bakaGaijin.forgot_ABC = true

-- Both have let go of ABC when they set these labels.
gaijin.wait_for("resource3", "let_go")
gaijin.wait_for("resource2", "let_go")
print("Both have let go. What the broker knows now:")
look()

-- Functions are shared by reference too: these run in resource2 and in resource3.
bakaGaijin("resource2").stop()
bakaGaijin("resource3").stop()
gaijin.stop()
