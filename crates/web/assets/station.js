// One station: what it does, its alerts, a chart of one of its features, all features and signals, and what was done there.

import { element, icon, keyed, link, panel, rowHead, setAttribute, setIcon, setShown, setText, table } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./ask.js";
import { chartView } from "./chart.js";
import { featureTable, nearness } from "./features.js";
import { interventionName, named, word } from "./language.js";
import { address, setQuery } from "./route.js";
import { serviceView } from "./service.js";
import { stateText } from "./shift.js";

const POLL_MS = 1_000;

/** The view. */
export function stationView(name, query) {
  const title = element("h1", "", name);
  const stateMark = icon("state-unknown");
  const stateWord = element("span");
  const state = element("span", "state", stateMark, stateWord);
  const lead = element("p", "muted");
  const alerts = element("ul", "links-list");
  const chart = chartView();
  const notes = element("ul", "notes");
  const signals = signalTable({ hasStation: false });
  let chosen = query.get("feature") ?? "";
  const features = featureTable(choose, () => chosen);
  const ofAlerts = panel(word("station.alerts"), alerts);
  const ofChart = panel(word("station.features"), chart.root, features.root);
  const ofNotes = panel(word("station.done"), notes);
  const changeovers = changeoverTable();
  const ofChangeovers = panel(word("station.changeovers"), changeovers.root);
  const ofSignals = panel(word("station.signals"), signals.root);
  const head = element("div", "view-head", link(address("line"), "back", word("page.back")), title, element("p", "", state), lead);
  const service = serviceView(name);
  const ofService = panel(word("service.title"), service.root);
  const side = element("div", "stack", ofAlerts.root, ofService.root, ofSignals.root, ofNotes.root, ofChangeovers.root);
  const root = element("div", "view", head, element("div", "columns", ofChart.root, side));
  let line = null;
  let station = null;
  const path = `/api/v1/station/${encodeURIComponent(name)}`;
  const asking = poll(() => path, POLL_MS, ({ ok, answer }) => {
    if (!ok) return station ?? setText(lead, answer.error);
    station = answer;
    show();
  });

  function choose(feature) {
    chosen = feature;
    setQuery({ feature });
    show();
  }

  function show() {
    if (!station || !line) return;
    setText(title, `${name}: ${named("kind", station.kind)}`);
    setAttribute(state, "data-state", station.state);
    setIcon(stateMark, `state-${station.state}`);
    setText(stateWord, stateText(station));
    setText(lead, leadText(station, line.now));
    const open = line.alerts.filter(({ id }) => station.alerts.includes(id));
    keyed(alerts, open, ({ id }) => id, alertView);
    setShown(ofAlerts.root, open.length > 0);
    service.update(line);
    setShown(ofService.root, service.isOfUse());
    showFeatures();
    signals.update(station.signals, line.now);
    const done = notesOf(station, line.now);
    keyed(notes, done, (text) => text, noteView);
    setShown(ofNotes.root, done.length > 0);
    changeovers.update(station.changeovers ?? []);
    setShown(ofChangeovers.root, station.changeovers !== undefined);
  }

  function showFeatures() {
    const { features: all } = station;
    setShown(chart.root, all.length > 0);
    if (!all.some((feature) => feature.name === chosen)) {
      chosen = all.toSorted((one, other) => (nearness(other) ?? -1) - (nearness(one) ?? -1))[0]?.name ?? "";
    }
    if (chosen) chart.show({ station: name, feature: chosen, variant: station.variant, onset: onsetOf(chosen) });
    features.update(all);
  }

  /** When that feature began to depart, if an open alert says so. */
  function onsetOf(feature) {
    const evidence = line.alerts.flatMap((alert) => alert.evidence);
    return evidence.find((item) => item.station === name && item.name === feature)?.onset;
  }

  return {
    root,
    close() {
      asking.stop();
      chart.close();
    },
    update(next) {
      line = next;
      show();
    },
  };
}

