-- Who waits for a label is asked about when it is there, too; an access function that raises
-- refuses; one is asked with what the request is about; a refused post is not done.
--@ worker A
bakaGaijin.go = function()
  gaijin.access = function(_, op, _, key) return op ~= "s2t" or key == "ran" end
  bakaGaijin.late = { 1 }
end
bakaGaijin.f = function() ran = true end
bakaGaijin.ran = function() return ran end
bakaGaijin.raising = function(yes)
  local function access(_, op)
    if op == "len" then error({ "no" }) end
    return true
  end
  gaijin.access = yes and access or nil
end
bakaGaijin.strict = function()
  gaijin.access = function(client, op, object, key, ...)
    if op ~= "call" then asked = { client, op, object, key, select("#", ...) } end
    return op ~= "call" or object ~= bakaGaijin.f
  end
end
bakaGaijin.asked = function() return unpack(asked, 1, 5) end
bakaGaijin.o = { x = 1 }
bakaGaijin.failed = function() return gaijin.stats().posts_failed end
bakaGaijin.waits = function() return gaijin.stats().label_waits end
bakaGaijin.odd = function() gaijin.access = false end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local o, f, ran, asked = A.o, A.f, A.ran, A.asked
local raising, strict, failed, odd = A.raising, A.strict, A.failed, A.odd
local waits = A.waits
local late = gaijin.async(gaijin.wait_for, "A", "late", 10)
t.eventually(function() return waits() == 1 end) -- it waits there
A.go()
t.raises("^gaijin: denied: A refuses s2t to B$", late.get, late)
raising(true)
t.eq(select(2, pcall(function() return #o end))[1], "no")
t.eq(o.x, 1)
strict()
gaijin.post(f)
t.raises("^gaijin: denied: A refuses call to B$", f)
t.eq(ran(), nil)
t.eq(failed(), 1)
local function check(op, object, key)
  local client, asked_op, asked_object, asked_key, more = asked()
  t.eq(client, "B")
  t.eq(asked_op, op)
  t.eq(asked_object, object)
  t.eq(asked_key, key)
  t.eq(more, 0)
end
for _, case in ipairs {
  { "s2t", nil, "x", function() return A.x end }, { "get", o, "x", function() return o.x end },
  { "set", o, "k", function() o.k = 1 end }, { "next", o, "x", function() next(o, "x") end },
  { "next", o, nil, function() next(o) end }, { "pairs", o, nil, function() pairs(o) end },
  { "ipairs", o, nil, function() ipairs(o)(o, 0) end }, { "len", o, nil, function() return #o end },
  { "str", o, nil, function() return tostring(o) end },
  { "apply", o, "rawget", function() rawget(o, 1) end },
  { "operator", o, "add", function() pcall(function() return o + 1 end) end },
} do
  case[4]()
  check(case[1], case[2], case[3])
end
odd()
t.raises("attempt to call", f)
t.raises("attempt to call", function() return o.x end)
