// The line as a mimic: stations in flow order, utilities below, and the pipes between them.

import { element, icon, keyed, link, setAttribute, setIcon, setParts, setShown, setText, svg } from "./dom.js";
import * as format from "./format.js";
import { named, word } from "./language.js";
import { address } from "./route.js";

const STATES = ["running", "starved", "blocked", "down", "held", "changeover", "idle", "not-scheduled", "unknown"];
const PRIORITIES = ["high", "medium", "low"];
const CARD_MIN_PX = 98;
const GAP_PX = 16;

/** The mimic: an object with its `root`, `update(line)` and `close()`. */
export function mimicView() {
  const summary = element("ul", "summary");
  summary.setAttribute("aria-label", word("line.byState"));
  const pipes = svg("svg", { class: "pipes", "aria-hidden": "true" });
  const flow = element("ol", "flow");
  flow.setAttribute("aria-label", word("line.stations"));
  const utilities = element("ul", "utilities");
  utilities.setAttribute("aria-label", word("line.utilities"));
  const plan = element("div", "plan", pipes, flow, utilities);
  let drawn = [];
  const arrange = () => {
    setColumns(flow);
    drawPipes({ plan, pipes, flow }, drawn);
  };
  const observer = new ResizeObserver(arrange);
  observer.observe(plan);
  return {
    root: element("div", "mimic", summary, plan),
    close: () => observer.disconnect(),
    update(line) {
      const serving = new Set(line.stations.flatMap((station) => station.utilities));
      const isUtility = (station) => serving.has(station.name) || station.kind === "cooling-loop";
      const withContext = (station) => ({
        ...station,
        isOut: (line.out_of_service ?? []).some(({ place }) => place === station.name),
        isBottleneck: station.name === line.shift?.bottleneck,
        raised: line.alerts.filter(({ id }) => station.alerts.includes(id)),
      });
      const cards = (parent, stations) => keyed(parent, stations.map(withContext), ({ name }) => name, cardView);
      cards(flow, inFlowOrder(line.stations.filter((station) => !isUtility(station))));
      cards(utilities, line.stations.filter(isUtility));
      setShown(utilities, utilities.childElementCount > 0);
      const counted = STATES.map((name) => ({ name, n: line.stations.filter(({ state }) => state === name).length }));
      keyed(summary, counted.filter(({ n }) => n > 0), ({ name }) => name, summaryView);
      const before = JSON.stringify(drawn);
      drawn = line.stations.map(({ name, upstream, utilities }) => ({ name, upstream, utilities }));
      if (JSON.stringify(drawn) !== before) arrange();
    },
  };
}

/** Upstream before downstream; otherwise as configured. Stations in a loop, which a line cannot have, come last. */
export function inFlowOrder(stations) {
  const names = new Set(stations.map((station) => station.name));
  const placed = new Set();
  const ordered = [];
  let waiting = stations;
  while (waiting.length) {
    const ready = (station) => station.upstream.every((name) => placed.has(name) || !names.has(name));
    const next = waiting.find(ready) ?? waiting[0];
    placed.add(next.name);
    ordered.push(next);
    waiting = waiting.filter((station) => station !== next);
  }
  return ordered;
}

function cardView(station) {
  const alertMark = icon("priority-low");
  const alertCount = element("span");
  const alertBadge = element("span", "badge", alertMark, alertCount);
  const stateMark = icon("state-unknown");
  const stateWord = element("span");
  const part = element("span", "card-part");
  const figure = element("span", "card-figure");
  const bottleneck = element("span", "card-note", word("line.bottleneck"));
  const out = element("span", "card-note", named("alertState", "out-of-service"));
  const root = link(
    address("station", station.name),
    "card",
    element("span", "card-head", icon(`kind-${station.kind}`), alertBadge),
    element("span", "card-name", station.name),
    element("span", "state", stateMark, stateWord),
    part,
    figure,
    bottleneck,
    out,
  );
  root.dataset.station = station.name;
  return {
    root: element("li", "place", root),
    update(station) {
      setAttribute(root, "data-state", station.state);
      setIcon(stateMark, `state-${station.state}`);
      setText(stateWord, named("state", station.state));
      setParts(part, [station.part ?? "", station.variant ? ` ${station.variant}` : ""]);
      setText(figure, figureOf(station));
      setAttribute(figure, "data-slow", isSlow(station) ? "true" : null);
      setShown(bottleneck, station.isBottleneck);
      setShown(out, station.isOut);
      const worst = PRIORITIES.find((name) => station.raised.some((alert) => alert.priority === name));
      setShown(alertBadge, Boolean(worst));
      setAttribute(alertBadge, "data-priority", worst ?? null);
      if (!worst) return;
      setIcon(alertMark, `priority-${worst}`);
      setText(alertCount, word("line.alerts", { n: station.raised.length }));
    },
  };
}

