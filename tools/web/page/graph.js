// SPDX-License-Identifier: MIT
//
// Workers as nodes, and an arrow from each to whom it asks, or whose objects it holds. Nodes push
// each other away and arrows pull; a node that is there keeps its place.
import { micros, plain, speed } from "./model.js";

const svgName = "http://www.w3.org/2000/svg";
const many = 26; // nodes from which texts are smaller, and arrows say their speed when pointed at
const nodesMost = 200;
const stillness = 0.05;

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(svgName, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

function pressable(element, act) {
  element.addEventListener("click", act);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
}

// A number in [0, 1) that a name always gives: where it begins.
function dice(name, salt) {
  let h = 2166136261 ^ salt;
  for (const c of name) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  return ((h >>> 8) % 65536) / 65536;
}

export class Graph {
  constructor(root, hint, choose) {
    this.root = root;
    this.hint = hint;
    this.choose = choose;
    this.nodes = new Map(); // name -> {x, y, vx, vy, element, ...}
    this.edges = new Map(); // pair's key -> {element, ...}
    this.edgeLayer = svg("g");
    this.nodeLayer = svg("g");
    root.append(this.edgeLayer, this.nodeLayer);
    this.heat = 0;
    this.running = false;
    new ResizeObserver(() => this.warm(0.6)).observe(root);
  }

  show(model, selection, wanted) {
    this.showNodes(model);
    this.showEdges(model);
    const crowd = this.nodes.size >= many;
    this.root.classList.toggle("many", crowd);
    const left = [...model.workers.keys()].length - this.nodes.size;
    this.hint.textContent = left > 0 ? `${this.nodes.size} workers are drawn, ${left} are not`
      : this.nodes.size ? "An arrow goes from who asks to who answers; dotted: objects held, no traffic"
        : "No workers are connected";
    for (const [name, node] of this.nodes) {
      node.element.classList.toggle("chosen", selection.kind === "worker" && selection.name === name);
      node.element.classList.toggle("faded", !wanted(name));
    }
    for (const [key, edge] of this.edges) {
      edge.element.classList.toggle("chosen", selection.kind === "pair" && selection.key === key);
      edge.element.classList.toggle("faded", !wanted(edge.asker) && !wanted(edge.host));
    }
  }

  showNodes(model) {
    const names = [...model.workers.keys()].slice(0, nodesMost);
    const kept = new Set(names);
    for (const [name, node] of this.nodes) {
      if (kept.has(name)) continue;
      node.element.remove();
      this.nodes.delete(name);
      this.warm(0.4);
    }
    for (const name of names) {
      const worker = model.workers.get(name);
      const node = this.nodes.get(name) || this.addNode(name);
      const hangs = !worker.gone && !worker.answering;
      node.element.classList.toggle("gone", worker.gone !== null);
      node.element.classList.toggle("hangs", hangs);
      node.count.textContent = worker.gone !== null ? "ended" : hangs ? "hangs" : speed(worker.served);
      node.element.setAttribute("aria-label", `worker ${plain(name)}, ${node.count.textContent}`);
    }
  }

  addNode(name) {
    const { width, height } = this.size();
    const circle = svg("circle", { r: 20 });
    const label = svg("text", { class: "name", y: 34 });
    const value = svg("text", { class: "count", y: 4 });
    const title = svg("title");
    const shown = plain(name);
    label.textContent = shown.length > 22 ? shown.slice(0, 21) + "…" : shown;
    title.textContent = shown;
    const element = svg("g", { class: "node", tabindex: 0, role: "button" }, title, circle, value, label);
    element.dataset.worker = name;
    pressable(element, () => this.choose({ kind: "worker", name }));
    this.nodeLayer.append(element);
    const node = {
      name, element, circle, label, count: value, vx: 0, vy: 0,
      x: width * (0.2 + 0.6 * dice(name, 1)), y: height * (0.2 + 0.6 * dice(name, 2)),
    };
    this.nodes.set(name, node);
    this.warm(1);
    return node;
  }

  showEdges(model) {
    const kept = new Set();
    for (const pair of model.pairs.values()) {
      if (!this.nodes.has(pair.asker) || !this.nodes.has(pair.host) || pair.asker === pair.host) continue;
      if (!pair.requests && !pair.posts && !pair.held) continue;
      kept.add(pair.key);
      const edge = this.edges.get(pair.key) || this.addEdge(pair);
      const quick = pair.speed >= 0.05;
      edge.width = quick ? Math.min(7, 1.2 + Math.log2(1 + pair.speed) * 0.5) : 1;
      edge.line.setAttribute("stroke-width", edge.width);
      edge.text.textContent = quick ? speed(pair.speed) : "";
      edge.title.textContent = `${plain(pair.asker)} → ${plain(pair.host)}: ${speed(pair.speed)}, ` +
        `p99 ${micros(pair.p99_us)}, holds ${pair.held}`;
      edge.element.setAttribute("aria-label", edge.title.textContent);
      edge.element.classList.toggle("idle", !quick);
      edge.element.classList.toggle("faulty", pair.faults > 0);
    }
    for (const [key, edge] of this.edges) {
      if (kept.has(key)) continue;
      edge.element.remove();
      this.edges.delete(key);
    }
    if (!this.running) this.place();
  }

  addEdge(pair) {
    const edge = {
      asker: pair.asker, host: pair.host, width: 1,
      title: svg("title"), line: svg("path", { class: "line" }), reach: svg("path", { class: "reach" }),
      head: svg("path", { class: "head" }), text: svg("text"),
    };
    edge.element = svg("g", { class: "edge", tabindex: 0, role: "button" },
      edge.title, edge.line, edge.head, edge.text, edge.reach);
    edge.element.dataset.asker = pair.asker;
    edge.element.dataset.host = pair.host;
    pressable(edge.element, () => this.choose({ kind: "pair", key: pair.key }));
    this.edgeLayer.append(edge.element);
    this.edges.set(pair.key, edge);
    this.warm(0.7);
    return edge;
  }

  // ---- Places ----

  size() {
    return { width: this.root.clientWidth || 800, height: this.root.clientHeight || 400 };
  }

  warm(heat) {
    this.heat = Math.max(this.heat, heat);
    if (this.running) return;
    this.running = true;
    requestAnimationFrame(() => this.run());
  }

  run() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let steps = calm ? 300 : 3; steps && this.heat > stillness; steps--) this.step();
    this.place();
    this.running = this.heat > stillness;
    if (this.running) requestAnimationFrame(() => this.run());
    else this.heat = 0;
  }

  step() {
    const { width, height } = this.size();
    const nodes = [...this.nodes.values()];
    const room = Math.sqrt((width * height) / (nodes.length + 1)); // what each has
    const ideal = Math.min(190, 0.75 * room);
    const push = (a, b, fx, fy) => {
      a.vx += fx; a.vy += fy;
      if (b) { b.vx -= fx; b.vy -= fy; }
    };
    for (let i = 0; i < nodes.length; i++) {
      const a = nodes[i];
      push(a, null, (width / 2 - a.x) * 0.012 * height / width, (height / 2 - a.y) * 0.012);
      for (let k = i + 1; k < nodes.length; k++) {
        const b = nodes[k];
        const dx = a.x - b.x || 0.1;
        const dy = a.y - b.y || 0.1;
        const force = (ideal * ideal) / Math.max(100, dx * dx + dy * dy);
        const distance = Math.hypot(dx, dy);
        push(a, b, (dx / distance) * force * 1.6, (dy / distance) * force * 1.6);
      }
    }
    const pulls = 2 / Math.max(2, this.edges.size / Math.max(1, nodes.length));
    for (const edge of this.edges.values()) {
      const a = this.nodes.get(edge.asker);
      const b = this.nodes.get(edge.host);
      const dx = b.x - a.x;
      const dy = b.y - a.y;
      const distance = Math.hypot(dx, dy) || 1;
      const force = ((distance - ideal) / distance) * 0.03 * pulls;
      push(a, b, dx * force, dy * force);
    }
    const most = 14 * this.heat + 0.5;
    for (const node of nodes) {
      const length = Math.hypot(node.vx, node.vy);
      const scale = length > most ? most / length : 1;
      node.x = Math.min(width - 46, Math.max(46, node.x + node.vx * scale));
      node.y = Math.min(height - 62, Math.max(28, node.y + node.vy * scale));
      node.vx *= 0.6;
      node.vy *= 0.6;
    }
    this.heat *= 0.992;
  }

  place() {
    const small = this.nodes.size >= many;
    for (const node of this.nodes.values()) {
      node.radius = small ? 13 : 20;
      node.circle.setAttribute("r", node.radius);
      node.label.setAttribute("y", node.radius + 14);
      node.element.setAttribute("transform", `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`);
    }
    for (const edge of this.edges.values()) this.placeEdge(edge);
  }

  // A bent line, so that there and back are two.
  placeEdge(edge) {
    const a = this.nodes.get(edge.asker);
    const b = this.nodes.get(edge.host);
    if (!a || !b) return;
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const distance = Math.hypot(dx, dy) || 1;
    const bend = Math.min(26, distance * 0.12);
    const mx = (a.x + b.x) / 2 - (dy / distance) * bend;
    const my = (a.y + b.y) / 2 + (dx / distance) * bend;
    const towards = (from, x, y, by) => {
      const length = Math.hypot(x - from.x, y - from.y) || 1;
      return [from.x + ((x - from.x) / length) * by, from.y + ((y - from.y) / length) * by];
    };
    const size = 6 + edge.width;
    const [sx, sy] = towards(a, mx, my, (a.radius || 20) + 2);
    const [tx, ty] = towards(b, mx, my, (b.radius || 20) + 2);
    const [ex, ey] = towards(b, mx, my, (b.radius || 20) + 2 + size);
    const path = `M${sx.toFixed(1)} ${sy.toFixed(1)}Q${mx.toFixed(1)} ${my.toFixed(1)} ${ex.toFixed(1)} ${ey.toFixed(1)}`;
    edge.line.setAttribute("d", path);
    edge.reach.setAttribute("d", path);
    const ux = (tx - ex) / size;
    const uy = (ty - ey) / size;
    const half = size * 0.55;
    edge.head.setAttribute("d", `M${tx.toFixed(1)} ${ty.toFixed(1)}` +
      `L${(ex - uy * half).toFixed(1)} ${(ey + ux * half).toFixed(1)}` +
      `L${(ex + uy * half).toFixed(1)} ${(ey - ux * half).toFixed(1)}Z`);
    edge.text.setAttribute("x", ((sx + 2 * mx + tx) / 4).toFixed(1));
    edge.text.setAttribute("y", ((sy + 2 * my + ty) / 4 + 4).toFixed(1));
  }
}
