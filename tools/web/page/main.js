// SPDX-License-Identifier: MIT
//
// Asks again and again, and shows what is there. The page only looks: it has nothing to send.
import { Details } from "./details.js";
import { Graph } from "./graph.js";
import { Model, bytes, count, plain, speed } from "./model.js";
import { Table, h, tables } from "./tables.js";

const every = 1000; // milliseconds between looks; hidden pages look less often
const everyHidden = 5000;
const eachWorker = 10; // so long at least for each worker, because each is asked whether it answers
const patience = 45000; // until an answer is given up
const objectsMost = 200;

const by = (id) => document.getElementById(id);
const model = new Model();
let objects = [];
let selection = { kind: "none" };
let tab = "workers";
const wanted = { host: "", holder: "", kind: "", min_age: "" };

const graph = new Graph(by("graph"), by("hint"), choose);
const table = new Table(by("table"), choose);
const details = new Details(by("details"), { choose, objects: showObjects, redraw: draw });

// ---- Choosing ----

function choose(what) {
  selection = what;
  draw();
}

function openTab(name) {
  tab = name;
  by("wanted").hidden = tab !== "objects";
  for (const button of by("tabs").children) {
    const open = button.dataset.tab === tab;
    button.setAttribute("aria-selected", open);
    button.tabIndex = open ? 0 : -1;
  }
  draw();
  if (tab === "objects") lookAtObjects().then(draw);
}

function showObjects(filter) {
  for (const key of Object.keys(wanted)) wanted[key] = filter[key] ?? "";
  objects = [];
  fillWanted();
  openTab("objects");
}

function makeTabs() {
  by("tabs").append(...Object.entries(tables).map(([name, { title }]) => {
    const button = h("button", { type: "button", role: "tab", textContent: title });
    button.dataset.tab = name;
    button.addEventListener("click", () => openTab(name));
    return button;
  }));
  by("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...by("tabs").children];
    const next = all[(all.findIndex((b) => b.dataset.tab === tab) + step + all.length) % all.length];
    openTab(next.dataset.tab);
    next.focus();
  });
}

// ---- Which objects ----

const kinds = ["table", "function", "thread", "userdata"];
const option = (value, text) => h("option", { value, textContent: text });

function makeWanted() {
  const field = (label, control) => h("label", {}, `${label} `, control);
  const change = () => {
    for (const key of Object.keys(wanted)) wanted[key] = by("wanted").elements[key].value;
    objects = [];
    draw();
    lookAtObjects().then(draw);
  };
  const age = h("input", { name: "min_age", type: "number", min: 0, max: 4294967295, placeholder: "0" });
  by("wanted").append(
    field("of", h("select", { name: "host" })), field("held by", h("select", { name: "holder" })),
    field("kind", h("select", { name: "kind" }, option("", "any"), ...kinds.map((k) => option(k, k)))),
    field("older than", age), " s", h("output", { id: "shown" }));
  by("wanted").addEventListener("change", change);
  by("wanted").addEventListener("submit", (event) => event.preventDefault());
}

function fillWanted() {
  const names = [...model.workers.keys()].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  for (const key of ["host", "holder"]) {
    const select = by("wanted").elements[key];
    const all = wanted[key] && !names.includes(wanted[key]) ? [wanted[key], ...names] : names;
    if (JSON.stringify([...select.options].map((o) => o.value).slice(1)) !== JSON.stringify(all))
      select.replaceChildren(option("", "any"), ...all.map((n) => option(n, plain(n))));
    select.value = wanted[key];
  }
  by("wanted").elements.kind.value = wanted.kind;
  if (document.activeElement !== by("wanted").elements.min_age)
    by("wanted").elements.min_age.value = wanted.min_age;
}

// ---- Asking ----

async function get(path) {
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(patience) });
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  if (response.status === 404) throw new Error("this page's address is an old one");
  throw new Error(response.status === 503 ? `the broker is gone: ${text.trim()}` : text.trim());
}

let objectsAsked = 0; // how many times; an older answer that comes late is not taken
async function lookAtObjects() {
  const turn = ++objectsAsked;
  const query = new URLSearchParams({ ...wanted, limit: objectsMost });
  try {
    const answer = await get(`tokens?${query}`);
    if (turn !== objectsAsked) return;
    objects = answer.tokens;
    const whole = objects.length < objectsMost;
    by("shown").value = whole ? `${count(objects.length)} objects`
      : `the first ${count(objectsMost)} of ${count(model.status.tokens)} in all`;
  } catch (error) {
    if (turn !== objectsAsked) return;
    by("shown").value = plain(error.message);
    objects = [];
  }
}

async function look() {
  try {
    model.take(await get("look"));
    if (tab === "objects") await lookAtObjects();
    alarm("");
  } catch (error) {
    const gone = error instanceof TypeError || error.name === "TimeoutError";
    alarm(gone ? "gaijinctl web does not answer; what is shown is old" : plain(error.message));
  }
  draw();
  const pause = Math.max(every, eachWorker * model.workers.size);
  setTimeout(look, document.hidden ? Math.max(everyHidden, pause) : pause);
}

function alarm(text) {
  by("banner").hidden = !text;
  if (by("banner").textContent !== text) by("banner").textContent = text;
  document.body.classList.toggle("stale", text !== "");
}

// ---- Drawing ----

function drawSums() {
  const s = model.status;
  const warnings = model.warnings();
  const living = [...model.workers.values()].filter((w) => w.gone === null).length;
  const sums = [["workers", count(living)], ["messages", speed(model.total.speed)], ["objects held", count(s.tokens)],
    ["open requests", count(s.requests)], ["broker's memory", bytes(s.memory)],
    ["to look at", warnings.length ? count(warnings.length) : "nothing"]];
  if (by("sums").children.length !== sums.length)
    by("sums").replaceChildren(...sums.map(([label]) => h("div", {}, h("dt", { textContent: label }), h("dd"))));
  sums.forEach(([, value], i) => { by("sums").children[i].lastChild.textContent = value; });
  by("sums").lastChild.title = warnings.join("\n");
  by("sums").lastChild.lastChild.classList.toggle("fault", warnings.length > 0);
}

function draw() {
  const words = by("filter").value.trim().toLowerCase();
  drawSums();
  fillWanted();
  graph.show(model, selection, (name) => !words || plain(name).toLowerCase().includes(words));
  table.show(tab, model, objects, selection, words);
  details.show(model, selection);
}

document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    by("filter").focus();
  } else if (event.key === "Escape") {
    by("filter").value = "";
    choose({ kind: "none" });
  }
});
by("filter").addEventListener("input", draw);
by("picture").addEventListener("click", (event) => {
  if (event.target === by("graph")) choose({ kind: "none" });
});
makeTabs();
makeWanted();
openTab("workers");
look();
