// SPDX-License-Identifier: MIT
//
// What is known of the one thing that was chosen: a worker, a pair, an op, or an object, of which
// `why` is asked.
import { age, bytes, count, micros, nameOf, pairKey, plain, speed } from "./model.js";
import { h } from "./tables.js";
import { svg } from "./graph.js";

function facts(...rows) {
  const list = h("dl");
  for (const [label, value] of rows)
    list.append(h("dt", { textContent: label }), h("dd", { textContent: value }));
  return list;
}

// How a speed went; the last is on the right.
function course(values, title) {
  const top = Math.max(1, ...values);
  const points = values.map((v, i) =>
    `${i ? "L" : "M"}${((i + 60 - values.length) * 100) / 59} ${(39 - (v / top) * 36).toFixed(1)}`);
  return h("div", {}, h("h3", { textContent: title }),
    svg("svg", { class: "course", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img",
      "aria-label": title }, svg("path", { d: points.join("") })));
}

// Percentiles as bars, whose lengths are logarithms: ten times as long is one step.
function quantiles(row) {
  if (row.p50_us === null || row.p50_us === undefined)
    return h("p", { className: "note", textContent: "Nothing was timed yet." });
  const grid = h("div", { className: "quantiles" });
  for (const [label, us] of [["p50", row.p50_us], ["p90", row.p90_us], ["p99", row.p99_us], ["slowest", row.max_us]]) {
    const part = Math.min(100, Math.max(1, (Math.log10(Math.max(1, us)) / 7) * 100));
    grid.append(h("span", { textContent: label }),
      svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none" },
        svg("rect", { width: part, height: 10, rx: 1.5 })),
      h("span", { className: "number", textContent: micros(us) }));
  }
  return h("div", {}, h("h3", { textContent: "How long answers took (logarithmic)" }), grid);
}

// Makes `old` look as `made`, keeping its elements, so that focus, clicks and chosen text stay.
function renew(old, made) {
  if (old.nodeType !== made.nodeType || old.nodeName !== made.nodeName) return old.replaceWith(made);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== made.data) old.data = made.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!made.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of made.attributes)
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  old.act = made.act;
  renewChildren(old, [...made.childNodes]);
}
function renewChildren(parent, made) {
  const old = [...parent.childNodes];
  made.forEach((child, i) => (i < old.length ? renew(old[i], child) : parent.append(child)));
  for (const child of old.slice(made.length)) child.remove();
}

export class Details {
  constructor(root, actions) {
    this.root = root;
    this.actions = actions; // choose(selection), objects(filter)
    this.why = null; // {object, answer or fault}
    root.addEventListener("click", (event) => event.target.closest("button")?.act?.());
  }

  button(text, value, act) {
    const button = h("button", { type: "button" }, h("span", { textContent: text }), h("span", { className: "note", textContent: value }));
    button.act = act;
    return h("li", {}, button);
  }

  list(title, items) {
    if (!items.length) return [];
    return [h("h3", { textContent: title }), h("ul", {}, ...items)];
  }

  show(model, selection) {
    renewChildren(this.root, this[selection.kind](model, selection));
  }

  head(kind, title) {
    return [h("p", { className: "kind", textContent: kind }), h("h2", { textContent: title })];
  }

  none(model) {
    const s = model.status;
    return [...this.head("Broker", s.version ? `gaijin ${plain(s.version)}` : "No broker yet"),
      facts(["generation", count(s.generation)], ["running for", age(s.uptime_s)], ["workers", count(s.workers)],
        ["objects held", count(s.tokens)], ["holdings", count(s.holdings)], ["open requests", count(s.requests)],
        ["memory", `${bytes(s.memory)} of ${bytes(s.memory_most)}`], ["refused", count(s.refused)]),
      course(model.total.course, `Messages between workers: ${speed(model.total.speed)}`),
      ...this.list("What to look at", model.warnings().map((line) => h("li", { className: "fault", textContent: line }))),
      h("p", { className: "note", textContent: "Choose a worker, an arrow or a row for more." })];
  }

  worker(model, { name }) {
    const w = model.workers.get(name);
    if (!w) return [...this.head("Worker", plain(name)), h("p", { className: "note", textContent: "It is not connected any more." })];
    const pairs = [...model.pairs.values()];
    const lines = (from, other) => pairs.filter((p) => p[from] === name && p[other] !== null && (p.requests || p.posts || p.held))
      .sort((a, b) => b.speed - a.speed || b.held - a.held).slice(0, 12)
      .map((p) => this.button(nameOf(p[other]), `${speed(p.speed)}, holds ${p.held}`,
        () => this.actions.choose({ kind: "pair", key: p.key })));
    return [...this.head(w.gone !== null ? "Worker, ended" : "Worker", plain(name)),
      ...(w.gone === null && !w.answering ? [h("p", { className: "fault", textContent: "It does not answer: it computes, hangs or is stopped." })] : []),
      facts(["process", plain(w.pid)], ["running for", age(w.uptime_s)], ["answers", speed(w.served)], ["asks", speed(w.asked)],
        ["its requests in flight", count(w.in_flight)], ["unread", bytes(w.queued_bytes)],
        ["messages from it", count(w.messages_in)], ["messages to it", count(w.messages_out)], ["refused", count(w.refused)]),
      ...this.list("Objects", [
        this.button("that others hold", count(w.exports), () => this.actions.objects({ host: name })),
        this.button("that it holds", count(w.holds), () => this.actions.objects({ holder: name }))]),
      ...this.list("It asks", lines("asker", "host")), ...this.list("It is asked by", lines("host", "asker"))];
  }

