# SPDX-License-Identifier: MIT
#
# Makes figures of what rows printed in several rounds: usage figures.py LINES [JSON]. Prints a table
# for people and writes JSON; other scripts read the latter with `load`.
#
# LINES has, with tabs, `NOTE TEXT` of the whole run, and `ROUND PLACEMENT VARIANT ROW FIGURE UNIT VALUE`,
# the last four separated by blanks. A round trip's ratio is to the floor's same figure, a rate's to the
# floor's rate, a crowd's to that of a floor of as many, of the same round, placement and variant; or of any
# variant, where the floor was measured once.

import datetime
import json
import os
import platform
import subprocess
import sys

FORMAT = 1
TRIPS = ("get", "set", "call")
RATES = ("async-", "futures-", "posts", "rate")
CROWD, CROWD_FLOOR = "crowd-", "crowd-floor-"
BUSY_PERCENT = 5  # of all processors, that others had
PLACEMENTS = {"pinned": "all on one processor", "placed": "the middle on one processor, both ends on another"}


def median(values):
    return sorted(values)[(len(values) - 1) // 2]


def spread(values):
    return {"median": median(values), "least": min(values), "most": max(values), "values": values}


def floor_of(row):
    """The row that is the floor of another; None: it has none."""
    if row.startswith(CROWD) and not row.startswith(CROWD_FLOOR):
        return CROWD_FLOOR + row[len(CROWD):]
    return "floor" if row in TRIPS or row.startswith(RATES) else None


def read_lines(path):
    """The notes, and (placement, variant, row, figure, unit) -> {round: value}."""
    notes, values = {}, {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 2:
                notes[fields[0]] = fields[1]
                continue
            try:
                number, placement, variant, rest = fields
                row, figure, unit, value = rest.split()
                values.setdefault((placement, variant, row, figure, unit), {})[int(number)] = float(value)
            except ValueError:
                sys.exit("figures.py: not the line of a figure: %r" % line)
    return notes, values


def ratios(values, key):
    """The values through the floor's of the same round; None where there is no floor."""
    placement, variant, row, figure, unit = key
    floor, floors = floor_of(row), {}
    if not floor:
        return None
    for other, found in values.items():
        if other[0] == placement and other[2:] == (floor, figure, unit):
            for number, value in found.items():
                if other[1] == variant or number not in floors:
                    floors[number] = value
    result = [v / floors[n] for n, v in values[key].items() if floors.get(n)]
    return result or None


def command(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def collect(path):
    notes, values = read_lines(path)
    figures = []
    for key in values:
        placement, variant, row, figure, unit = key
        entry = {"placement": placement, "variant": variant, "row": row, "figure": figure, "unit": unit}
        entry.update(spread(list(values[key].values())))
        found = ratios(values, key)
        if found:
            entry["to_floor"] = spread(found)
        figures.append(entry)
    rounds = 1 + max((n for found in values.values() for n in found), default=-1)
    others = float(notes.get("others", "0"))
    return {
        "format": FORMAT,
        "what": notes.get("what", "bench"),
        "taken": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
        "commit": command("git", "rev-parse", "--short", "HEAD"),
        "machine": {"processors": os.cpu_count(), "model": processor(), "kernel": platform.release()},
        "load": {w: [float(n) for n in notes.get("load_" + w, "0").split()] for w in ("begin", "end")},
        "others_percent": others,
        "busy": others > BUSY_PERCENT,
        "rounds": rounds,
        "share": int(notes.get("share", "1")),
        "not_installed": notes["absent"].split(",") if notes.get("absent") else [],
        "figures": figures,
    }


def number(n):
    """Four digits are more than the noise leaves."""
    if n >= 1000:
        return "{:,.0f}".format(n)
    return "%.*f" % (0 if n >= 100 or n == 0 else 1 if n >= 10 else 2 if n >= 0.1 else 4, n)


def provenance(run):
    """Sentences on where figures are from, and how much that is worth."""
    text = "%d rounds on %s, %d processors, Linux %s." % (
        run["rounds"], run["machine"]["model"], run["machine"]["processors"], run["machine"]["kernel"])
    text += " Load average %s at the begin, %s at the end; other processes had %s %% of the processors." % (
        run["load"]["begin"][0], run["load"]["end"][0], run["others_percent"])
    if run["busy"]:
        text += " The machine was busy with other work: of these figures only ratios of one round mean something."
    if run["share"] > 1:
        text += " Things were done a %dth as often as they should: the figures mean nothing." % run["share"]
    return text


def table(run):
    """The run as lines of text."""
    variants = list(dict.fromkeys(f["variant"] for f in run["figures"]))
    wide = max([10] + [len(v) + 2 for v in variants]) if len(variants) > 1 else 0
    lines = [provenance(run)]
    for placement in dict.fromkeys(f["placement"] for f in run["figures"]):
        lines += ["", placement + ": " + PLACEMENTS.get(placement, "")]
        lines.append("%-26s %-6s %-5s %-*s %10s %10s %10s  %s" % (
            "row", "figure", "unit", wide, "variant" if wide else "", "median", "least", "most", "to floor, least..most"))
        chosen = [f for f in run["figures"] if f["placement"] == placement]
        if len(variants) > 1:  # those that are to be compared stand together
            order = list(dict.fromkeys((f["row"], f["figure"]) for f in chosen))
            chosen.sort(key=lambda f: (order.index((f["row"], f["figure"])), variants.index(f["variant"])))
        for f in chosen:
            ratio = f.get("to_floor")
            lines.append(("%-26s %-6s %-5s %-*s %10s %10s %10s  %s" % (
                f["row"], f["figure"], f["unit"], wide, (f["variant"] or "as it comes") if wide else "",
                number(f["median"]), number(f["least"]), number(f["most"]),
                "%s  %s..%s" % (number(ratio["median"]), number(ratio["least"]), number(ratio["most"])) if ratio else "")).rstrip())
    for name in run["not_installed"]:
        lines.append("%-26s not installed (tools/setup.sh peers)" % name)
    return lines


def as_text(run):
    """JSON with one figure a line, so that a difference can be read."""
    head = json.dumps({k: v for k, v in run.items() if k != "figures"}, indent=1)
    figures = ",\n".join("  " + json.dumps(f) for f in run["figures"])
    return head[: head.rindex("\n}")] + ',\n "figures": [\n' + figures + "\n ]\n}\n"


def load(path):
    """A run as `collect` made it; None if there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
    except FileNotFoundError:
        return None
    if run.get("format") != FORMAT:
        sys.exit("%s: of another format; take the figures anew" % path)
    return run


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: figures.py LINES [JSON]")
    run = collect(sys.argv[1])
    print("\n".join(table(run)))
    if len(sys.argv) == 3:
        with open(sys.argv[2], "w", encoding="utf-8") as file:
            file.write(as_text(run))


if __name__ == "__main__":
    main()
