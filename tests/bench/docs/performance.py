# SPDX-License-Identifier: MIT
#
# Writes the tables of docs/performance.md and docs/performance.svg from the figures that are kept beside this
# file: bench.json and bench-peers.json, which make bench RENEW=1 and make bench-peers RENEW=1 leave there. With
# --check nothing is written, and the status is 1 if they are not what the figures say. What stands outside of the
# page's markers is left alone.

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "common"), here]

from figures import floor_of, load, number, provenance  # noqa: E402
from picture import picture  # noqa: E402

root = os.path.normpath(os.path.join(here, "..", "..", ".."))
PAGE = os.path.join(root, "docs", "performance.md")
PICTURE = os.path.join(root, "docs", "performance.svg")

# What is set beside the floor: row, figure, words, placements in their order.
BESIDE = [
    ("get", "p50", "get"), ("set", "p50", "set"), ("call", "p50", "call"),
    ("get", "p99", "get, p99"), ("set", "p99", "set, p99"), ("call", "p99", "call, p99"),
    ("async-10", "rate", "calls, 10 in flight"), ("async-100", "rate", "calls, 100 in flight"),
    ("async-1000", "rate", "calls, 1,000 in flight"), ("futures-100", "rate", "the same, 100 futures of one fiber"),
    ("posts", "rate", "posts, all done"),
    ("crowd-2", "rate", "2 workers that call each other, calls of all"), ("crowd-4", "rate", "4 workers"),
    ("crowd-8", "rate", "8 workers"), ("crowd-16", "rate", "16 workers"), ("crowd-32", "rate", "32 workers"),
]
# A process that never gives way on each processor; eight workers that call each other, beside both ends.
BUSY = [
    ("hogs-call", "a hog on each processor"), ("busy-call", "8 busy workers beside both ends"),
]
ALONE = [
    ("pairs-1000", "p50", "`pairs` over 1,000 numbers"), ("pairs-1000000", "p50", "`pairs` over 1,000,000 numbers"),
    ("fetch-1000000", "p50", "fetching 1,000,000 numbers"), ("copy-1000000", "p50", "sending a copy of 1,000,000 numbers"),
    ("objects", "rate", "objects made, sent, released: 1 per call, 100 in flight"),
    ("string-sent", "speed", "strings of 1 MiB, sent"), ("string-fetched", "speed", "strings of 1 MiB, fetched"),
    ("start", "p50", "start of a worker to the end of its first call"), ("fiber-switch", "each", "switch between two fibers and back"),
    ("idle-broker", "memory", "memory of an idle broker"), ("idle-worker", "memory", "memory of a worker with an empty script"),
    ("idle-client", "memory", "memory of the broker per idle client"), ("token", "memory", "memory of the broker per token, of 100,000"),
    ("waiting-request", "memory", "memory of a request that waits in a call"),
    ("wakes-broker", "wakes", "times an idle broker is woken"), ("wakes-worker", "wakes", "times an idle worker is woken"),
]
PLACEMENTS = ("pinned", "placed")
UNITS = {"us": "&micro;s"}


def index(run):
    return {(f["placement"], f["variant"], f["row"], f["figure"]): f for f in run["figures"]}


def variants_of(run):
    return list(dict.fromkeys(f["variant"] for f in run["figures"]))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def spread(figure):
    if figure["least"] == figure["most"]:
        return number(figure["median"])
    return "%s (%s to %s)" % tuple(number(figure[w]) for w in ("median", "least", "most"))


def with_floor(figure):
    if not figure:
        return ["-", "-"]
    ratio = figure.get("to_floor")
    return [spread(figure), "**%s**" % number(ratio["median"]) if ratio else "-"]


def name_of(variant):
    """What is measured against what; the variant without flags needs none."""
    words = variant.split()
    if words and words[0].startswith("@"):
        return "another build" + (", `%s`" % " ".join(words[1:]) if len(words) > 1 else "")
    return "`%s`" % variant if variant else "as it comes"


def taken(run):
    text = "Taken %s at %s. %s" % (run["taken"], run["commit"] or "an unknown commit", provenance(run))
    return ["**To be taken again on a quiet machine.** " + text if run["busy"] or run["share"] > 1 else text, ""]


