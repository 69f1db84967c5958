// SPDX-License-Identifier: MIT
//
// The tables below the picture: which there are, their columns, their order, and which objects are
// asked for. Rows keep their elements as long as they are shown, so that focus and eyes stay.
import { age, bytes, count, micros, nameOf, plain, speed } from "./model.js";

const rowsMost = 300; // that are drawn

export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

// key: a field of the row or, for sorting, a function; text: what is shown.
const col = (label, key, text = plain, number = false) => ({ label, key, text, number });
const num = (label, key, text = count) => col(label, key, text, true);
const latency = [num("p50", "p50_us", micros), num("p90", "p90_us", micros),
  num("p99", "p99_us", micros), num("slowest", "max_us", micros)];
const holders = (list) =>
  list.map((x) => plain(x.worker) + (x.count === 1 ? "" : ` ×${x.count}`)).join(", ") || "–";
const labels = (list) => (list === null ? "?" : list.map(plain).join(", ") || "–");

// Each: its columns, its rows, and what a row stands for.
export const tables = {
  workers: {
    title: "Workers", sort: ["worker", 1],
    columns: [col("worker", "worker"), num("answers", "served", speed), num("asks", "asked", speed),
      num("in flight", "in_flight"), num("shared objects", "exports"), num("holds", "holds"),
      num("unread", "queued_bytes", bytes), num("refused", "refused"), num("up", "uptime_s", age), num("pid", "pid", plain)],
    rows: (model) => [...model.workers.values()],
    key: (row) => row.worker,
    state: (row) => (row.gone !== null ? "over" : row.answering ? "" : "bad"),
    choice: (row) => ({ kind: "worker", name: row.worker }),
    texts: (row) => [row.worker],
  },
  pairs: {
    title: "Traffic", sort: ["speed", -1],
    columns: [col("asks", "asker", nameOf), col("answers", "host", nameOf), num("now", "speed", speed), num("requests", "requests"),
      num("posts", "posts"), num("errors", "errors"), ...latency, num("bytes", "flow", (n) => bytes(n) + "/s")],
    rows: (model) => [...model.pairs.values()].filter((p) => p.requests || p.posts),
    key: (row) => row.key,
    state: (row) => (row.faults > 0 ? "bad" : ""),
    choice: (row) => ({ kind: "pair", key: row.key }),
    texts: (row) => [nameOf(row.asker), nameOf(row.host)],
  },
  objects: {
    title: "Objects", sort: ["age_s", -1],
    columns: [col("object", (row) => `${row.host}:${row.id}`), col("kind", "kind"), num("age", "age_s", age),
      col("held by", "holders", holders), col("exposed as", "labels", labels)],
    rows: (model, objects) => objects,
    key: (row) => `${row.host}:${row.id}${row.dead ? " dead" : ""}`,
    state: (row) => (row.dead ? "over" : ""),
    choice: (row) => ({ kind: "object", object: `${row.host}:${row.id}` }),
    texts: (row) => [`${row.host}:${row.id}`, row.kind, ...(row.labels || []), ...row.holders.map((x) => x.worker)],
  },
  ops: {
    title: "Operations", sort: ["speed", -1],
    columns: [col("op", "op"), num("now", "speed", speed), num("requests", "requests"), num("errors", "errors"),
      num("notices", "notices"), ...latency],
    rows: (model) => [...model.ops.values()].filter((o) => o.requests || o.notices),
    key: (row) => row.op,
    state: () => "",
    choice: (row) => ({ kind: "op", op: row.op }),
    texts: (row) => [row.op],
  },
  loads: {
    title: "Loads", sort: ["held", -1],
    columns: [col("holder", "holder"), col("objects of", "host"), num("holds", "held"), num("may hold", "allowance", (n) => count(Math.round(n))),
      { label: "", key: (row) => row.held / row.allowance, load: true, number: false },
      num("asked to collect", "free_waiting_s", (s) => (s === null ? "–" : `${age(s)} ago`))],
    rows: (model) => model.loads,
    key: (row) => JSON.stringify([row.holder, row.host, row.dead]),
    state: (row) => (row.dead ? "over" : row.free_outstanding ? "bad" : ""),
    choice: (row) => ({ kind: "pair", key: JSON.stringify([row.holder, row.host]) }),
    texts: (row) => [row.holder, row.host],
  },
};

