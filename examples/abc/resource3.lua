-- SPDX-License-Identifier: MIT
--
-- resource3 sees what resource2 did to the table of resource1.

local ABC = gaijin.wait_for("resource1", "ABC")
print("I have ABC too")
bakaGaijin.has_ABC = true

function bakaGaijin.stop()
  gaijin.after(0, gaijin.stop)
end

gaijin.wait_for("resource2", "incremented")
print("ABC.x is " .. ABC.x)

ABC = nil
bakaGC()
print("I let go of ABC")
bakaGaijin.let_go = true
