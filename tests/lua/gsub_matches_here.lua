-- string.gsub with a replacement of another worker matches where it is called: that worker is asked for the fields, or called,
-- and nothing else, however slow the pattern is and whatever it may not be asked.
--@ worker A
local asked = {}
bakaGaijin.asked = asked
bakaGaijin.words = setmetatable({ hello = "HALLO" }, { __index = function(_, word) return word == "it" and "ES" or nil end })
bakaGaijin.upper = function(word) return word:upper() end
bakaGaijin.seen = function() return table.concat(asked, " ") end
function gaijin.access(_, op, _, key)
  asked[#asked + 1] = op == "get" and "get " .. tostring(key) or op
  return op ~= "apply"
end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local words, upper = A.words, A.upper
t.eq(("say hello to it"):gsub("%w+", words), "say HALLO to ES")
t.eq(("a bc"):gsub("%w+", upper), "A BC")
t.eq(("aaa"):gsub("a", upper, 2), "AAa")
t.eq(("x"):gsub("y", words), "x")
t.eq(A.seen(), "s2t s2t get say get hello get to get it call call call call s2t call")
t.raises("invalid replacement value %(a %w+%)", string.gsub, "x", "x", function() return words end)
t.raises("malformed pattern", string.gsub, "x", "[", words)
t.raises("bad argument #1 to '[%w?]+' %(string expected, got nil%)", string.gsub, nil, "x", words)
