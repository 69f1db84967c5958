# shellcheck shell=bash disable=SC2154 # variables of lib.sh, which has been read
# SPDX-License-Identifier: MIT
#
# For the scripts beside it that run in a new system which has another one at $fresh, with nothing of ours in it
# (DISTRO_FRESH of tests/distro/run.sh):
#
#   inside COMMAND...   runs it there, with nothing of this environment; so does the program $dir/inside
#   ours                what is there of ours, as far as a package or a service can have put it there
#   needs_fresh         ends the script where there is no such system
fresh=/srv/fresh
needs_fresh() {
  [ "$(id -u)" = 0 ] && [ -d "$fresh/etc" ] && return
  echo "tests/distro/${0##*/}: run \`make packages-check\`, as root" >&2
  exit 2
}
# A program and no function, for what is started is to be ended.
cat >"$dir/inside" <<END
#!/bin/sh
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive ${http_proxy:+"http_proxy=$http_proxy"} \
  GAIJIN_SOCKET=/tmp/g.sock chroot $fresh "\$@"
END
chmod +x "$dir/inside"
inside() { "$dir/inside" "$@"; }
ours() { (cd "$fresh" && find usr etc lib run var -xdev -name '*gaijin*' ! -path 'var/cache/*' ! -path 'var/log/*' 2>/dev/null); }
