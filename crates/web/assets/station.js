// The detail panel: one station's features and signals, or, with none chosen, the features closest to an alert.

import { element, icon, keyed, setAttribute, setIcon, setShown, setText, svg } from "./dom.js";
import * as format from "./format.js";
import { stateText } from "./shift.js";

const title = document.getElementById("detail-title");
const lead = document.getElementById("detail-lead");
const body = document.getElementById("detail-body");
const close = document.getElementById("detail-close");

const CLOSEST_MAX = 10;
const SIGMA_MAX = 6;
let now = "";

/** Shows a station, or with null what is closest to an alert; `select(name)` is called when a station is tapped. */
export function showDetail(state, station, select) {
  now = state.now;
  setShown(close, station !== null);
  if (station) showStation(station);
  else showClosest(state.stations, select);
}

function showStation(station) {
  setText(title, `${station.name}: ${format.words(station.kind).toLowerCase()}`);
  setText(lead, leadText(station));
  const { name, features, signals } = station;
  const tables = [
    { key: `${name}/features`, view: featureTable, rows: features },
    { key: `${name}/signals`, view: signalTable, rows: signals },
  ];
  keyed(body, tables, ({ key }) => key, ({ view }) => view());
}

function leadText(station) {
  const { since, part, variant, cycles, last_cycle_s, ideal_cycle_s, interventions } = station;
  const lasting = since && format.span(format.secondsBetween(since, now));
  const doing = since ? `${stateText(station)} for ${lasting}.` : "Not heard of yet.";
  const holds = part ? ` Part ${part}${variant ? `, ${variant}` : ""}.` : "";
  const done = interventions ? ` Last done: ${format.intervention(interventions.at(-1), now)}.` : "";
  if (ideal_cycle_s === undefined) return doing + holds + done;
  const last = last_cycle_s === undefined ? "No cycle yet" : `Last cycle ${format.tenths(last_cycle_s)} s`;
  return `${doing}${holds} ${last}, ideal ${format.tenths(ideal_cycle_s)} s; ${format.count(cycles, "cycle")} seen.${done}`;
}

function showClosest(stations, select) {
  setText(title, "Closest to an alert");
  const judged = stations.flatMap((station) =>
    station.features
      .filter((feature) => !isLearning(feature) && nearness(feature) !== null)
      .map((feature) => ({ ...feature, station: station.name })),
  );
  const rows = judged.toSorted((one, other) => nearness(other) - nearness(one)).slice(0, CLOSEST_MAX);
  const number = judged.length > rows.length ? `${rows.length} of ${judged.length}` : judged.length;
  setText(lead, `The ${number} watched features nearest to their threshold. Tap a station for all of it.`);
  keyed(body, [{ key: "closest", rows }], ({ key }) => key, () => closestTable(select));
}

/** A table with a heading, and `empty` instead when it has no rows. */
function tableView({ caption, columns, empty, keyOf, rowView }) {
  const rows = element("tbody");
  const head = element("tr", "", ...columns.map((column) => element("th", "", column)));
  for (const cell of head.children) cell.scope = "col";
  const table = element("table", "", element("thead", "", head), rows);
  table.setAttribute("aria-label", caption);
  const none = element("p", "empty", empty);
  const root = element("div", "table", element("h3", "", caption), table, none);
  return {
    root,
    update({ rows: items }) {
      keyed(rows, items, keyOf, rowView);
      setShown(table, items.length > 0);
      setShown(none, items.length === 0);
    },
  };
}

const FEATURE_COLUMNS = ["Feature", "Value", "Expected", "Deviation", "Towards an alert"];

function featureTable() {
  return tableView({
    caption: "Features of the last cycle",
    columns: FEATURE_COLUMNS,
    empty: "No features: this station has no process model.",
    keyOf: ({ name }) => name,
    rowView: () => featureRow(element("th")),
  });
}

function closestTable(select) {
  return tableView({
    caption: "Watched features",
    columns: FEATURE_COLUMNS,
    empty: "Nothing is judged yet: the baselines are still being learnt.",
    keyOf: ({ station, name }) => `${station}/${name}`,
    rowView: () => closestRow(select),
  });
}

function closestRow(select) {
  const place = element("button", "text-button");
  const name = element("span");
  place.type = "button";
  place.addEventListener("click", () => select(place.textContent));
  return featureRow(element("th", "", place, " ", name), (feature) => {
    setText(place, feature.station);
    setText(name, format.words(feature.name));
  });
}