/** Last cycle against the ideal one; of a station without cycles the signal that says most. */
function figureOf({ kind, last_cycle_s, ideal_cycle_s, shown }) {
  if (ideal_cycle_s !== undefined) return `${format.tenths(last_cycle_s)} / ${format.tenths(ideal_cycle_s)} s`;
  if (!shown || shown.quality === "bad" || shown.value === undefined) return "";
  return kind === "buffer" ? word("line.parts", { n: shown.value }) : format.value(shown.value, shown.unit);
}

function isSlow({ last_cycle_s, ideal_cycle_s }) {
  return last_cycle_s !== undefined && last_cycle_s > 1.1 * ideal_cycle_s;
}

function summaryView({ name }) {
  const text = element("span");
  const root = element("li", "state", icon(`state-${name}`), text);
  root.dataset.state = name;
  return { root, update: ({ n }) => setText(text, `${n} ${named("state", name)}`) };
}

/** Rows of equal length, as few as fit. */
function setColumns(flow) {
  const count = flow.childElementCount;
  const fit = Math.max(1, Math.floor((flow.clientWidth + GAP_PX) / (CARD_MIN_PX + GAP_PX)));
  const rows = Math.ceil(count / fit);
  flow.style.setProperty("--columns", Math.max(1, Math.ceil(count / Math.max(1, rows))));
}

/** The pipes depend on where the cards are. */
function drawPipes({ plan, pipes, flow }, stations) {
  const origin = plan.getBoundingClientRect();
  const boxes = new Map();
  for (const card of plan.querySelectorAll("[data-station]")) {
    const box = card.getBoundingClientRect();
    const [left, right] = [box.left - origin.left, box.right - origin.left];
    const [top, bottom] = [box.top - origin.top, box.bottom - origin.top];
    const [centre, middle] = [(left + right) / 2, (top + bottom) / 2];
    boxes.set(card.dataset.station, { left, right, top, bottom, centre, middle });
  }
  const lines = [];
  for (const { name, upstream } of stations) {
    for (const from of upstream) {
      if (boxes.has(from)) lines.push(flowPipe(boxes.get(from), boxes.get(name)));
    }
  }
  const sources = [...new Set(stations.flatMap((station) => station.utilities))].filter((name) => boxes.has(name));
  const inFlow = [...flow.querySelectorAll("[data-station]")].map(({ dataset }) => boxes.get(dataset.station));
  const lowest = Math.max(...inFlow.map(({ bottom }) => bottom));
  sources.forEach((source, lane) => {
    const served = stations.filter(({ utilities }) => utilities.includes(source)).map(({ name }) => boxes.get(name));
    lines.push(...utilityPipes(boxes.get(source), served, lowest, lane));
  });
  pipes.replaceChildren(...lines);
}

/** Straight to the right neighbour; else out to the right, along the channel above the target's row, in from left. */
function flowPipe(from, to) {
  const half = GAP_PX / 2;
  const straight = from.top === to.top && to.left - from.right < 2 * GAP_PX && to.left > from.right;
  const points = straight
    ? [[from.right, from.middle], [to.left - 5, to.middle]]
    : [
        [from.right, from.middle],
        [from.right + half, from.middle],
        [from.right + half, to.top - half],
        [to.left - half, to.top - half],
        [to.left - half, to.middle],
        [to.left - 5, to.middle],
      ];
  const tip = `M${to.left - 1} ${to.middle}l-6 -4v8z`;
  return svg("g", { class: "pipe-flow" }, svg("path", { d: path(points) }), svg("path", { class: "solid", d: tip }));
}

/**
 * Below each row with a served station a bus with taps up to them, and a trunk from the bus to the utility: straight
 * down from the lowest row, along the margin from the others.
 */
function utilityPipes(source, served, lowest, lane) {
  const offset = 8 + 4 * lane;
  const margin = 8 - 3 * lane;
  const rows = Map.groupBy(served, (box) => box.bottom);
  return [...rows].map(([bottom, boxes]) => {
    const bus = bottom + offset;
    const taps = boxes.map((box) => `M${box.centre} ${bus}V${box.bottom}`).join("");
    const isLowest = bottom >= lowest;
    const trunk = isLowest ? source.centre : margin;
    const ends = [trunk, ...boxes.map((box) => box.centre)];
    const down = isLowest ? `V${source.top}` : `V${source.middle}H${source.left}`;
    const along = `M${Math.max(...ends)} ${bus}H${Math.min(...ends)}`;
    return svg("path", { class: "pipe-utility", d: `${along}M${trunk} ${bus}${down}${taps}` });
  });
}

function path(points) {
  return `M${points.map(([x, y]) => `${x} ${y}`).join("L")}`;
}
