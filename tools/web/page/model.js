// SPDX-License-Identifier: MIT
//
// What is known of the system: the last look, how fast counters grow since the one before, and who
// was there a moment ago. Nothing here draws.

const goneSeconds = 6; // a worker that has ended stays grey for so long
const courseLength = 60; // looks whose speed is kept

// Texts of strangers, with everything spelled out that is not seen or steers writing.
const unseen =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
export const plain = (text) =>
  String(text).replace(unseen, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);

export const observers = "@"; // all of them are one asker
export const nameOf = (name) => (name === null ? "others" : name === observers ? "observers" : plain(name));

export const pairKey = (asker, host) => JSON.stringify([asker, host]);

export class Model {
  constructor() {
    this.clear();
  }

  clear() {
    this.at = null; // seconds of the last look
    this.status = {};
    this.workers = new Map(); // name -> its row, with `gone`: since when, or null
    this.pairs = new Map(); // pairKey -> row of traffic, with held, allowance, speed, course
    this.ops = new Map(); // op -> row of stats, with speed
    this.loads = [];
    this.said = [];
    this.total = { speed: 0, course: [] };
  }

  // Takes a look over.
  take(look) {
    const status = look.status[0] || {};
    if (this.at !== null && this.isOther(status)) this.clear();
    const passed = this.at === null ? 0 : look.at_s - this.at;
    if (this.at !== null && passed <= 0) return; // the same again
    this.at = look.at_s;
    this.status = status;
    this.said = look.said;
    this.loads = look.loads;
    this.takeWorkers(look.clients);
    this.takePairs(look.traffic, look.loads, passed);
    this.takeOps(look.stats, passed);
    this.sum(passed);
  }

  // Whether that is another broker: its counters begin anew.
  isOther(status) {
    return status.generation !== this.status.generation ||
      status.uptime_s + 1 < this.status.uptime_s;
  }

  takeWorkers(rows) {
    const seen = new Set();
    for (const row of rows) {
      seen.add(row.worker);
      this.workers.set(row.worker, { ...row, gone: null, served: 0, asked: 0 });
    }
    for (const [name, worker] of this.workers) {
      if (seen.has(name)) continue;
      worker.gone ??= this.at;
      worker.served = worker.asked = 0;
      if (this.at - worker.gone > goneSeconds) this.workers.delete(name);
    }
  }

  takePairs(traffic, loads, passed) {
    const before = this.pairs;
    const zero = { requests: 0, posts: 0, replies: 0, errors: 0, bytes: 0, bytes_back: 0, held: 0 };
    const at = (asker, host) => {
      const key = pairKey(asker, host);
      if (!this.pairs.has(key))
        this.pairs.set(key, { ...zero, asker, host, key, allowance: null, dead: false });
      return this.pairs.get(key);
    };
    this.pairs = new Map();
    for (const row of traffic) Object.assign(at(row.asker, row.host), row);
    for (const row of loads)
      Object.assign(at(row.holder, row.host), { held: row.held, allowance: row.allowance, dead: row.dead });
    for (const pair of this.pairs.values()) {
      const old = before.get(pair.key);
      const grown = (field) => (old && passed ? Math.max(0, pair[field] - old[field]) / passed : 0);
      pair.speed = grown("requests") + grown("posts");
      pair.faults = grown("errors");
      pair.flow = grown("bytes") + grown("bytes_back");
      pair.course = [...(old ? old.course : []), ...(passed ? [pair.speed] : [])].slice(-courseLength);
      if (pair.asker === observers) continue; // this page is one
      const asker = this.workers.get(pair.asker);
      const host = this.workers.get(pair.host);
      if (asker) asker.asked += pair.speed;
      if (host) host.served += pair.speed;
    }
  }

  takeOps(rows, passed) {
    const before = this.ops;
    this.ops = new Map();
    for (const row of rows) {
      const old = before.get(row.op);
      const speed = old && passed ? Math.max(0, row.requests - old.requests) / passed : 0;
      this.ops.set(row.op, { ...row, speed });
    }
  }

  sum(passed) {
    this.total.speed = 0;
    for (const pair of this.pairs.values())
      if (pair.asker !== observers) this.total.speed += pair.speed;
    if (passed) this.total.course = [...this.total.course, this.total.speed].slice(-courseLength);
  }

  // What an operator should look at, as lines.
  warnings() {
    const s = this.status;
    const hung = [...this.workers.values()].filter((w) => !w.gone && !w.answering);
    const lines = hung.slice(0, 3).map((w) => `worker ${plain(w.worker)} does not answer`);
    if (hung.length > 3) lines.push(`nor do ${hung.length - 3} more`);
    if (s.away) lines.push(`${s.away} workers have not come back`);
    if (s.memory > 0.8 * s.memory_most) lines.push("the broker's memory is nearly used up");
    if (s.log_lost) lines.push(`${s.log_lost} lines of the log were lost`);
    return lines;
  }
}

// ---- Numbers for people ----

export function count(n) {
  if (n === null || n === undefined) return "–";
  return Number(n).toLocaleString("en").replaceAll(",", "\u202f");
}
export function speed(n) {
  if (!n) return "0/s";
  return (n < 10 ? n.toFixed(1) : count(Math.round(n))) + "/s";
}
export function micros(us) {
  if (us === null || us === undefined) return "–";
  if (us < 1000) return `${us} µs`;
  if (us < 1e6) return `${(us / 1000).toPrecision(3)} ms`;
  return `${(us / 1e6).toPrecision(3)} s`;
}
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  for (; n >= 1024 && unit < 3; unit++) n /= 1024;
  return `${unit && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}
export function age(s) {
  if (s === null || s === undefined) return "–";
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}