function featureRow(head, label = (feature) => setText(head, format.words(feature.name))) {
  head.scope = "row";
  const value = element("td", "figure");
  const baseline = element("td", "figure");
  const deviation = deviationBar();
  const progress = progressBar();
  return {
    root: element("tr", "", head, value, baseline, element("td", "", deviation.root), element("td", "", progress.root)),
    update(feature) {
      label(feature);
      setText(value, format.value(feature.value, feature.unit));
      setText(baseline, format.value(feature.baseline, feature.unit));
      deviation.update(feature);
      progress.update(feature);
    },
  };
}

/** How far the value is from what is expected, in standard deviations, left and right of a middle line. */
function deviationBar() {
  const bar = svg("rect", { y: 3, height: 8 });
  const text = element("span", "figure");
  const middle = svg("path", { d: "M48 0v14" });
  const scale = svg("svg", { class: "bar", viewBox: "0 0 96 14", "aria-hidden": "true" }, bar, middle);
  return {
    root: element("span", "bar-cell", scale, text),
    update({ deviation_sigma }) {
      const clamped = Math.max(-SIGMA_MAX, Math.min(SIGMA_MAX, deviation_sigma ?? 0));
      const length = (Math.abs(clamped) / SIGMA_MAX) * 48;
      setAttribute(bar, "x", clamped < 0 ? 48 - length : 48);
      setAttribute(bar, "width", length);
      setAttribute(scale, "data-size", Math.abs(clamped) >= 3 ? "large" : null);
      setText(text, format.sigmas(deviation_sigma));
    },
  };
}

/** How much of the way to an alert the detector has gone; while it learns, how much it has learnt. */
function progressBar() {
  const bar = svg("rect", { x: 0, y: 3, height: 8 });
  const frame = svg("path", { d: "M.5 3.5h59v7H.5z" });
  const scale = svg("svg", { class: "bar progress", viewBox: "0 0 60 14", "aria-hidden": "true" }, frame, bar);
  const text = element("span");
  return {
    root: element("span", "bar-cell", scale, text),
    update(feature) {
      const learning = isLearning(feature);
      const share = learning ? feature.baseline_cycles / feature.warm_up_cycles : (nearness(feature) ?? 0);
      setAttribute(bar, "width", 60 * Math.min(1, share));
      setAttribute(scale, "data-kind", learning ? "learning" : share >= 1 ? "alert" : "watching");
      setText(text, progressText(feature, learning));
    },
  };
}

function progressText({ baseline_cycles, warm_up_cycles, statistic, threshold }, learning) {
  if (learning) return `learning ${baseline_cycles} of ${warm_up_cycles}`;
  if (statistic === undefined || threshold === undefined) return "not judged";
  return `${format.tenths(statistic)} of ${format.tenths(threshold)} σ`;
}

/** Whether a feature's baseline is not used yet. */
export function isLearning({ baseline_cycles, warm_up_cycles }) {
  return baseline_cycles < warm_up_cycles;
}

/** The detector's statistic as a share of its threshold; null where there is none. */
function nearness({ statistic, threshold }) {
  return statistic === undefined || !(threshold > 0) ? null : statistic / threshold;
}

function signalTable() {
  return tableView({
    caption: "Signals",
    columns: ["Signal", "Role", "Value", "Quality", "Age"],
    empty: "No signals are configured here.",
    keyOf: ({ name }) => name,
    rowView: signalRow,
  });
}

function signalRow() {
  const name = element("th");
  name.scope = "row";
  const role = element("td", "muted");
  const value = element("td", "figure");
  const mark = icon("state-unknown");
  const word = element("span");
  const quality = element("span", "quality", mark, word);
  const age = element("td", "figure");
  const marks = { good: "state-up", uncertain: "state-unknown", bad: "state-down" };
  const root = element("tr", "", name, role, value, element("td", "", quality), age);
  return {
    root,
    update(signal) {
      setText(name, signal.name);
      setText(role, signal.role);
      setText(value, format.value(signal.value, signal.unit));
      setAttribute(root, "data-quality", signal.quality ?? "none");
      setIcon(mark, marks[signal.quality] ?? "state-unknown");
      setText(word, signal.quality ? signal.quality + (signal.reason ? ` (${signal.reason})` : "") : "never heard of");
      setText(age, signal.at ? format.span(format.secondsBetween(signal.at, now)) : "–");
    },
  };
}
