#!/bin/bash
# SPDX-License-Identifier: MIT
#
# How a soak is judged (tests/soak/judge.h), on runs that are made up: one that is flat in spite of
# its noise, and others with one thing wrong each. The soak itself is `make soak`.
. "$(dirname "$0")/lib.sh"

# csv RESIDENT IN_USE DESCRIPTORS TOKENS CALLS: awk expressions of t (0 to 900 s) and rest (0, 1).
csv() {
  awk 'BEGIN {
    print "time_s,rest,broker.rss_kib,broker.in_use_kib,broker.descriptors,all.tokens,witness.calls"
    for (t = 10; t <= 900; t += 10) {
      rest = t % 60 == 0
      noise = (t * 7919) % 97
      print t "," rest "," ('"$1"') "," ('"$2"') "," ('"$3"') "," ('"$4"') "," ('"$5"')
    }
  }' >"$dir/soak.csv"
}
if sanitized "$build/soak"; then
  echo "this build judges no figures"
  check "its soak is there" [ -x "$build/soak" ]
  finish
  exit
fi
report() { run "$build/soak" --report "$dir/soak.csv" "$dir/soak.svg"; }

resident='4000 + 20 * noise + 9000 * (t % 180 == 0)' # what an attack left stays for a while
in_use='280 + (rest ? noise / 20 : noise)'
descriptors='(rest ? 17 : 17 + noise % 9)'
tokens='(rest ? 0 : noise)'

# passes: all is flat. fails WHAT [N]: WHAT is named as a failure, and N - 1 (0) others are.
passes() { [ "$status" -eq 0 ] && out_has '^[0-9]+ passed, 0 failed$' && ! out_has FAIL; }
fails() {
  [ "$status" -eq 1 ] && out_has "^  FAIL  $1 " && [ "$(grep -c FAIL "$dir/out")" -eq "${2:-1}" ] &&
    out_has "^[0-9]+ passed, ${2:-1} failed$"
}

story="flat"
csv "$resident" "$in_use" "$descriptors" "$tokens" 300
report
check "passes" passes
check "is drawn" grep -q '^</svg>$' "$dir/soak.svg"
check "with a line for each figure" [ "$(grep -c 'class="line"' "$dir/soak.svg")" -ge 4 ]

story="while it warms up"
early='(t < 240 ? 240 - t : 0)'
csv "$resident + 30 * $early" "$in_use + $early" "$descriptors + $early" "$tokens" 300
report
check "anything goes" passes

story="memory that is never given back"
csv "$resident" "$in_use + t / 3" "$descriptors" "$tokens" 300
report
check "fails" fails broker.in_use_kib

story="much of it"
csv "$resident + 40 * t" "$in_use + 20 * t" "$descriptors" "$tokens" 300
report
check "fails, in traffic too" fails broker.in_use_kib 4
check "whichever way it is looked at" out_has "FAIL  broker.rss_kib .*in traffic"

story="a descriptor that stays"
csv "$resident" "$in_use" "$descriptors + (t > 700)" "$tokens" 300
report
check "fails" fails broker.descriptors

story="one that is missed"
csv "$resident" "$in_use" "$descriptors - (t > 700)" "$tokens" 300
report
check "fails" fails broker.descriptors

story="a token that stays"
csv "$resident" "$in_use" "$descriptors" "$tokens + (t == 840)" 300
report
check "fails" fails all.tokens

story="a time without calls"
csv "$resident" "$in_use" "$descriptors" "$tokens" "t == 500 ? 0 : 300"
report
check "fails" fails witness.calls

story="too short"
csv "$resident" "$in_use" "$descriptors" "$tokens" 300
sed -i 3q "$dir/soak.csv"
report
check "fails" [ "$status" -eq 1 ]
check "and says so" out_has 'FAIL  broker.in_use_kib .*too few rows at rest'

story="no rows"
sed -i 1q "$dir/soak.csv"
report
check "fails" out_has 'FAIL  there is not a single row'

story="a file that is none"
evidence="err"
for text in "" "broker.rss_kib,time_s,rest" $'time_s,rest,a.b\n1,0' $'time_s,rest,a.b\n1,0,2,3' \
  $'time_s,rest,a.b\n1,0,x' "$(seq -s, 100)"; do
  echo "$text" >"$dir/soak.csv"
  report
  check "fails: ${text:0:30}" [ "$status" -eq 1 ]
  check "in one line: ${text:0:30}" err_is_one_line
  check "that names the file: ${text:0:30}" err_has "^soak: $dir/soak.csv:[12]: "
done
run "$build/soak" --report "$dir/none" "$dir/soak.svg"
check "and one that is not there" err_has "^soak: $dir/none: No such file"

story="bad usage"
for arguments in "" "1" "0 a b" "x a b" "1 a b c d" "--report a"; do
  # shellcheck disable=SC2086 # words
  run "$build/soak" $arguments
  check "'$arguments' has status 2" [ "$status" -eq 2 ]
  check "'$arguments' is told how" err_has '^usage: soak MINUTES CSV SVG'
done

finish