  pair(model, { key }) {
    const [asker, host] = JSON.parse(key);
    const title = `${nameOf(asker)} → ${nameOf(host)}`;
    const p = model.pairs.get(key);
    if (!p) return [...this.head("Traffic", title), h("p", { className: "note", textContent: "Nothing goes this way any more." })];
    const back = model.pairs.get(pairKey(host, asker));
    return [...this.head("Traffic", title),
      facts(["now", speed(p.speed)], ["requests answered", count(p.requests)], ["one-way", count(p.posts)],
        ["errors", count(p.errors)], ["bytes", `${bytes(p.flow)}/s`], ["objects held", count(p.held)],
        ["may hold", p.allowance === null ? "–" : count(Math.round(p.allowance))]),
      course(p.course, "Messages per second"), quantiles(p),
      ...this.list("See also", [
        ...(p.held ? [this.button("the objects held", count(p.held), () => this.actions.objects({ host, holder: asker }))] : []),
        ...(back ? [this.button("the way back", speed(back.speed), () => this.actions.choose({ kind: "pair", key: back.key }))] : []),
        ...[asker, host].filter((name) => model.workers.has(name)).map((name) =>
          this.button(plain(name), "worker", () => this.actions.choose({ kind: "worker", name })))])];
  }

  op(model, { op }) {
    const o = model.ops.get(op);
    if (!o) return [...this.head("Operation", op)];
    return [...this.head("Operation", plain(op)),
      facts(["now", speed(o.speed)], ["requests", count(o.requests)], ["replies", count(o.replies)], ["errors", count(o.errors)],
        ["notices", count(o.notices)], ["made by the broker", count(o.broker)]), quantiles(o)];
  }

  // ---- Why an object lives ----

  object(model, { object }) {
    const parts = this.head("Object", plain(object));
    if (!this.why || this.why.object !== object) this.ask(object);
    const { answer, fault } = this.why;
    if (fault) parts.push(h("p", { className: "fault", textContent: fault }));
    else if (!answer) parts.push(h("p", { className: "note", textContent: "Asking each holder how it reaches it …" }));
    else parts.push(...this.reasons(answer));
    if (answer || fault) {
      const again = h("button", { type: "button", textContent: "Ask again" });
      again.act = () => {
        this.ask(object);
        this.show(model, { kind: "object", object });
      };
      parts.push(h("p", {}, again));
    }
    return parts;
  }

  reasons(why) {
    const dead = why.dead ? "; its worker has ended" : "";
    const parts = [h("p", { textContent: `A ${plain(why.kind)}, held for ${age(why.age_s)}${dead}.` })];
    for (const holder of why.holders)
      parts.push(h("h3", { textContent: `Held by ${plain(holder.worker)}, sent to it ${holder.count === 1 ? "once" : `${count(holder.count)} times`}` }),
        this.paths(holder, "No path found: only its collector can tell. It may be garbage that is not collected yet."));
    if (why.not_asked) parts.push(h("p", { className: "note", textContent: `Held by ${why.not_asked} more, which were not asked.` }));
    if (why.inside)
      parts.push(h("h3", { textContent: `Inside ${plain(why.worker)}` }),
        this.paths(why.inside, "No path found: it lives because others hold it."));
    return parts;
  }

  paths(one, nothing) {
    if (one.observer) return h("p", { className: "note", textContent: "An observer: as long as its command takes." });
    if (one.paths === null) return h("p", { className: "fault", textContent: `It does not tell: ${plain(one.error)}` });
    if (!one.paths.length)
      return h("p", { className: "note", textContent: one.complete ? nothing : "No path found among the objects looked at; its heap has more." });
    return h("ul", {}, ...one.paths.map((path) => h("li", {}, h("code", { textContent: plain(path) }))));
  }

  async ask(object) {
    const asked = (this.why = { object, answer: null, fault: null });
    try {
      const response = await fetch(`why?object=${encodeURIComponent(object)}`, { cache: "no-store" });
      const text = await response.text();
      const answer = text.startsWith("{") ? JSON.parse(text) : { said: [text] };
      if (answer.holders) asked.answer = answer;
      else asked.fault = plain(answer.said.join(" ")) || "It cannot be had.";
    } catch {
      asked.fault = "It cannot be asked: gaijinctl web does not answer.";
    }
    this.actions.redraw();
  }
}
