-- SPDX-License-Identifier: MIT
--
-- resource2 increments a field of a table that lives in resource1, at a time when resource1 has forgotten it.

-- Fetches what resource1 exposes as ABC, as soon as it does. (bakaGaijin("resource1").ABC would give nil if it
-- were too early.)
local ABC = gaijin.wait_for("resource1", "ABC")
print("I have ABC, which looks like any " .. type(ABC))
bakaGaijin.has_ABC = true

-- resource1 calls this at the very end. The answer leaves first, then the worker stops.
function bakaGaijin.stop()
  gaijin.after(0, gaijin.stop)
end

gaijin.ready()

gaijin.wait_for("resource1", "forgot_ABC")
ABC.x = ABC.x + 1
print("I incremented ABC.x")
bakaGaijin.incremented = true

gaijin.wait_for("resource3", "let_go")
-- Only resource2 holds the table now. bakaGC collects here and returns when the broker has been told what was let go;
-- without it the collector would come by itself, some time later.
ABC = nil
bakaGC()
print("I let go of ABC")
bakaGaijin.let_go = true
