# shellcheck shell=bash disable=SC2034,SC2154 # variables of lib.sh and of scripts
# SPDX-License-Identifier: MIT
#
# A terminal in which programs are typed and watched, for scripts that have read lib.sh:
#
#   terminal WIDTH HEIGHT     starts one, with a shell in it that finds the programs; or resizes it
#   typed TEXT                types a line; keys KEY... single keys, as tmux calls them
#   screen                    prints what is on it
#   screen_has REGEX          a line of it
#   screen_width              characters of its longest line
#   ran TEXT                  types a command on an empty screen and waits for its end; its status
#                             is $status
#
# It ends with the script.

terminal() {
  if [ ! -S "$dir/tmux" ]; then
    tmux -S "$dir/tmux" -f /dev/null new-session -d -x "$1" -y "$2" \
      "env -u TMUX PS1='> ' HISTFILE= PATH='$build:$PATH' TERM=screen bash --norc --noprofile"
    terminal_pid=$(tmux -S "$dir/tmux" display-message -p '#{pid}')
    wait_until screen_has '^> *$'
  else
    tmux -S "$dir/tmux" resize-window -x "$1" -y "$2"
  fi
}
# For end_started: it is no child of ours.
end_terminal() {
  local end=$((SECONDS + 10))
  tmux -S "$dir/tmux" kill-server
  until gone "$terminal_pid" || [ "$SECONDS" -ge "$end" ]; do sleep 0.02; done
  rm -f "$dir/tmux"
} 2>/dev/null
keys() { tmux -S "$dir/tmux" send-keys "$@"; }
typed() { keys -l "$1" && keys Enter; }
screen() { tmux -S "$dir/tmux" capture-pane -p; }
screen_has() { screen | grep -E -- "$1" >/dev/null; }
screen_width() { screen | LC_ALL=C.UTF-8 wc -L; } # awk may count bytes
# The number tells its end from that of the command before it, which may not be cleared yet.
ran_so_far=0
ran() {
  ran_so_far=$((ran_so_far + 1))
  typed "clear; $1; echo ended-with-$ran_so_far \$?"
  wait_until screen_has "^ended-with-$ran_so_far [0-9]+\$"
  status=$(screen | sed -n "s/^ended-with-$ran_so_far //p")
}
