// The supervisor's page: takes the line from the live stream and shows it in the view that the page's address names.

import { ask } from "./ask.js";
import { button, element, keyed, link, setAttribute, setParts, setShown, setText } from "./dom.js";
import * as format from "./format.js";
import { inLanguage, language, languageSwitch, learnWords, named, word } from "./language.js";
import { follow } from "./live.js";
import { showReplay } from "./replay.js";
import { address, route } from "./route.js";
import { loginAddress, logOut, whoAmI } from "./session.js";
import { healthView } from "./health.js";
import { incidentView } from "./incident.js";
import { lineView } from "./line.js";
import { partView } from "./part.js";
import { shiftView } from "./shift.js";
import { stationView } from "./station.js";

const SCHEMA = "linetwin/line/v1";
/** A view makes, for a name and a query of its address, an object with its `root`, `update(line)` and perhaps `close()`. */
const VIEWS = {
  line: lineView,
  incident: incidentView,
  station: stationView,
  part: partView,
  shift: shiftView,
  health: healthView,
};
/** Those that the header leads to. */
const TABS = ["line", "shift", "part", "health"];

const by = (id) => document.getElementById(id);
const main = by("main");

/** What the stream told last. */
let told = null;
/** The view that is shown, and what its address was. */
let shown = null;
let known = null;
let isLost = false;
const showLanguages = languageSwitch(by("language"), () => {
  showLabels();
  showSession();
  if (told) open(false);
});

showLabels();
follow(receive, showLost);
ask("/api/v1/words").then(({ ok, answer }) => {
  if (!ok) return;
  learnWords(answer);
  if (told) open(false);
});
addEventListener("hashchange", () => told && open(true));
showSession();
by("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

function receive(line) {
  if (line.schema !== SCHEMA) return showLost(word("page.versions"));
  told = line;
  try {
    if (shown) show();
    else open(false);
    announceNew();
    showLive();
  } catch (error) {
    console.error(error);
    showLost(word("page.cannotShow", { error: error.message }));
  }
}

/** Opens the view of the page's address; a person who went there finds its heading under the keyboard. */
function open(isMoved) {
  const { view, name, query } = route();
  if (view === "main") return;
  shown?.close?.();
  shown = (VIEWS[view] ?? noView)(name, query);
  main.replaceChildren(shown.root);
  show();
  if (!isMoved) return;
  const heading = main.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function noView() {
  const root = element("div", "", element("h1", "", word("page.unknownView")), link(address("line"), "", word("page.back")));
  return { root, update() {} };
}

function show() {
  const line = { ...told, alerts: told.alerts.map(inLanguage) };
  showHeader(line);
  showReplay(line.replay);
  const problem = line.recording_problem;
  setText(by("recording-problem"), problem ? word("page.recording", { problem }) : "");
  setShown(by("recording-problem"), problem !== undefined);
  showLanguages();
  shown.update(line);
}

function showHeader(line) {
  setText(by("line-name"), line.line);
  setText(by("line-place"), [line.enterprise, line.site, line.area].join(" / "));
  setText(by("twin-time"), `${format.date(line.now)} ${format.time(line.now)}`);
  setAttribute(by("twin-time"), "datetime", line.now);
  const { view } = route();
  const current = view === "incident" || view === "station" ? "line" : view;
  const tabs = TABS.map((name) => ({ name, isCurrent: name === current, open: name === "line" ? line.alerts.length : 0 }));
  keyed(by("views"), tabs, ({ name }) => name + language(), tabView);
  showLinks(line.links);
  const open = line.alerts.length;
  const name = line.replay ? `${word("replay.mark")} ${line.line}` : line.line;
  const title = open ? `(${open}) ${name}` : name;
  if (document.title !== title) document.title = title;
}

function tabView({ name }) {
  const count = element("span", "count");
  const root = link(address(name), "tab", word(`page.${name}`), count);
  return {
    root,
    update({ isCurrent, open }) {
      setAttribute(root, "aria-current", isCurrent ? "page" : null);
      setText(count, open ? ` ${open}` : "");
    },
  };
}

function showLinks(links) {
  const n = links.filter(({ state }) => state !== "up").length;
  const text = n === 0 ? word("links.up", { n: links.length }) : word("links.notUp", { n, all: links.length });
  setText(by("links"), text);
  setAttribute(by("links"), "data-state", n === 0 ? "up" : "down");
}

/** Who is logged in, and the way in or out; nothing where there are no logins. */
async function showSession() {
  const me = await whoAmI().catch(() => ({ logins: false }));
  const { logins, user, role } = me;
  const name = user ? word("do.loggedIn", { user, role: named("role", role) }) : "";
  const way = user ? button(word("do.logout"), "small", logOut) : link(loginAddress(), "", word("do.login"));
  // One comes back to what is shown by then.
  way.addEventListener("click", () => user || (way.href = loginAddress()));
  by("session").replaceChildren(...(logins ? [name, " ", way] : []));
}

/** What of the page is outside the views, in the page's language. */
function showLabels() {
  document.documentElement.lang = language();
  const labels = {
    skip: "page.skip",
    "twin-time-label": "page.twinTime",
    "replay-mark": "replay.mark",
    "replay-speed-label": "replay.speed",
    "local-time": "page.localTime",
    "state-json": "page.stateJson",
    metrics: "page.metrics",
    "language-label": "page.language",
  };
  for (const [id, key] of Object.entries(labels)) setText(by(id), word(key));
  setAttribute(by("views"), "aria-label", word("page.views"));
  setAttribute(by("replay"), "aria-label", word("page.replay"));
  setAttribute(by("replay-place"), "aria-label", word("replay.place"));
  if (!told) setText(main.firstElementChild, word("page.waiting"));
}

function showLive() {
  isLost = false;
  document.body.dataset.status = "live";
  setText(by("connection"), word(told.replay ? "page.replay" : "page.live"));
  setShown(by("stale"), false);
}

function showLost(why, since) {
  const text = [why, told && since ? word("page.shownAsOf", { time: format.time(since) }) : ""].filter(Boolean).join(" ");
  document.body.dataset.status = "lost";
  setText(by("connection"), word("page.notLive"));
  setShown(by("stale"), true);
  // Said once, not at every try: a live region that repeats itself is switched off by those who need it.
  if (!isLost) setText(by("stale"), text);
  isLost = true;
}

/** Says new alerts aloud, but not those that were there when the page was opened. */
function announceNew() {
  const ids = new Set(told.alerts.map((alert) => alert.id));
  const fresh = known ? told.alerts.filter((alert) => !known.has(alert.id)).map(inLanguage) : [];
  known = ids;
  if (fresh.length === 0) return;
  const parts = fresh.flatMap(({ priority, headline, lang }) => {
    return [`${word("page.newAlert", { priority: named("priority", priority) })} `, { text: headline, lang }, " "];
  });
  setParts(by("announcer"), parts);
}
