// The open alerts: most urgent first, each with its cause, what to do and, on demand, what speaks for it.

import { element, icon, keyed, setAttribute, setIcon, setParts, setShown, setText } from "./dom.js";
import * as format from "./format.js";
import { isLearning } from "./station.js";

const list = document.getElementById("alert-list");
const none = document.getElementById("no-alerts");
const count = document.getElementById("alert-count");

const URGENCY = { high: 0, medium: 1, low: 2 };
const DETECTORS = {
  "mean-shift": { title: "Shift of the mean", unit: "log-likelihood" },
  "spread-growth": { title: "Grown spread", unit: "log-likelihood" },
  "flat-line": { title: "Flat line", unit: "cycles" },
  "dropout": { title: "Missing values", unit: "to 1" },
  "spikes": { title: "Wild values", unit: "to 1" },
  "peer-drift": { title: "Against its peers", unit: "log-likelihood" },
  "link-watch": { title: "Link watch", unit: "s" },
};
let now = "";

/** Shows the alerts; `select(name)` is called when a station's name is tapped. */
export function showAlerts(state, select) {
  now = state.now;
  const alerts = state.alerts.toSorted(byUrgency);
  keyed(list, alerts, (alert) => alert.id, () => alertView(select));
  setText(count, alerts.length ? urgencies(alerts) : "");
  setShown(none, alerts.length === 0);
  setText(none, `No open alerts. ${watched(state.stations)}`);
}

function byUrgency(one, other) {
  return URGENCY[one.priority] - URGENCY[other.priority] || one.raised.localeCompare(other.raised);
}

function urgencies(alerts) {
  const parts = Object.keys(URGENCY).map((name) => [alerts.filter(({ priority }) => priority === name).length, name]);
  return parts.filter(([number]) => number > 0).map(([number, name]) => `${number} ${name}`).join(", ");
}

/** What silence is worth: which stations are seen, and which are not judged yet. */
function watched(stations) {
  const unseen = stations.filter(({ state }) => state === "unknown").length;
  const learning = stations.filter(({ features }) => features.some(isLearning)).length;
  const all = format.count(stations.length, "station");
  const some = `${stations.length - unseen} of ${all} are watched, ${unseen} not heard of`;
  const seen = unseen === 0 ? `All ${all} are watched` : some;
  return `${seen}; ${learning === 0 ? "none is still learning" : `${learning} still learning`}.`;
}

function alertView(select) {
  const mark = icon("priority-low");
  const priority = element("span", "alert-priority");
  const place = element("button", "text-button");
  place.type = "button";
  const link = element("strong");
  const status = element("span", "alert-status");
  const headline = element("h3", "alert-headline");
  const times = element("p", "alert-times");
  const cause = element("strong");
  const rivals = element("span", "muted");
  const advice = element("p", "alert-advice");
  const advised = element("span");
  advice.append(element("strong", "", "Do: "), advised);
  const affected = element("p", "muted");
  const recent = element("p", "muted");
  const changed = element("p", "muted");
  const common = element("ul", "evidence");
  const acknowledged = element("p", "muted");
  const evidenceTitle = element("summary");
  const evidence = element("ul", "evidence");
  const root = element(
    "li",
    "alert",
    element("div", "alert-head", mark, priority, place, link, status),
    headline,
    times,
    element("p", "alert-cause", cause, rivals),
    advice,
    affected,
    common,
    recent,
    changed,
    acknowledged,
    element("details", "", evidenceTitle, evidence),
  );
  place.addEventListener("click", () => select(place.textContent));
  return {
    root,
    update(alert) {
      setAttribute(root, "data-priority", alert.priority);
      setIcon(mark, `priority-${alert.priority}`);
      setText(priority, format.words(alert.priority));
      setShown(place, alert.station !== undefined);
      setText(place, alert.station ?? "");
      setText(link, alert.link ?? "");
      setText(status, statusText(alert));
      const { lang } = alert;
      setText(headline, alert.headline);
      setAttribute(headline, "lang", lang);
      setParts(times, timesParts(alert));
      setParts(cause, ["Cause: ", ...causeParts(alert.cause, lang)]);
      setParts(rivals, rivalsParts(alert.rivals, lang));
      setText(advised, alert.advice);
      setAttribute(advised, "lang", lang);
      setShown(affected, alert.affected.length > 0);
      setText(affected, `Also shown at ${alert.affected.join(", ")}.`);
      setShown(recent, alert.recent_interventions !== undefined);
      setParts(recent, recentParts(alert.recent_interventions ?? [], lang));
      setShown(changed, alert.recent_changes !== undefined);
      setText(changed, changedText(alert.recent_changes ?? []));
      setShown(common, alert.in_common !== undefined);
      keyed(common, alert.in_common ?? [], ({ kind, signal, station, name }) => `${kind}/${signal ?? station}/${name}`, commonView);
      setShown(acknowledged, alert.acknowledged !== undefined);
      setText(acknowledged, acknowledgedText(alert.acknowledged));
      setText(evidenceTitle, `Evidence (${alert.evidence.length})`);
      const told = alert.evidence.map((item) => ({ ...item, lang }));
      keyed(evidence, told, ({ station, name, detector }) => `${station}/${name}/${detector}`, evidenceView);
    },
  };
}

