-- SPDX-License-Identifier: MIT
--
-- Calls that go down between two workers, each of which serves the other one's: for tests of nested calls in a crowd.
local ladder = {}

--- Exposes tree(d), which calls the other worker's tree(d - 1), and so on down to 0: the number of calls, this one included.
function ladder.serve(other)
  local next_one
  function bakaGaijin.tree(d)
    if d == 0 then return 1 end
    next_one = next_one or gaijin.wait_for(other, "tree")
    return 1 + next_one(d - 1)
  end
end

return ladder
