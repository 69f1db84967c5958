-- SPDX-License-Identifier: MIT
--
-- The module and the programs as a rock, for Lua 5.1 and LuaJIT. In a clone, or in what `make dist`
-- packs:
--
--   luarocks make packaging/luarocks/gaijin-0.1.0-1.rockspec
--
-- The libraries are the system's (tools/setup.sh installs them, README.md names them).
rockspec_format = "3.0"
package = "gaijin"
version = "0.1.0-1"
source = {
  url = "gaijin-0.1.0.tar.gz",
  dir = "gaijin-0.1.0",
}
description = {
  summary = "Lua programs that use each other's objects by reference",
  detailed = [[
Lua 5.1 programs that run as processes of their own use each other's tables, functions, coroutines
and userdata by reference, with plain Lua syntax and a garbage collector that knows who still holds
what. The rock has the module, the broker that carries messages, the worker that runs a script, and
gaijinctl, which starts, shows and changes a running system.]],
  license = "MIT",
}
supported_platforms = { "linux" }
dependencies = { "lua >= 5.1, < 5.2" }
external_dependencies = {
  CONFUSE = { header = "confuse.h" },
  UV = { header = "uv.h" },
  INIH = { header = "ini.h" },
  SECCOMP = { header = "seccomp.h" },
  EDIT = { header = "histedit.h" },
  CURSES = { header = "curses.h" },
  MICROHTTPD = { header = "microhttpd.h" },
}
build = {
  type = "make",
  build_target = "all",
  install_pass = false,
  install = {
    lib = { gaijin = "build/gaijin.so" },
    bin = {
      ["gaijin-broker"] = "build/gaijin-broker",
      ["gaijin-worker"] = "build/gaijin-worker",
      gaijinctl = "build/gaijinctl",
    },
  },
}
