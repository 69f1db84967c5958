// SPDX-License-Identifier: MIT
//
// Workers as nodes, and an arrow from each to whom it asks, or whose objects it holds. Nodes push
// each other away and arrows pull; a node that is there keeps its place.
import { micros, plain, speed } from "./model.js";

const svgName = "http://www.w3.org/2000/svg";
const many = 26; // nodes from which they are smaller, and arrows say their speed when pointed at
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
    this.textLayer = svg("g", { class: "speeds" });
    this.nodeLayer = svg("g");
    root.append(this.edgeLayer, this.textLayer, this.nodeLayer);
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
      const faded = !wanted(edge.asker) && !wanted(edge.host);
      for (const element of [edge.element, edge.text]) {
        element.classList.toggle("chosen", selection.kind === "pair" && selection.key === key);
        element.classList.toggle("faded", faded);
      }
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
      node.count.textContent = worker.gone !== null ? "ended" : hangs ? "hangs"
        : worker.served >= 0.05 ? `answers ${speed(worker.served)}`
          : worker.asked >= 0.05 ? `asks ${speed(worker.asked)}` : "idle";
      node.element.setAttribute("aria-label", `worker ${plain(name)}, ${node.count.textContent}`);
    }
  }

  addNode(name) {
    const side = this.side();
    const box = svg("rect", { rx: 8 });
    const label = svg("text", { class: "name" });
    const value = svg("text", { class: "count", y: 13 });
    const title = svg("title");
    const shown = plain(name);
    label.textContent = shown.length > 22 ? shown.slice(0, 21) + "…" : shown;
    title.textContent = shown;
    const element = svg("g", { class: "node", tabindex: 0, role: "button" }, title, box, value, label);
    element.dataset.worker = name;
    pressable(element, () => this.choose({ kind: "worker", name }));
    this.nodeLayer.append(element);
    const node = {
      name, element, box, label, count: value, vx: 0, vy: 0, w: 30, h: 20,
      u: side * (0.2 + 0.6 * dice(name, 1)), v: side * (0.2 + 0.6 * dice(name, 2)), x: 0, y: 0,
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
      edge.text.remove();
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
      edge.title, edge.line, edge.head, edge.reach);
    edge.element.dataset.asker = pair.asker;
    edge.element.dataset.host = pair.host;
    pressable(edge.element, () => this.choose({ kind: "pair", key: pair.key }));
    edge.element.addEventListener("mouseenter", () => edge.text.classList.add("near"));
    edge.element.addEventListener("mouseleave", () => edge.text.classList.remove("near"));
    this.edgeLayer.append(edge.element);
    this.textLayer.append(edge.text);
    this.edges.set(pair.key, edge);
    this.warm(0.7);
    return edge;
  }

  // ---- Places ----
  //
  // Forces work in a square (u, v) as large as the picture, so that it is filled whatever its form.

  size() {
    return { width: this.root.clientWidth || 800, height: this.root.clientHeight || 400 };
  }

  side() {
    const { width, height } = this.size();
    return Math.sqrt(width * height);
  }

  warm(heat) {
    this.heat = Math.max(this.heat, heat);
    if (this.running) return;
    this.running = true;
    requestAnimationFrame(() => this.run());
  }

  run() {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (let steps = calm ? 400 : 4; steps && this.heat > stillness; steps--) this.step();
    this.place();
    this.running = this.heat > stillness;
    if (this.running) requestAnimationFrame(() => this.run());
    else this.heat = 0;
  }

  step() {
    const side = this.side();
    const nodes = [...this.nodes.values()];
    const ideal = Math.min(0.36 * side, (0.8 * side) / Math.sqrt(nodes.length + 1));
    for (let i = 0; i < nodes.length; i++) {
      const a = nodes[i];
      a.vx += (side / 2 - a.u) * 0.01;
      a.vy += (side / 2 - a.v) * 0.01;
      for (let k = i + 1; k < nodes.length; k++) push(a, nodes[k], ideal);
    }
    const strength = 0.06 / Math.max(2, this.edges.size / Math.max(1, nodes.length));
    for (const edge of this.edges.values())
      pull(this.nodes.get(edge.asker), this.nodes.get(edge.host), ideal, strength);
    const most = 14 * this.heat + 0.5;
    for (const node of nodes) {
      const length = Math.hypot(node.vx, node.vy);
      const scale = length > most ? most / length : 1;
      node.u = Math.min(side, Math.max(0, node.u + node.vx * scale));
      node.v = Math.min(side, Math.max(0, node.v + node.vy * scale));
      node.vx *= 0.6;
      node.vy *= 0.6;
    }
    this.heat *= 0.992;
  }

  // How far a node is along an axis, from 0 to 1; the outermost are at the borders.
  extent(axis) {
    const all = [...this.nodes.values()].map((node) => node[axis]);
    const least = Math.min(...all);
    const most = Math.max(...all);
    const spare = Math.max(0, 0.4 * this.side() - (most - least)) / 2;
    return (node) => (node[axis] - least + spare) / Math.max(1, most - least + 2 * spare);
  }

  place() {
    const { width, height } = this.size();
    const crowd = this.nodes.size >= many;
    const across = this.extent("u");
    const down = this.extent("v");
    for (const node of this.nodes.values()) {
      const length = node.label.textContent.length;
      node.w = crowd ? 5.6 * length + 14 : Math.max(96, 8 * length + 22);
      node.h = crowd ? 20 : 42;
      node.x = node.w / 2 + 8 + across(node) * (width - node.w - 16);
      node.y = node.h / 2 + 8 + down(node) * (height - node.h - 36);
      node.label.setAttribute("y", crowd ? 3.5 : -3);
      for (const [key, value] of [["x", -node.w / 2], ["y", -node.h / 2], ["width", node.w], ["height", node.h]])
        node.box.setAttribute(key, value);
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
    const size = 6 + edge.width;
    const [sx, sy] = border(a, mx, my, 2);
    const [tx, ty] = border(b, mx, my, 2);
    const [ex, ey] = border(b, mx, my, 2 + size);
    const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
    const path = `M${at(sx, sy)}Q${at(mx, my)} ${at(ex, ey)}`;
    edge.line.setAttribute("d", path);
    edge.reach.setAttribute("d", path);
    const hx = (tx - ex) * 0.55;
    const hy = (ty - ey) * 0.55;
    edge.head.setAttribute("d", `M${at(tx, ty)}L${at(ex - hy, ey + hx)}L${at(ex + hy, ey - hx)}Z`);
    edge.text.setAttribute("x", ((sx + 2 * mx + tx) / 4).toFixed(1));
    edge.text.setAttribute("y", ((sy + 2 * my + ty) / 4 + 4).toFixed(1));
  }
}

function push(a, b, ideal) {
  const dx = a.u - b.u || 0.1;
  const dy = a.v - b.v || 0.1;
  const square = dx * dx + dy * dy;
  const force = (1.6 * ideal * ideal) / Math.max(100, square) / Math.sqrt(square);
  a.vx += dx * force;
  a.vy += dy * force;
  b.vx -= dx * force;
  b.vy -= dy * force;
}

function pull(a, b, ideal, strength) {
  const dx = b.u - a.u;
  const dy = b.v - a.v;
  const distance = Math.hypot(dx, dy) || 1;
  const force = ((distance - ideal) / distance) * strength;
  a.vx += dx * force;
  a.vy += dy * force;
  b.vx -= dx * force;
  b.vy -= dy * force;
}

// Where the line from a node's middle towards a point leaves its box, and `gap` further.
function border(node, x, y, gap) {
  const dx = x - node.x;
  const dy = y - node.y;
  const length = Math.hypot(dx, dy) || 1;
  const part = Math.min(node.w / 2 / Math.max(0.01, Math.abs(dx)), node.h / 2 / Math.max(0.01, Math.abs(dy)));
  const reach = part * length + gap;
  return [node.x + (dx / length) * reach, node.y + (dy / length) * reach];
}