const valueOf = (column, row) => (typeof column.key === "function" ? column.key(row) : row[column.key]);

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function fill(cell, column, row) {
  if (column.load) {
    const part = Math.min(1, row.held / Math.max(1, row.allowance));
    const meter = cell.firstChild || cell.appendChild(h("meter", { min: 0, max: 1, low: 0.7, high: 0.95, optimum: 0 }));
    meter.value = part;
    meter.title = `${Math.round(part * 100)} %`;
    return;
  }
  const value = valueOf(column, row);
  const text = column.text(value);
  if (cell.textContent !== text) cell.textContent = cell.title = text;
}

export class Table {
  constructor(root, choose) {
    this.root = root;
    this.choose = choose;
    this.orders = {};
    this.name = null;
  }

  build(name) {
    const table = tables[name];
    this.name = name;
    this.rows = new Map();
    this.head = h("tr");
    this.body = h("tbody");
    this.note = h("p", { className: "empty" });
    this.orders[name] ??= table.sort;
    for (const column of table.columns) {
      const key = typeof column.key === "function" ? column.label || "load" : column.key;
      const button = h("button", { type: "button", textContent: column.label || "used" });
      button.addEventListener("click", () => this.order(key, column.number));
      this.head.append(h("th", { scope: "col", className: column.number ? "number" : "" }, button));
    }
    this.root.replaceChildren(h("table", {}, h("thead", {}, this.head), this.body), this.note);
  }

  order(key, downwards) {
    const [old, way] = this.orders[this.name];
    this.orders[this.name] = [key, old === key ? -way : downwards ? -1 : 1];
    this.again();
  }

  columnOf(key) {
    return tables[this.name].columns.find((c) =>
      c.key === key || (typeof c.key === "function" && (c.label || "load") === key));
  }

  show(name, model, objects, selection, words) {
    this.again = () => this.show(name, model, objects, selection, words);
    if (this.name !== name) this.build(name);
    const table = tables[name];
    const [key, way] = this.orders[name];
    const column = this.columnOf(key);
    const all = table.rows(model, objects).filter((row) =>
      !words || table.texts(row).some((text) => plain(text).toLowerCase().includes(words)));
    all.sort((a, b) => way * compare(valueOf(column, a), valueOf(column, b)) ||
      compare(table.key(a), table.key(b)));
    table.columns.forEach((c, i) => this.head.children[i].setAttribute("aria-sort",
      c === column ? (way > 0 ? "ascending" : "descending") : "none"));
    this.fill(table, all.slice(0, rowsMost), selection);
    this.note.textContent = !all.length ? "Nothing here" : all.length > rowsMost
      ? `${rowsMost} of ${all.length} are shown` : "";
    this.note.hidden = !this.note.textContent;
  }

  fill(table, rows, selection) {
    const chosen = JSON.stringify(selection);
    const kept = new Set();
    let place = this.body.firstChild;
    for (const row of rows) {
      const key = table.key(row);
      kept.add(key);
      const element = this.rows.get(key) || this.add(table, key);
      element.choice = table.choice(row);
      element.className = `${table.state(row)} ${JSON.stringify(element.choice) === chosen ? "chosen" : ""}`;
      table.columns.forEach((column, i) => fill(element.children[i], column, row));
      if (element === place) place = place.nextSibling;
      else this.body.insertBefore(element, place);
    }
    for (const [key, element] of this.rows) {
      if (kept.has(key)) continue;
      element.remove();
      this.rows.delete(key);
    }
  }

  add(table, key) {
    const element = h("tr", { tabIndex: 0 },
      ...table.columns.map((column) => h("td", { className: column.number ? "number" : "" })));
    element.dataset.key = key;
    element.addEventListener("click", () => this.choose(element.choice));
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        this.choose(element.choice);
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const next = event.key === "ArrowDown" ? element.nextSibling : element.previousSibling;
        event.preventDefault();
        if (next) next.focus();
      }
    });
    this.rows.set(key, element);
    return element;
  }
}
