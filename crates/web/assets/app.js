// The supervisor's page: takes each state of the line from the live stream and shows it.

import { element, icon, keyed, setAttribute, setIcon, setParts, setShown, setText } from "./dom.js";
import * as format from "./format.js";
import { inLanguage, languageSwitch } from "./language.js";
import { follow } from "./live.js";
import { showMimic } from "./mimic.js";
import { showAlerts } from "./alerts.js";
import { showDetail } from "./station.js";
import { showShift } from "./shift.js";
import { showReplay } from "./replay.js";

const SCHEMA = "linetwin/state/v1";
const by = (id) => document.getElementById(id);
const address = (name) => (name ? `#${encodeURIComponent(name)}` : location.pathname);

/** What the stream told last, and the same with its alerts in the reader's language. */
let told = null;
let state = null;
let known = null;
const showLanguages = languageSwitch(by("language"), () => told && show());

follow(receive, showLost);
addEventListener("popstate", () => state && show());
by("detail-close").addEventListener("click", () => select(""));

function receive(next) {
  if (next.schema !== SCHEMA) return showLost("This page and the daemon are of different versions. Reload the page.");
  told = next;
  try {
    show();
    announceNew();
    showLive();
  } catch (error) {
    console.error(error);
    showLost(`This page cannot show what the twin sent (${error.message}). Reload the page.`);
  }
}

function show() {
  state = { ...told, alerts: told.alerts.map(inLanguage) };
  const station = selected();
  showHeader();
  showReplay(state.replay);
  setText(by("recording-problem"), state.recording_problem ? `Alerts go on, but the recording does not: ${state.recording_problem}` : "");
  setShown(by("recording-problem"), state.recording_problem !== undefined);
  showLanguages();
  keyed(by("links"), state.links, (link) => link.name, linkView);
  showMimic(state, station?.name ?? "", select);
  showAlerts(state, select);
  showDetail(state, station, select);
  showShift(state, select);
  const { samples, bad_samples, late_samples, cycles } = state.counts;
  setText(
    by("counts"),
    `Since the log began: ${format.count(samples, "sample")}, ${format.number(bad_samples)} of them bad and ` +
      `${format.number(late_samples)} late; ${format.count(cycles, "cycle")}. Input ${format.number(state.sequence)}.`,
  );
}

/** The station that the page's address names; the address keeps it, so that it can be sent on. */
function selected() {
  return state.stations.find(({ name }) => address(name) === location.hash) ?? null;
}

/** Opens a station's detail, or closes it with an empty name. */
function select(name) {
  const before = selected()?.name ?? "";
  if (name !== before) history.pushState(null, "", address(name));
  show();
  if (name) {
    by("detail").scrollIntoView({ block: "nearest" });
    by("detail-title").focus({ preventScroll: true });
  } else {
    document.querySelector(`[data-station="${CSS.escape(before)}"]`)?.focus();
  }
}

function showHeader() {
  setText(by("line-name"), state.line);
  setText(by("line-place"), [state.enterprise, state.site, state.area].join(" / "));
  setText(by("twin-time"), `${format.date(state.now)} ${format.time(state.now)}`);
  setAttribute(by("twin-time"), "datetime", state.now);
  const open = state.alerts.length;
  const line = state.replay ? `REPLAY ${state.line}` : state.line;
  const title = open ? `(${open}) ${line}` : line;
  if (document.title !== title) document.title = title;
}

function linkView() {
  const mark = icon("state-unknown");
  const name = element("span", "link-name");
  const text = element("span", "link-text");
  const root = element("li", "link", mark, name, text);
  return {
    root,
    update(link) {
      setAttribute(root, "data-state", link.state);
      setIcon(mark, `state-${link.state}`);
      setText(name, link.name);
      setText(text, linkText(link));
    },
  };
}

function linkText({ protocol, state: linkState, reason, since }) {
  const name = format.protocol(protocol);
  if (linkState === "unknown") return `${name}, never connected yet`;
  if (linkState === "up") return `${name}, up`;
  return `${name}, down for ${format.span(format.secondsBetween(since, state.now))}: ${reason ?? "no reason given"}`;
}

function showLive() {
  setAttribute(document.body, "data-status", "live");
  setText(by("connection"), state.replay ? "Replay, not live" : "Live");
  setShown(by("stale"), false);
}

/** Says that what is seen is old, and from when. */
function showLost(why, since = null) {
  setAttribute(document.body, "data-status", "lost");
  setText(by("connection"), "Not live");
  setText(by("stale"), why + (since ? ` What you see is from ${format.time(since)}. Trying again by itself.` : ""));
  setShown(by("stale"), true);
}

/** Says new alerts aloud, but not those that were there when the page was opened. */
function announceNew() {
  const ids = new Set(state.alerts.map((alert) => alert.id));
  const fresh = known ? state.alerts.filter((alert) => !known.has(alert.id)) : [];
  known = ids;
  if (fresh.length) {
    const parts = fresh.flatMap(({ priority, headline, lang }) => {
      return [`New alert, ${priority} priority. `, { text: headline, lang }, " "];
    });
    setParts(by("announcer"), parts);
  }
}
