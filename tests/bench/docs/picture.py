# SPDX-License-Identifier: MIT
#
# The picture of docs/performance.md: what a round trip takes with us and with others, and how many calls a second
# there are with 100 in flight, as an SVG. Every mark is a figure of the run: a dot is its median, the line at a
# dot goes from p50 to p99, or from the least to the most of the rounds. Scales are logarithmic.

import math

# Whose which round trip is shown, with what words.
SHOWN = [
    ("floor", "floor", "floor: a bare forwarder"),
    ("gaijin", "get", "gaijin, get"), ("gaijin", "set", "gaijin, set"), ("gaijin", "call", "gaijin, call"),
    ("dbus-broker", "call", "dbus-broker, sd-bus: call"), ("dbus-daemon", "call", "dbus-daemon, sd-bus: call"),
    ("nats", "call", "NATS: request"), ("redis", "get", "redis: get (two hops)"),
    ("rpyc", "call", "RPyC: call (two hops)"), ("drb", "call", "DRb: call (two hops)"),
]
COLORS = {"pinned": "#3b82c4", "placed": "#d97706"}
WORDS = {"pinned": "all on one processor", "placed": "the middle on one, both ends on another"}
LEFT, RIGHT, WIDTH, LINE, TOP = 230, 900, 960, 26, 62
STYLE = ("text{font:12px sans-serif;fill:#808890}.title{font-weight:bold}.tick{font-size:11px}"
         ".grid{stroke:#808890;stroke-opacity:.3}.range{stroke-width:2;stroke-opacity:.55}")


def text(x, y, words, anchor="start", style=""):
    words = words.replace("&", "&amp;").replace("<", "&lt;")
    return '<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>' % (x, y, anchor, style and ' class="%s"' % style, words)


def short(n):
    if n >= 1000000:
        return "%g M" % (n / 1000000)
    return "%g,000" % (n / 1000) if n >= 1000 else "%g" % n


def scale_of(values):
    """From figures to x, and the numbers that get a grid line: 1, 2 and 5 of each power of ten."""
    low, high = math.log10(min(values)) - 0.05, math.log10(max(values)) + 0.05
    steps = (1, 2, 5) if high - low < 3.2 else (1,)
    ticks = [m * 10**e for e in range(math.floor(low), math.ceil(high) + 1) for m in steps]
    return (lambda v: LEFT + (math.log10(v) - low) / (high - low) * (RIGHT - LEFT),
            [t for t in ticks if low <= math.log10(t) <= high])


def panel(title, rows, top):
    """rows: (words, [(placement, at, from, to)]). Returns its lines, and where it ends."""
    values = [v for _, marks in rows for mark in marks for v in mark[1:]]
    x, ticks = scale_of(values)
    end = top + LINE * len(rows) + 8
    lines = [text(LEFT, top - 12, title, style="title")]
    for t in ticks:
        lines.append('<path class="grid" d="M%.1f %dV%d"/>' % (x(t), top, end))
        lines.append(text(x(t), end + 14, short(t), "middle", "tick"))
    for i, (words, marks) in enumerate(rows):
        y = top + LINE * (i + 0.5) + 4
        lines.append(text(LEFT - 12, y + 4, words, "end"))
        for placement, at, start, stop in marks:
            color, row = COLORS[placement], y + (-4 if placement == "pinned" else 4)
            lines.append('<path class="range" stroke="%s" d="M%.1f %.1fH%.1f"/>' % (color, x(start), row, x(stop)))
            lines.append('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>' % (x(at), row, color))
    return lines, end + 24


def picture(run):
    found = {(f["placement"], f["variant"], f["row"], f["figure"]): f for f in run["figures"]}
    trips, rates = [], []
    for peer, row, words in SHOWN:
        marks, rate_marks = [], []
        for placement in COLORS:
            p50, p99 = (found.get((placement, peer, row, f)) for f in ("p50", "p99"))
            if p50 and p99:
                marks.append((placement, p50["median"], p50["median"], p99["median"]))
            rate = found.get((placement, peer, "floor" if peer == "floor" else "async-100", "rate"))
            if rate:
                rate_marks.append((placement, rate["median"], rate["least"], rate["most"]))
        if marks:
            trips.append((words, marks))
        if rate_marks and not (peer == "gaijin" and row != "call"):
            rates.append((words, rate_marks))
    note = "Taken %s; %d rounds.%s" % (run["taken"], run["rounds"], " The machine was busy with other work." if run["busy"] else "")
    lines = [text(LEFT, 18, note, style="tick")]
    for i, placement in enumerate(COLORS):
        lines.append('<circle cx="%d" cy="31" r="4" fill="%s"/>' % (LEFT + 4 + i * 160, COLORS[placement]))
        lines.append(text(LEFT + 14 + i * 160, 35, WORDS[placement], style="tick"))
    some, end = panel("Round trip of 64 bytes, microseconds: p50, and the line to p99", trips, TOP + 12)
    lines += some
    some, end = panel("Round trips a second, 100 in flight: median, least and most of the rounds", rates, end + 40)
    lines += some
    return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d">\n<style>%s</style>\n%s\n</svg>\n' % (
        WIDTH, end, WIDTH, STYLE, "\n".join(lines))
