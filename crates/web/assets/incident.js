// One incident: what it is, its chart, what may be behind it, what to do, and what was done about it.

import { button, element, facts, icon, keyed, link, panel, setAttribute, setIcon, setParts, setShown, setText, svg } from "./dom.js";
import * as format from "./format.js";
import { chartView } from "./chart.js";
import { commandsView } from "./commands.js";
import { historyOf } from "./history.js";
import { limitText } from "./incidents.js";
import { featureName, interventionName, named, word } from "./language.js";
import { address } from "./route.js";

const UNITS = {
  "mean-shift": "log-likelihood",
  "spread-growth": "log-likelihood",
  "flat-line": "cycles",
  dropout: "to 1",
  spikes: "to 1",
  "peer-drift": "log-likelihood",
  silence: "s",
  "link-watch": "s",
  "machine-alarm": "of 1000",
};
/** What detectors of features say can be drawn; what those of sensors and links say is not of cycles. */
const DRAWN = ["mean-shift", "spread-growth"];

/** The view. */
export function incidentView(id) {
  const mark = icon("priority-low");
  const priority = element("span", "alert-priority");
  const title = element("h1", "", word("incident.of", { id }));
  const head = element("div", "view-head", link(address("line"), "back", word("page.back")), element("div", "alert-head", mark, priority), title);
  const gone = element("p", "empty", word("incident.notOpenMore"));
  const advice = element("p", "advice");
  const overview = facts();
  const chart = chartView();
  const causes = element("ol", "causes");
  const common = element("ul", "notes");
  const evidence = element("ul", "evidence");
  const history = element("ol", "history");
  const commands = commandsView();
  const panels = {
    chart: panel(word("incident.evidence"), chart.root, evidence),
    advice: panel(word("incident.do"), advice),
    overview: panel(word("incident.state"), overview.root),
    commands: panel(word("do.title"), commands.root),
    causes: panel(word("incident.cause"), causes),
    common: panel(word("incident.common"), common),
    history: panel(word("incident.history"), history),
  };
  const part = (...names) => element("div", "stack", ...names.map((name) => panels[name].root));
  const content = element("div", "columns acting", part("advice", "chart"), part("commands", "overview", "causes", "common", "history"));
  const root = element("div", "view", head, gone, content);
  let chosen = null;

  function choose(item, alert) {
    chosen = keyOf(item);
    chart.show({ station: item.station, feature: item.name, variant: item.variant, onset: item.onset });
    setText(panels.chart.heading, word("incident.evidence"));
    showEvidence(alert);
  }

  function showEvidence(alert) {
    const items = alert.evidence.map((item) => ({ ...item, lang: alert.lang, isChosen: keyOf(item) === chosen }));
    keyed(evidence, items, keyOf, () => evidenceView((item) => choose(item, alert)));
  }

  return {
    root,
    close: chart.close,
    update(line) {
      const alert = line.alerts.find((one) => one.id === id);
      setShown(gone, alert === undefined);
      setShown(content, alert !== undefined);
      if (!alert) {
        setText(title, word("incident.notOpen", { id }));
        return setAttribute(root, "data-priority", null);
      }
      setAttribute(root, "data-priority", alert.priority);
      setIcon(mark, `priority-${alert.priority}`);
      setText(priority, `${named("priority", alert.priority)} · ${named("alertState", alert.state)}`);
      setText(title, alert.headline);
      setAttribute(title, "lang", alert.lang);
      setText(advice, alert.advice);
      setAttribute(advice, "lang", alert.lang);
      overview.update(overviewOf(alert, line.now));
      const drawn = alert.evidence.find(isDrawn);
      setShown(chart.root, drawn !== undefined);
      if (chosen === null && drawn) choose(drawn, alert);
      else showEvidence(alert);
      keyed(causes, [alert.cause, ...alert.rivals].map((cause) => ({ ...cause, lang: alert.lang })), ({ name }) => name, causeView);
      const notes = notesOf(alert, line.now);
      setShown(panels.common.root, notes.length > 0);
      keyed(common, notes, ({ key }) => key, noteView);
      commands.update(alert, line);
      setShown(panels.commands.root, commands.isOfUse());
      keyed(history, historyOf(alert, line.now), ({ key }) => key, historyView);
    },
  };
}

const keyOf = ({ station = "", name, detector }) => `${station}/${name}/${detector}`;
const isDrawn = ({ station, detector }) => station !== undefined && DRAWN.includes(detector);

function overviewOf(alert, now) {
  const place = alert.station && link(address("station", alert.station), "", alert.station);
  const { onset, escalation, stake, shelved, out_of_service: out, judged, repeats = 0, marked_false: cried = 0 } = alert;
  const to = escalation?.to.map(({ role, name }) => name ?? role).join(", ");
  const at = (moment) => format.moment(moment, now);
  return [
    [word("incident.where"), place ? cached(alert.id, place) : alert.link],
    [word("incident.also"), alert.affected.join(", ")],
    [word("incident.when"), `${at(onset)} (${format.age(onset, now)})`],
    [word("incident.untilLimit"), limitText(alert, now)],
    [word("incident.stake"), stake && stakeText(stake)],
    [word("incident.count"), repeats > 0 ? word("incident.times", { n: repeats + 1 }) : undefined],
    [word("incident.acknowledged"), alert.acknowledged && word("incident.byAt", { by: alert.acknowledged.by, time: at(alert.acknowledged.at) })],
    [named("change", "shelved"), shelved && shelvedText(shelved, at)],
    [named("change", "suppressed"), alert.suppressed_by],
    [named("alertState", "out-of-service"), out && `${out.place}, ${word("incident.byAt", { by: out.by, time: at(out.at) })}`],
    [word("incident.judged"), judged && `${named("as", judged.as)}, ${word("incident.byAt", { by: judged.by, time: at(judged.at) })}`],
    [word("incident.cried"), cried > 0 ? word("incident.times", { n: cried }) : undefined],
    [word("incident.escalated"), escalation && word("incident.escalatedTo", { step: escalation.step, to, time: at(escalation.since) })],
  ];
}

