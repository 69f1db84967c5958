# SPDX-License-Identifier: MIT
#
# Writes the man page of a file format, section 5, out of its page in docs/:
#
#   awk -v name=gaijin-policy -v what="who may do what" -v version=0.1.0 -f format.awk docs/policy.md
#
# Of Markdown it knows what these pages have: headings, paragraphs, lists, tables, blocks of text,
# and in a line code, strong text and links. A table's first column is the term that is explained.
# Programs stand in build/ in the pages, and where the shell finds them for who reads this.

function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}
# A line's code and strong text in bold; of a link what it says.
function inline(text, told, before, piece) {
  while (match(text, /\[[^]]*\]\([^)]*\)/)) {
    piece = substr(text, RSTART, RLENGTH)
    sub(/^\[/, "", piece)
    sub(/\].*/, "", piece)
    text = substr(text, 1, RSTART - 1) piece substr(text, RSTART + RLENGTH)
  }
  text = escaped(text)
  while (match(text, /`[^`]*`|\*\*[^*]*\*\*/)) {
    before = substr(text, 1, RSTART - 1)
    piece = substr(text, RSTART, RLENGTH)
    gsub(/^(`|\*\*)|(`|\*\*)$/, "", piece)
    told = told before "\\fB" piece "\\fR"
    text = substr(text, RSTART + RLENGTH)
  }
  return told text
}
function begin(what) {
  if (mode == "block") print ".fi\n.RE"
  mode = what
  if (what == "block") print ".PP\n.RS 4\n.nf"
}

FNR == 1 {
  printf ".TH %s 5 \"\" \"gaijin %s\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n", name, version,
    escaped(name), escaped(what)
  print ".SH DESCRIPTION"
  next
}
/^```/ {
  if (fenced) begin("")
  else begin("block")
  fenced = !fenced
  next
}
{ gsub(/build\/gaijin/, "gaijin") }
fenced { print escaped($0); next }
/^    / {
  if (mode != "block") begin("block")
  print escaped(substr($0, 5))
  next
}
/^$/ { begin(mode == "item" ? "after" : ""); next }
/^## / { begin(""); print ".SH \"" toupper(escaped(substr($0, 4))) "\""; next }
/^#+ / { begin(""); sub(/^#+ /, ""); print ".SS \"" escaped($0) "\""; next }
/^\|[-|]*\|$/ { next }
/^\|/ {
  # The heading of a table says nothing that its rows do not.
  if (mode != "table") { begin("table"); next }
  n = split(substr($0, 3, length($0) - 4), cells, / \| /)
  print ".TP\n" inline(cells[1])
  for (i = 2; i <= n; i++) print inline(cells[i]) (i < n ? ":" : "")
  next
}
/^- / { begin("item"); print ".IP \\(bu 2\n" inline(substr($0, 3)); next }
{
  if (mode != "text" && mode != "item") { begin("text"); print ".PP" }
  sub(/^ +/, "")
  print inline($0)
}
END {
  begin("")
  print ".SH SEE ALSO\n.BR gaijin\\-broker (1),\n.BR gaijinctl (1)"
}
