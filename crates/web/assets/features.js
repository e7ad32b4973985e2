// Features in a table: what was measured, what was expected, how far that is, and how near an alert is.

import { button, element, link, rowHead, setAttribute, setText, svg, table } from "./dom.js";
import * as format from "./format.js";
import { featureName, word } from "./language.js";
import { address } from "./route.js";

const SIGMA_MAX = 6;

/** A table of a station's features. Each is a button that chooses it, with `onChoose(name)`; `chosen()` says which one is. */
export function featureTable(onChoose, chosen) {
  return table({
    caption: word("station.features"),
    columns: ["feature", "value", "expected", "deviation", "towards"].map((name) => word(`station.${name}`)),
    empty: word("station.noFeatures"),
    keyOf: ({ name }) => name,
    rowView: (feature) => featureRow(chooseHead(feature, onChoose, chosen)),
  });
}

/** A table of the features of several stations, without their values; each leads to its station. */
export function nearestTable() {
  return table({
    caption: word("line.nearest"),
    columns: ["feature", "deviation", "towards"].map((name) => word(`station.${name}`)),
    empty: word("station.notJudgedYet"),
    keyOf: ({ station, name }) => `${station}/${name}`,
    rowView: nearestRow,
  });
}

function nearestRow({ station, name }) {
  const head = rowHead(link(address("station", station, { feature: name }), "", station), ` ${featureName(name)}`);
  const [deviation, progress] = [deviationBar(), progressBar()];
  return {
    root: element("tr", "", head, element("td", "", deviation.root), element("td", "", progress.root)),
    update(feature) {
      deviation.update(feature);
      progress.update(feature);
    },
  };
}

function chooseHead({ name }, onChoose, chosen) {
  const choose = button(featureName(name), "text-button", () => onChoose(name));
  return { root: rowHead(choose), update: () => setAttribute(choose, "aria-pressed", String(chosen() === name)) };
}

function featureRow(head) {
  const value = element("td", "figure");
  const baseline = element("td", "figure");
  const deviation = deviationBar();
  const progress = progressBar();
  return {
    root: element("tr", "", head.root, value, baseline, element("td", "", deviation.root), element("td", "", progress.root)),
    update(feature) {
      head.update();
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
  if (learning) return word("station.learning", { seen: baseline_cycles, needed: warm_up_cycles });
  if (statistic === undefined || threshold === undefined) return word("station.notJudged");
  return word("station.progress", { statistic: format.tenths(statistic), threshold: format.tenths(threshold) });
}

/** Whether a feature's baseline is not used yet. */
function isLearning({ baseline_cycles, warm_up_cycles }) {
  return baseline_cycles < warm_up_cycles;
}

/** The detector's statistic as a share of its threshold; null where there is none. */
export function nearness(feature) {
  const { statistic, threshold } = feature;
  return isLearning(feature) || statistic === undefined || !(threshold > 0) ? null : statistic / threshold;
}
