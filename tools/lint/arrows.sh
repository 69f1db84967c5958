#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Checks who includes whom, in the tree of the current directory:
#   between folders  tools -> client-lib -> proto <- broker,  lua -> client-lib,
#                    tools and broker -> policy -> proto; tests include all
#   inside a folder  its folders are floors; a file includes only its own folder and floors below;
#                    so it is in a room that has rooms of its own
#   between modules  no cycles; a module is a path without .c, .h or .def
# Every include of ours spells its folder.
set -euo pipefail
export LC_ALL=C

status=0
# check FOLDER ALLOWED...: every #include "..." in FOLDER starts with one of ALLOWED/.
check() {
  local folder=$1 allowed
  shift
  [ -d "$folder" ] || return 0
  allowed=$(IFS='|'; echo "$*")
  while IFS= read -r line; do
    echo "$line: $folder/ may include only $*" >&2
    status=1
  done < <(grep -rnE --include='*.[ch]' --include='*.def' \
    '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$folder" |
    grep -vE "include[[:space:]]*\"($allowed)/[^\"]*\"" || true)
}
check proto proto
check client-lib client-lib proto
check policy policy proto
check broker broker policy proto
check lua lua client-lib proto
check tools tools client-lib policy proto
check examples client-lib proto
check tests tests broker lua tools client-lib policy proto

folders=()
for folder in proto client-lib policy broker lua tools; do
  [ ! -d "$folder" ] || folders+=("$folder")
done
files=()
if [ ${#folders[@]} -gt 0 ]; then
  mapfile -t files < <(find "${folders[@]}" -type f \( -name '*.[ch]' -o -name '*.def' \) | sort)
fi
[ ${#files[@]} -gt 0 ] || exit "$status"

# "FILE LINE TARGET" for each include of ours; <gaijin/...> is the public header.
includes() {
  awk '
    match($0, /^[ \t]*#[ \t]*include[ \t]*("[^"]*"|<gaijin\/[^>]*>)/) {
      target = $0
      sub(/^[^"<]*/, "", target)
      sub(/^</, "<client-lib/include/", target)
      sub(/^["<]/, "", target)
      sub(/[">].*/, "", target)
      print FILENAME, FNR, target
    }' "${files[@]}"
}

# The floors of each folder, lowest first; "." is the folder itself, "a|b" are two of one height
# that do not know each other. A room with rooms of its own has a line, too.
floors='
proto   . settings wait|ring
broker  base books net core cycles ops upgrade .
lua     vm sandbox fiber ref ask walk cycles serve api .
tools   base table ask watch touch graph run web top cmd|dev .
tools/run  life|os|output plan core broker worker control .
tools/top  model feed|screen pages .
tools/cmd  books|watch|touch|act|find|supervise .
broker/ops refs|watch route|show coming .
'
check_floors() {
  awk '
    function is_in(folder, path) { return substr(path, 1, length(folder) + 1) == folder "/" }
    function room_of(folder, path,   rest) { # the folder in the folder
      rest = substr(path, length(folder) + 2)
      return index(rest, "/") ? substr(rest, 1, index(rest, "/") - 1) : "."
    }
    function at(folder, room) { return room == "." ? folder "/" : folder "/" room "/" }
    function tell_unknown(place) {
      if (!told[place]++) print place " is on no floor; give it one in tools/lint/arrows.sh"
    }
    NR == FNR {
      for (i = 2; i <= NF; i++) {
        n = split($i, rooms, "|")
        for (k = 1; k <= n; k++) floor[$1, rooms[k]] = i
      }
      if (NF) { known[$1] = 1; folders[++count] = $1 }
      next
    }
    {
      for (f = 1; f <= count; f++) {
        folder = folders[f]
        if (!is_in(folder, $1)) continue
        from = room_of(folder, $1)
        inner = folder "/" from
        if (!((folder, from) in floor)) tell_unknown(at(folder, from))
        else if (from != "." && room_of(inner, $1) != "." && !(inner in known))
          tell_unknown(at(inner, room_of(inner, $1)))
        if (NF < 3 || !is_in(folder, $3)) continue
        to = room_of(folder, $3)
        if (from == to || !((folder, from) in floor && (folder, to) in floor)) continue
        if (floor[folder, to] >= floor[folder, from])
          print $1 ":" $2 ": includes " $3 ", which is not on a floor below " at(folder, from)
      }
    }' <(echo "$floors") <(printf "%s\n" "${files[@]}") -
}

# Modules that reach each other are one knot; each is told in one line.
check_cycles() {
  awk '
    function module_of(path) { sub(/\.(c|h|def)$/, "", path); return path }
    # Marks what can be reached from a module.
    function walk(start,   n, i, parts, parts_n) {
      n = 1
      stack[1] = start
      while (n > 0) {
        parts_n = split(to[stack[n--]], parts, " ")
        for (i = 1; i <= parts_n; i++)
          if (!((start, parts[i]) in reached)) {
            reached[start, parts[i]] = 1
            stack[++n] = parts[i]
          }
      }
    }
    {
      a = module_of($1); b = module_of($3)
      if (!(a in seen)) { seen[a] = 1; modules[++count] = a }
      if (a != b && !((a, b) in arrow)) { arrow[a, b] = 1; to[a] = to[a] " " b }
    }
    END {
      for (i = 1; i <= count; i++) walk(modules[i])
      for (i = 1; i <= count; i++) {
        a = modules[i]
        if (!((a, a) in reached) || told[a]) continue
        text = ""; n = 0
        for (k = i; k <= count; k++) {
          b = modules[k]
          if (((a, b) in reached) && ((b, a) in reached)) { told[b] = 1; text = text " " b; n++ }
        }
        print "include cycle of " n " modules:" text
      }
    }'
}

all=$(includes)
found=$(check_floors <<<"$all" && check_cycles <<<"$all")
if [ -n "$found" ]; then
  echo "$found" >&2
  status=1
fi
exit "$status"
