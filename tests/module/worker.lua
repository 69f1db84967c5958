-- SPDX-License-Identifier: MIT
--
-- A stock interpreter in the place of gaijin-worker, so that the script tests run in it (tests/flow/test_module_scripts.sh).
-- Understands the flags those tests use.
local flags = { ["-n"] = "name", ["-s"] = "socket", ["-e"] = "code", ["--grace"] = "grace", ["--max-depth"] = "max_depth",
  ["--call-timeout"] = "call_timeout", ["--max-fibers"] = "max_fibers", ["--atc-time"] = "atc_time",
  ["--collector-waits"] = "collector_waits", ["--max-decoded"] = "max_decoded",
  ["--cycle-pause"] = "cycle_pause", ["--linger"] = "linger" }
local options, once, i = { signals = true }, false, 1
while arg[i] and arg[i]:sub(1, 1) == "-" do
  if arg[i] == "--once" then
    once = true
    i = i + 1
  elseif arg[i] == "--succeed" then
    options.succeed = true
    i = i + 1
  else
    local field = assert(flags[arg[i]], arg[i])
    options[field] = tonumber(arg[i + 1]) or arg[i + 1]
    i = i + 2
  end
end
if options.code then i = i - 1 end -- as if the code stood before its arguments
local script, shifted = arg[i], {}
for k = -1, #arg do shifted[k - i] = arg[k] end
io.stdout:setvbuf("line")
local chunk = assert(options.code and loadstring(options.code, "=(command line)") or loadfile(script))
options.name = options.name or script:match("([^/]*)%.lua$")
options.code = nil
local gaijin = require "gaijin"
gaijin.connect(options)
arg = shifted
_G.gaijin = gaijin
local ready, run, close, exit = gaijin.ready, gaijin.run, gaijin.close, os.exit -- a script may replace them
local stderr, text, count = io.stderr, tostring, #arg
local ok, err = xpcall(function() return chunk(unpack(shifted, 1, count)) end, gaijin.traceback)
if not ok and text(err):find("^gaijin: cancelled: [^\n]*the worker is stopping") then exit(close()) end -- it was told to end
if not ok then
  stderr:write(text(err), "\n")
  exit(1)
end
if not once then
  ready()
  run()
end
exit(close())