function leadText(station, now) {
  const { since, part, variant, cycles, last_cycle_s, ideal_cycle_s } = station;
  const doing = since ? word("station.since", { state: stateText(station), span: format.age(since, now) }) : word("station.unheard");
  const holds = !part ? "" : variant ? word("station.partOf", { part, variant }) : word("station.part", { part });
  const ideal = format.tenths(ideal_cycle_s);
  const counted = word("station.counted", { n: cycles });
  const pace =
    ideal_cycle_s === undefined
      ? ""
      : last_cycle_s === undefined
        ? word("station.noCycle", { ideal })
        : word("station.last", { last: format.tenths(last_cycle_s), ideal, cycles: counted });
  return [doing, holds, pace].filter(Boolean).join(" ");
}

function notesOf({ interventions = [] }, now) {
  return interventions.toReversed().map((one) => `${interventionName(one)} ${format.circumstances(one, now)}`);
}

function changeoverTable() {
  return table({
    caption: word("station.changeovers"),
    columns: ["fromTo", "mean", "p90", "count"].map((name) => word(`station.${name}`)),
    empty: "–",
    keyOf: ({ from, to }) => `${from}/${to}`,
    rowView: ({ from, to }) => {
      const cells = Array.from({ length: 3 }, () => element("td", "figure"));
      return {
        root: element("tr", "", rowHead(`${from} → ${to}`), ...cells),
        update({ mean_s, p90_s, count }) {
          const texts = [format.span(mean_s), format.span(p90_s), format.whole(count)];
          for (const [place, text] of texts.entries()) setText(cells[place], text);
        },
      };
    },
  });
}

function noteView(text) {
  return { root: element("li", "", text), update() {} };
}

function alertView({ id }) {
  const mark = icon("priority-low");
  const text = link(address("incident", id));
  const root = element("li", "alert-head", mark, text);
  return {
    root,
    update(alert) {
      setAttribute(root, "data-priority", alert.priority);
      setIcon(mark, `priority-${alert.priority}`);
      setText(text, alert.headline);
      setAttribute(text, "lang", alert.lang);
    },
  };
}

/** A table of signals with value, quality and age; with `hasStation` of more stations than one, with their links. */
export function signalTable({ hasStation }) {
  const names = hasStation ? ["name", "value", "quality", "age", "role", "link"] : ["name", "value", "quality", "age"];
  const shown = table({
    caption: word("station.signals"),
    columns: names.map((name) => word(`signal.${name}`)),
    empty: hasStation ? word("health.noneFound") : word("station.noSignals"),
    keyOf: ({ station = "", name }) => `${station}/${name}`,
    rowView: (signal) => signalRow(signal, hasStation),
  });
  return { root: shown.root, update: (signals, now) => shown.update(signals.map((signal) => ({ ...signal, now }))) };
}

function signalRow({ station, name }, hasStation) {
  const head = hasStation ? rowHead(link(address("station", station), "", station), ` / ${name}`) : rowHead(name);
  const role = element("td", "muted");
  const value = element("td", "figure");
  const mark = icon("state-unknown");
  const text = element("span");
  const quality = element("span", "quality", mark, text);
  const age = element("td", "figure");
  const over = element("td", "muted");
  const marks = { good: "state-up", uncertain: "state-unknown", bad: "state-down" };
  const root = element("tr", "", head, value, element("td", "", quality), age, ...(hasStation ? [role, over] : []));
  return {
    root,
    update(signal) {
      setText(role, signal.role);
      setText(value, format.value(signal.value, signal.unit));
      setAttribute(root, "data-quality", signal.quality ?? "none");
      setIcon(mark, marks[signal.quality] ?? "state-unknown");
      const reason = signal.reason ? ` (${named("reason", signal.reason)})` : "";
      setText(text, signal.quality ? named("quality", signal.quality) + reason : word("quality.unheard"));
      setText(age, format.age(signal.at, signal.now));
      setText(over, signal.link ?? "");
    },
  };
}
