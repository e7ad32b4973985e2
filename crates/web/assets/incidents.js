// The open incidents: most urgent first, to filter; what somebody has put aside is in a section of its own.

import { element, icon, keyed, link, panel, setAttribute, setIcon, setParts, setShown, setText } from "./dom.js";
import * as format from "./format.js";
import { named, word } from "./language.js";
import { address, route, setQuery } from "./route.js";

const URGENCY = { high: 0, medium: 1, low: 2 };
const ASIDE = ["shelved", "suppressed", "out-of-service"];

/** The list with its filter: an object with its `root` and `update(line)`. `query` is the filter of the page's address. */
export function incidentsView(query) {
  const filters = ["station", "priority", "state"].map((name) => filterView(name, query.get(name) ?? "", apply));
  const list = element("ul", "incident-list");
  const none = element("p", "empty");
  const asideTitle = element("summary");
  const asideList = element("ul", "incident-list");
  const aside = element("details", "aside", asideTitle, asideList);
  const bar = element("div", "filters", ...filters.map(({ root }) => root));
  const flood = element("p", "flood");
  flood.setAttribute("role", "status");
  const { root, head } = panel(word("incidents.title"), flood, bar, none, list, aside);
  root.id = "incidents";
  const counted = element("span", "muted");
  head.append(counted);
  let line = null;

  function apply() {
    setQuery({ ...Object.fromEntries(route().query), ...Object.fromEntries(filters.map(({ name, value }) => [name, value()])) });
    update(line);
  }

  function update(next) {
    line = next;
    for (const filter of filters) filter.offer(line.alerts);
    const wanted = line.alerts.filter((alert) => filters.every((filter) => filter.lets(alert)));
    const sorted = wanted.toSorted((one, other) => byUrgency(one, other, line.now));
    const [put, open] = [sorted.filter(isAside), sorted.filter((alert) => !isAside(alert))];
    const shown = (alerts) => alerts.map((alert) => ({ ...alert, now: line.now }));
    keyed(list, shown(open), ({ id }) => id, itemView);
    keyed(asideList, shown(put), ({ id }) => id, itemView);
    setShown(bar, line.alerts.length > 0);
    const { flood_since: since } = line;
    setText(flood, since === undefined ? "" : word("incidents.flood", { time: format.moment(since, line.now) }));
    setShown(aside, put.length > 0);
    setText(asideTitle, word("incidents.aside", { n: put.length }));
    setText(counted, urgencies(open));
    setShown(none, open.length === 0);
    setText(none, open.length < line.alerts.length - put.length ? word("incidents.noneSuch") : `${word("incidents.none")} ${watched(line.stations)}`);
  }
  return { root, update };
}

/** Whether somebody, or another incident, has taken it out of sight. */
export function isAside({ state }) {
  return ASIDE.includes(state);
}

/** By priority, then by the time that is left, then the older first. */
function byUrgency(one, other, now) {
  const left = (alert) => timeLeft(alert, now) ?? Infinity;
  const [ofOne, ofOther] = [left(one), left(other)];
  const sooner = ofOne === ofOther ? 0 : ofOne - ofOther;
  return URGENCY[one.priority] - URGENCY[other.priority] || sooner || one.raised.localeCompare(other.raised);
}

/** Seconds until the limit is expected to be crossed; undefined if none is. */
function timeLeft({ time_to_limit_s, updated, returned }, now) {
  if (time_to_limit_s === undefined || returned) return undefined;
  return Math.max(0, time_to_limit_s - format.secondsBetween(updated, now));
}

function urgencies(alerts) {
  const counts = Object.keys(URGENCY).map((name) => [alerts.filter(({ priority }) => priority === name).length, name]);
  return counts.filter(([number]) => number > 0).map(([number, name]) => `${number} ${named("priority", name)}`).join(", ");
}

/** What silence is worth: which stations are seen, and which are not judged yet. */
function watched(stations) {
  const n = stations.length;
  const unseen = stations.filter(({ state }) => state === "unknown").length;
  const learning = stations.filter((station) => station.is_learning).length;
  const seen = unseen === 0 ? word("incidents.watched", { n }) : word("incidents.unseen", { n, seen: n - unseen, unseen });
  return `${seen}; ${learning === 0 ? word("incidents.learnt") : word("incidents.learning", { n: learning })}.`;
}

/** One `select` of the filter. It offers what there is to choose from, and what is chosen. */
function filterView(name, chosen, onChange) {
  const select = element("select");
  select.name = name;
  select.addEventListener("change", onChange);
  const valuesOf = {
    station: ({ station, link }) => [station ?? link],
    priority: ({ priority }) => [priority],
    state: ({ state }) => [state],
  }[name];
  const text = (value) => ({ priority: named("priority", value), state: named("alertState", value) })[name] ?? value;
  let offered = null;
  return {
    name,
    root: element("label", "filter", element("span", "", word(`incidents.${name}`)), select),
    value: () => select.value,
    lets: (alert) => select.value === "" || valuesOf(alert).includes(select.value),
    offer(alerts) {
      const wanted = select.value || (offered === null ? chosen : "");
      const values = [...new Set([...alerts.flatMap(valuesOf), wanted].filter(Boolean))].sort();
      if (JSON.stringify(values) !== offered) {
        offered = JSON.stringify(values);
        select.replaceChildren(new Option(word("incidents.all"), ""), ...values.map((value) => new Option(text(value), value)));
        select.value = wanted;
      }
    },
  };
}

function itemView({ id }) {
  const mark = icon("priority-low");
  const priority = element("span", "alert-priority");
  const place = element("strong");
  const state = element("span", "alert-status");
  const headline = link(address("incident", id), "incident-link");
  const times = element("p", "alert-times");
  const head = element("div", "alert-head", mark, priority, place, state);
  const root = element("li", "incident", head, element("h3", "", headline), times);
  return {
    root,
    update(alert) {
      setAttribute(root, "data-priority", alert.priority);
      setAttribute(root, "data-alert-state", alert.state);
      setIcon(mark, `priority-${alert.priority}`);
      setText(priority, named("priority", alert.priority));
      setText(place, alert.station ?? alert.link ?? "");
      setText(state, named("alertState", alert.state));
      setText(headline, alert.headline);
      setAttribute(headline, "lang", alert.lang);
      setParts(times, [sinceText(alert, alert.now), ". ", limitText(alert, alert.now)]);
    },
  };
}

/** Since when, and whether it has gone: `Since 10:12 (14 min), gone since 10:20`. */
export function sinceText({ onset, returned }, now) {
  const since = word("incidents.since", { time: format.moment(onset, now), span: format.age(onset, now) });
  return returned === undefined ? since : `${since}, ${word("incidents.gone", { time: format.moment(returned, now) })}`;
}

/** How long until the limit, with its interval; empty if there is none. */
export function limitText(alert, now) {
  const left = timeLeft(alert, now);
  if (left === undefined) return "";
  const { time_to_limit_s, time_to_limit_earliest_s = 0, time_to_limit_latest_s, updated } = alert;
  if (time_to_limit_s === 0) return word("incidents.crossed");
  if (left === 0) return word("incidents.due");
  const gone = format.secondsBetween(updated, now);
  const earliest = Math.max(0, time_to_limit_earliest_s - gone);
  const time = format.span(left);
  if (time_to_limit_latest_s === undefined) return word("incidents.limitOpen", { time, earliest: format.span(earliest) });
  return word("incidents.limit", { time, range: format.spans(earliest, Math.max(left, time_to_limit_latest_s - gone)) });
}