def bench_tables(run):
    found, variants, lines = index(run), variants_of(run), taken(run)
    head = ["", "placement", "floor"]
    for variant in variants:
        several = ", " + name_of(variant) if len(variants) > 1 else ""
        head += ["median (least to most)" + several, "to floor"]
    rows = []
    for row, figure, words in BESIDE:
        for placement in PLACEMENTS:
            cells = [found.get((placement, v, row, figure)) for v in variants]
            if not any(cells):
                continue
            floor = found.get((placement, variants[0], floor_of(row), figure))
            unit = next(c["unit"] for c in cells if c)
            line = ["%s, %s" % (words, UNITS.get(unit, unit)), placement, number(floor["median"]) if floor else "-"]
            rows.append(line + [part for cell in cells for part in with_floor(cell)])
    lines += table(head, rows) + [""]
    rows = []
    for row, figure, words in ALONE:
        cells = [found.get(("pinned", v, row, figure)) for v in variants]
        if any(cells):
            unit = next(c["unit"] for c in cells if c)
            rows.append([words, UNITS.get(unit, unit)] + [spread(c) if c else "-" for c in cells])
    lines += table(["all on one processor", "unit"] + (
        [name_of(v) for v in variants] if len(variants) > 1 else ["median (least to most)"]), rows) + [""]
    rows = []
    for row, words in BUSY:
        for figure in ("p50", "p99"):
            cells = [found.get(("placed", v, row + way, figure)) for v in variants for way in ("", "-no-polling")]
            if any(cells):
                rows.append(["call, %s, %s, &micro;s" % (figure, words)] + [spread(c) if c else "-" for c in cells])
    if rows:
        both = ["with polling", "`--poll-us 0`"]
        head = [name_of(v) + ", " + way for v in variants for way in both] if len(variants) > 1 else both
        lines += table(["the broker on one processor, both ends on another"] + head, rows) + [""]
    counted = [f for f in run["figures"] if f["row"].startswith("instructions-") and f["variant"] == variants[0]]
    rows = [[f["row"][len("instructions-"):], number(f["median"])] for f in counted]
    return lines + table(["the broker's instructions, as `make bench-guard` has recorded", ""], rows)


def peers_tables(run):
    found, peers, lines = index(run), [v for v in variants_of(run) if v != "floor"], taken(run)
    head = ["", "placement", "get &micro;s, p50, p99", "set", "call", "call to floor", "calls/s, 100 in flight", "to floor"]
    rows = []
    for peer in ["floor"] + peers:
        for placement in PLACEMENTS:
            line = [peer, placement]
            for row in ("get", "set", "floor" if peer == "floor" else "call"):
                both = [found.get((placement, peer, row, f)) for f in ("p50", "p99")]
                line.append("%s, %s" % tuple(number(f["median"]) for f in both) if all(both) else "-")
            call, rate = (found.get((placement, peer, *key)) for key in (("call", "p50"), ("async-100", "rate")))
            if peer == "floor":
                rate = found.get((placement, peer, "floor", "rate"))
            line += [with_floor(call)[1], number(rate["median"]) if rate else "-", with_floor(rate)[1]]
            rows.append(line)
    lines += table(head, rows)
    if run["not_installed"]:
        lines += ["", "Not installed there: %s." % ", ".join(run["not_installed"])]
    return lines


def between(text, name, lines):
    """The text with these lines between the markers of that name."""
    begin, end = "<!-- %s:begin -->\n" % name, "<!-- %s:end -->" % name
    start, stop = text.find(begin), text.find(end)
    if start < 0 or stop < start:
        sys.exit("%s: the markers of '%s' are missing" % (PAGE, name))
    return text[: start + len(begin)] + "\n".join(lines) + "\n" + text[stop:]


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit("usage: performance.py [--check]")
    page, drawn = read(PAGE), None
    for name, tables in (("bench", bench_tables), ("bench-peers", peers_tables)):
        run = load(os.path.join(here, name + ".json"))
        if not run:
            continue
        page = between(page, name, tables(run))
        drawn = picture(run) if name == "bench-peers" else drawn
    stale = []
    for path, text in ((PAGE, page), (PICTURE, drawn)):
        if text is None or text == read(path):
            continue
        stale.append(path)
        if not sys.argv[1:]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    for path in stale:
        print("%s %s" % (os.path.relpath(path, root), "is not what the figures say: run python3 tests/bench/docs/performance.py"
                         if sys.argv[1:] else "is renewed"))
    sys.exit(1 if stale and sys.argv[1:] else 0)


if __name__ == "__main__":
    main()
