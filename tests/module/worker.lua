-- SPDX-License-Identifier: MIT
--
-- A stock interpreter in the place of gaijin-worker, so that the script tests run in it (tests/flow/test_module_scripts.sh).
-- Understands the flags those tests use.
local options, i = {}, 1
while arg[i] and arg[i]:sub(1, 1) == "-" do
  local flag = arg[i]
  if flag == "--once" or flag == "--" then
    options[flag] = true
    i = i + 1
    if flag == "--" then break end
  else
    options[flag] = arg[i + 1]
    i = i + 2
  end
end
local script = arg[i]
local shifted = {}
for k = -1, #arg do shifted[k - i] = arg[k] end
local gaijin = require "gaijin"
gaijin.connect {
  name = options["-n"] or script:match("([^/]*)%.lua$"),
  socket = options["-s"],
  max_depth = tonumber(options["--max-depth"]),
  call_timeout = tonumber(options["--call-timeout"]),
  max_fibers = tonumber(options["--max-fibers"]),
}
arg = shifted
_G.gaijin = gaijin
local code = 0
local stop = gaijin.stop
function gaijin.stop(c)
  code = c or 0
  return stop(c)
end
local chunk = assert(loadfile(script))
io.stdout:setvbuf("line")
local ok, err = xpcall(function() return chunk(unpack(arg, 1)) end, gaijin.traceback)
if not ok then
  io.stderr:write(tostring(err), "\n")
  os.exit(1)
end
if not options["--once"] then
  gaijin.ready()
  gaijin.run()
end
gaijin.close()
os.exit(code)