/** What comes of it, and what that costs: `Scrap, 1,200 EUR an hour`. */
function stakeText({ consequence, cost_per_h, currency = "" }) {
  const what = named("consequence", consequence);
  return cost_per_h === undefined ? what : `${what}, ${word("incident.cost", { cost: format.whole(cost_per_h), currency })}`;
}

function shelvedText({ by, at: since, until }, at) {
  const told = word("incident.byAt", { by, time: at(since) });
  return `${told}, ${until === undefined ? word("do.shelveOnce") : word("incident.until", { time: at(until) })}`;
}

const places = new Map();

/** The same link as last time, so that it does not lose the keyboard four times a second. */
function cached(id, place) {
  const known = places.get(id);
  if (known?.textContent === place.textContent) return known;
  places.clear();
  places.set(id, place);
  return place;
}

function causeView() {
  const title = element("span", "cause-title");
  const share = element("span", "figure");
  const length = svg("rect", { height: 8 });
  const bar = svg("svg", { class: "share", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" }, length);
  return {
    root: element("li", "cause", title, share, bar),
    update(cause) {
      setText(title, cause.title);
      setAttribute(title, "lang", cause.lang);
      setText(share, format.percent(cause.share));
      setAttribute(length, "width", 100 * cause.share);
    },
  };
}

/** What speaks for one cause or another: what the bad cycles have in common, what was done, what is new. */
function notesOf(alert, now) {
  const common = (alert.in_common ?? []).map((one) => ({ key: `common/${factorKey(one)}`, parts: [commonText(one, now)] }));
  const recent = (alert.recent_interventions ?? []).map((done) => ({
    key: `done/${done.station}/${done.kind}/${done.at}`,
    parts: [`${word("incident.recent")}: ${done.station}, ${interventionName(done)} ${format.circumstances(done, now)}`],
  }));
  const changes = (alert.recent_changes ?? []).map((change) => ({
    key: `change/${factorKey(change)}`,
    parts: [`${word("incident.changed")}: ${factorText(change)}, ${format.moment(change.since, now)}`],
  }));
  return [...common, ...recent, ...changes];
}

const factorKey = ({ kind, name, station = "", signal = "" }) => `${kind}/${name}/${station}/${signal}`;

function factorText({ kind, name, station, signal }) {
  const place = signal ?? (kind === "station" ? undefined : station);
  const factor = `${named("factor", kind)} ${name}`;
  return place === undefined ? factor : `${factor} (${place})`;
}

function commonText(common, now) {
  const factor = factorText(common);
  if (common.relation === "goes-with") return word("incident.goesWith", { ...common, factor });
  return word("incident.begunWith", { ...common, factor, time: format.moment(common.since, now) });
}

function noteView() {
  const root = element("li");
  return { root, update: ({ parts }) => setParts(root, parts) };
}

function historyView() {
  const time = element("time", "figure");
  const text = element("span");
  return {
    root: element("li", "", time, text),
    update(entry) {
      setText(time, entry.time);
      setText(text, entry.text);
    },
  };
}

function evidenceView(choose) {
  let item = null;
  const title = element("p", "evidence-title");
  const measured = element("p");
  const judged = element("p", "muted");
  const note = element("p", "muted");
  const show = button(word("incident.showChart"), "small", () => choose(item));
  const root = element("li", "", title, measured, judged, note, show);
  return {
    root,
    update(evidence) {
      item = evidence;
      setAttribute(root, "data-chosen", evidence.isChosen ? "" : null);
      setAttribute(show, "aria-pressed", String(evidence.isChosen));
      setShown(show, isDrawn(evidence));
      setParts(title, titleParts(evidence));
      setText(measured, measuredText(evidence));
      setShown(measured, evidence.value !== undefined);
      setText(judged, judgedText(evidence));
      setText(note, evidence.note ?? "");
      setShown(note, evidence.note !== undefined);
    },
  };
}

function titleParts({ station, name, title, part, variant, lang }) {
  const context = [part && word("incident.part", { part }), variant].filter(Boolean).join(", ");
  const text = title ?? featureName(name);
  return [station ? `${station} · ` : "", { text, lang }, context ? ` (${context})` : ""];
}

function measuredText({ value, unit, baseline, deviation_sigma, baseline_cycles }) {
  const measured = format.value(value, unit);
  if (baseline === undefined) return measured;
  return word("incident.measured", {
    value: measured,
    expected: format.value(baseline, unit),
    deviation: deviation_sigma === undefined ? "" : `, ${format.sigmas(deviation_sigma)}`,
    cycles: word("incident.cycles", { n: baseline_cycles }),
  });
}

function judgedText({ detector, statistic, threshold, false_alarms_per_shift: alarms }) {
  const unit = UNITS[detector] ?? "";
  const inUnit = (number) => format.value(number, unit === "s" ? unit : unit && named("unit", unit));
  const figure = word("incident.judgedBy", {
    detector: named("detector", detector),
    statistic: inUnit(statistic),
    threshold: inUnit(threshold),
  });
  return alarms === undefined ? `${figure}.` : `${figure}; ${word("incident.falseAlarms", { number: format.number(alarms) })}.`;
}