function statusText({ state, id }) {
  const words = { "returned-unacknowledged": "gone, nobody has seen it", unacknowledged: "new" };
  return `${words[state] ?? state} · ${id}`;
}

function timesParts(alert) {
  const since = `Since ${format.moment(alert.onset, now)} (${format.span(format.secondsBetween(alert.onset, now))})`;
  return [since, ...endParts(alert), `. ${limitText(alert)}`];
}

function endParts({ returned, ended_by, lang }) {
  if (returned === undefined) return [];
  if (ended_by === undefined) return [`, gone since ${format.moment(returned, now)}`];
  return [", judged anew after ", ...interventionParts(ended_by, lang)];
}

function recentParts(interventions, lang) {
  const told = interventions.map((done) => [`${done.station}: `, ...interventionParts(done, lang)]);
  return ["Done shortly before: ", ...joined(told, "; "), "."];
}

function interventionParts(done, lang) {
  return [{ text: done.title, lang }, ` ${format.circumstances(done, now)}`];
}

/** Lists of parts as one, with a separator between them. */
function joined(lists, separator) {
  return lists.flatMap((parts, place) => (place === 0 ? parts : [separator, ...parts]));
}

function changedText(changes) {
  const told = changes.map((change) => `${factorText(change)} since ${format.moment(change.since, now)}`);
  return `New since shortly before: ${told.join("; ")}.`;
}

function factorText({ kind, name, station, signal }) {
  const place = signal ?? (kind === "station" ? undefined : station);
  return place === undefined ? `${kind} ${name}` : `${kind} ${name} (${place})`;
}

function commonView() {
  const root = element("li");
  return { root, update: (common) => setText(root, commonText(common)) };
}

function commonText(common) {
  const { relation, bad, bad_with, good, good_with, since } = common;
  const counts = `${bad_with} of ${bad} bad cycles, ${good_with} of ${good} others`;
  if (relation === "goes-with") return `Goes with ${factorText(common)}: ${counts}.`;
  return `Begun with ${factorText(common)}, there since ${format.moment(since, now)}: ${counts}. It may be chance.`;
}

function limitText(alert) {
  const { time_to_limit_s, time_to_limit_earliest_s, time_to_limit_latest_s, updated, returned } = alert;
  if (time_to_limit_s === undefined || returned) return "";
  if (time_to_limit_s === 0) return "A limit is crossed.";
  const gone = format.secondsBetween(updated, now);
  if (time_to_limit_s <= gone) return "The limit was expected to be crossed by now.";
  const expected = format.span(time_to_limit_s - gone);
  const earliest = Math.max(0, time_to_limit_earliest_s - gone);
  if (time_to_limit_latest_s === undefined) return `Limit in about ${expected}, ${format.span(earliest)} at the earliest.`;
  return `Limit in about ${expected}, ${format.spans(earliest, time_to_limit_latest_s - gone)}.`;
}

function causeParts({ title, share }, lang) {
  return [{ text: title, lang }, ` ${format.percent(share)}`];
}

function rivalsParts(rivals, lang) {
  if (rivals.length === 0) return [];
  return [", or ", ...joined(rivals.map((rival) => causeParts(rival, lang)), ", ")];
}

function acknowledgedText(acknowledged) {
  if (!acknowledged) return "";
  const { by, at, comment } = acknowledged;
  return `Taken on by ${by} at ${format.moment(at, now)}${comment ? `: “${comment}”` : ""}.`;
}

function evidenceView() {
  const title = element("p", "evidence-title");
  const measured = element("p");
  const judged = element("p", "muted");
  const note = element("p", "muted");
  return {
    root: element("li", "", title, measured, judged, note),
    update(evidence) {
      const { station, name, part, variant, lang } = evidence;
      const context = [part && `part ${part}`, variant].filter(Boolean).join(", ");
      const text = evidence.title ?? name;
      setParts(title, [station ? `${station} · ` : "", { text, lang }, context ? ` (${context})` : ""]);
      setText(measured, measuredText(evidence));
      setShown(measured, evidence.value !== undefined);
      setText(judged, judgedText(evidence));
      setText(note, evidence.note ?? "");
      setShown(note, evidence.note !== undefined);
    },
  };
}

function measuredText({ value, unit, baseline, deviation_sigma, baseline_cycles }) {
  const measured = format.value(value, unit);
  if (baseline === undefined) return measured;
  const deviation = deviation_sigma === undefined ? "" : `, ${format.sigmas(deviation_sigma)}`;
  const expected = `${format.value(baseline, unit)} was expected${deviation}`;
  return `${measured} where ${expected}; learnt from ${format.count(baseline_cycles, "cycle")}`;
}

function judgedText({ detector, statistic, threshold, false_alarms_per_shift, onset }) {
  const { title, unit } = DETECTORS[detector] ?? { title: format.words(detector), unit: "" };
  const figure = `${title}: ${format.value(statistic, unit)}, alert above ${format.value(threshold, unit)}`;
  const alarms =
    false_alarms_per_shift === undefined ? "" : `; ${format.number(false_alarms_per_shift)} false alarms a shift`;
  return `${figure}${alarms}; began ${format.moment(onset, now)}.`;
}
