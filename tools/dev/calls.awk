# SPDX-License-Identifier: MIT
#
# Writes the man pages of libgaijin's calls, section 3, out of the comments of its headers:
#
#   awk -v out=DIRECTORY -v version=0.1.0 -f calls.awk gaijin.h cycles.h ...
#
# gaijin.h has a page for each part ("/* ---- Windows ---- */" begins gaijin_windows.3), and what
# stands before the first part is on libgaijin.3; each other header has one page, gaijin_NAME.3. Every
# function has a page of its own name, which leads to the one that tells of it.
#
# What is read is the form that all these headers have: declarations begin in column 1, a comment
# before some declarations is theirs, one with an empty line behind it is about what follows it.
# A declaration of another form ends the run.

function escaped(text) {
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  if (text ~ /^[.']/) text = "\\&" text
  return text
}
function title(text) { return toupper(substr(text, 1, 1)) substr(text, 2) }

function begin_page(name, what) {
  page = name
  order[++pages] = name
  about[name] = what
  includes[name] = part
}
# Text of comments as paragraphs.
function prose(text, lines, n, i, told) {
  n = split(text, lines, "\n")
  for (i = 1; i <= n; i++) told = told (lines[i] == "" ? ".PP\n" : escaped(lines[i]) "\n")
  return told
}
function end_entry(heading) {
  if (names != "") heading = names
  if (heading != "") body[page] = body[page] ".TP\n.B " escaped(heading) "\n"
  else if (comment != "") body[page] = body[page] ".PP\n"
  body[page] = body[page] (heading != "" ? paragraphs(prose(comment)) : prose(comment))
  # Behind a heading what is shown belongs to it.
  if (shown != "") body[page] = body[page] (heading != "" ? ".RS\n" : "") ".PP\n.nf\n" shown ".fi\n" \
    (heading != "" ? ".RE\n" : "")
  comment = names = shown = ""
  declared = 0
}
# In what is indented .PP would end the indent.
function paragraphs(text) {
  gsub(/(^|\n)\.PP\n/, "\n.IP\n", text)
  return text == "" ? ".sp 0\n" : text
}
function function_name(text) {
  match(text, /gaijin_[a-z0-9_]+\(/)
  return RSTART ? substr(text, RSTART, RLENGTH - 1) : ""
}
function add_function(text, name) {
  sub(/^GAIJIN_API /, "", text)
  sub(/^static inline /, "", text)
  sub(/ \{$/, ";", text)
  name = function_name(text)
  if (name == "") fail("a declaration without a name: " text)
  synopsis[page] = synopsis[page] escaped(text) "\n"
  names = names (names == "" ? "" : ", ") name "()"
  of[page] = of[page] (of[page] == "" ? "" : ", ") name
  leads[name] = page
  declared = 1
}
function fail(why) {
  printf "calls.awk: %s:%d: %s\n", FILENAME, FNR, why >"/dev/stderr"
  failed = 1
  exit 1
}
function end_file() {
  if (part == "") return
  if (comment != "" || declared) end_entry("")
}

FNR == 1 {
  end_file()
  part = FILENAME
  sub(/.*\//, "", part)
  state = "head"
  head = ""
  next
}
state == "head" {
  if ($0 ~ /^ \*\/$/) {
    state = ""
    short = part
    sub(/\.h$/, "", short)
    what = head
    sub(/^\n+(libgaijin: )?/, "", what)
    sub(/[:.,][ \n].*/, "", what)
    gsub(/\n/, " ", what)
    begin_page(short == "gaijin" ? "libgaijin" : "gaijin_" short, tolower(substr(what, 1, 1)) substr(what, 2))
    sub(/^\n*/, "", head)
    comment = head
    end_entry("")
    next
  }
  line = $0
  sub(/^ \*( |$)/, "", line)
  head = head "\n" line
  next
}
# The body of an inline function is nobody's business.
state == "inline" {
  if ($0 == "}") state = ""
  next
}
state == "struct" {
  shown = shown escaped($0) "\n"
  if ($0 ~ /^}/) state = ""
  next
}
state == "function" {
  line = $0
  sub(/^ +/, " ", line)
  text = text line
  if (text ~ /;$/) { add_function(text); state = "" }
  if (text ~ /\{$/) { add_function(text); state = "inline" }
  next
}
state == "comment" {
  line = $0
  sub(/^ \*( |$)/, "", line)
  if (line ~ / ?\*\/$/) { sub(/ ?\*\/$/, "", line); state = "" }
  comment = comment "\n" line
  next
}
/^\/\* ---- .* ---- \*\/$/ {
  if (comment != "" || declared) end_entry("")
  name = $0
  gsub(/^\/\* ---- | ---- \*\/$/, "", name)
  what = tolower(name)
  gsub(/ /, "_", name)
  begin_page("gaijin_" tolower(name), what " of libgaijin")
  next
}
/^\/\* / {
  if (comment != "" || declared) end_entry("")
  comment = substr($0, 4)
  if (comment ~ / ?\*\/$/) sub(/ ?\*\/$/, "", comment)
  else state = "comment"
  next
}
/^$/ { if (comment != "" || declared) end_entry(""); next }
/^#define GAIJIN_API/ { next }
/^#define GAIJIN_[A-Z_]+ / { shown = shown escaped($0) "\n"; declared = 1; next }
/^#/ || /^extern "C"/ || /^}/ { next }
/^(struct|enum) [a-z_]+ \{$/ { shown = shown escaped($0) "\n"; declared = 1; state = "struct"; next }
/^(typedef|struct) .*;/ { shown = shown escaped($0) "\n"; declared = 1; next }
/^(GAIJIN_API|static inline) / {
  text = $0
  if (text ~ /;$/) { add_function(text); next }
  state = text ~ /\{$/ ? "inline" : "function"
  if (state == "inline") add_function(text)
  next
}
{ fail("a line of no form that is known: " $0) }

END {
  if (failed) exit 1
  end_file()
  for (i = 1; i <= pages; i++) {
    name = order[i]
    file = out "/" name ".3"
    printf ".TH %s 3 \"\" \"gaijin %s\" \"libgaijin\"\n.nh\n.ad l\n.SH NAME\n", name, version >file
    printf "%s \\- %s\n", escaped(name (of[name] == "" ? "" : ", " of[name])), escaped(about[name]) >file
    printf ".SH SYNOPSIS\n.nf\n.B #include <gaijin/%s>\n", includes[name] >file
    if (synopsis[name] != "") printf "\n%s", synopsis[name] >file
    printf ".fi\n.PP\nCompile and link with `pkg\\-config \\-\\-cflags \\-\\-libs gaijin`.\n" >file
    printf ".SH DESCRIPTION\n%s.SH SEE ALSO\n", body[name] >file
    told = 0
    for (k = 1; k <= pages; k++)
      if (k != i) printf "%s.BR %s (3)", told++ ? ",\n" : "", escaped(order[k]) >file
    printf "\n" >file
    close(file)
  }
  for (name in leads) {
    file = out "/" name ".3"
    printf ".so man3/%s.3\n", leads[name] >file
    close(file)
  }
}
