# SPDX-License-Identifier: MIT
#
# Reads headers, and prints a program in C that prints what they lay down: the size
# of each struct, where each member stands, how large it is and how it is declared, the value of each
# constant of an enum. It fails where a struct has another one in it, or fields of bits: it would see
# half of them. (packaging/layout.sh)
!/^#/ { text = text " " $0 }

function without_comments(s,    out, at) {
  while ((at = index(s, "/*"))) {
    out = out substr(s, 1, at - 1) " "
    s = substr(s, at + 2)
    s = substr(s, index(s, "*/") + 2)
  }
  return out s
}

function words(s) { gsub(/[ \t]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }

function member(struct, name, declared) {
  printf "  printf(\"%s.%s %%zu %%zu %s\\n\", offsetof(struct %s, %s), sizeof ((struct %s *)0)->%s);\n", \
         struct, name, declared, struct, name, struct, name
}
function members(struct, body,    n, i, j, many, declarations, names, one) {
  if (body ~ /[{:]/) {
    print "packaging/layout.awk: it cannot read struct " struct ", which has another in it, or fields of bits" >"/dev/stderr"
    failed = 1
  }
  printf "  printf(\"size of %s %%zu\\n\", sizeof(struct %s));\n", struct, struct
  n = split(body, declarations, ";")
  for (i = 1; i < n; i++) {
    one = words(declarations[i])
    if (match(one, /\(\*[a-z0-9_]+\)/)) {
      member(struct, substr(one, RSTART + 2, RLENGTH - 3), one)
      continue
    }
    many = split(one, names, ",")
    for (j = 1; j <= many; j++) {
      sub(/\[.*/, "", names[j])
      match(names[j], /[A-Za-z0-9_]+ *$/)
      member(struct, words(substr(names[j], RSTART)), one)
    }
  }
}
function constants(enum, body,    n, i, names) {
  n = split(body, names, ",")
  for (i = 1; i <= n; i++) {
    sub(/=.*/, "", names[i])
    names[i] = words(names[i])
    if (names[i] != "") printf "  printf(\"%s %s %%d\\n\", (int)%s);\n", enum, names[i], names[i]
  }
}

END {
  text = without_comments(text)
  print "#include <gaijin/gaijin.h>\n#include <stddef.h>\n#include <stdio.h>"
  print "int main(void) {"
  while (match(text, /(struct|enum) gaijin_[a-z0-9_]+ *\{/)) {
    split(substr(text, RSTART, RLENGTH), head, / *[ {]/)
    text = substr(text, RSTART + RLENGTH)
    body = substr(text, 1, index(text, "}") - 1)
    if (head[1] == "struct") members(head[2], body)
    else constants(head[2], body)
  }
  print "  return 0;\n}"
  exit failed
}
