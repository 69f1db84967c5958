-- Another worker may read as much of a file as fits into a message: a file with a hole, which costs nothing to make, is not read
-- into memory, and neither is a line without an end.
--@ broker --max-message 65536
--@ worker A
local f = assert(io.tmpfile())
bakaGaijin.f = f
bakaGaijin.fill = function(text)
  f:seek("set")
  f:write(text)
  f:flush()
  f:seek("set")
end
bakaGaijin.open_pipe = function() return io.popen("printf hello") end
bakaGaijin.own = function() f:seek("set") return #f:read("*a") end
--@ worker B once
local t = require "t"
local A = bakaGaijin("A")
local f, fill = A.f, A.fill
local function too_large(...)
  t.raises("^gaijin: too_large: .* bytes for another worker; at most 65536$", f.read, f, ...)
end
fill("one\ntwo\n3 four")
local next_line = f:lines()
t.eq(next_line(), "one")
too_large(1e9)
too_large(-1)
too_large(1000, 65000)
t.eq(f:read(2), "tw")
t.eq(f:read("*l"), "o")
t.eq(f:read("*n"), 3)
t.eq(f:read("*a"), " four")
t.eq(f:read("*l"), nil)
t.eq(f:read(0), nil)
f:seek("set", 2 ^ 34)
f:write("end")
f:flush()
f:seek("set")
too_large("*a")
t.eq(f:read("*l"), "one")
t.eq(next_line(), "two")
too_large("*l")
t.raises("^gaijin: too_large: ", next_line)
t.eq(f:seek(), 8)
t.eq(f:read(6), "3 four")
f:seek("set", 2 ^ 34)
t.eq(f:read("*a"), "end")
if jit then -- its iterator has all formats
  f:seek("set")
  t.raises("^gaijin: too_large: ", f:lines(0, 0, 0, 0, 0, 0, "*a"))
end
local pipe = A.open_pipe()
t.raises("^gaijin: too_large: ", pipe.read, pipe, 1e9, "*l")
t.eq(pipe:read("*a"), "hello")
pipe:close()
pipe = nil
t.raises("closed file", function() f:close() f:read(1e9) end)
next_line, f, fill = nil
