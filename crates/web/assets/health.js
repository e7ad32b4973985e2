// Links and signals: what delivers, and of every value its age and quality. Of the signals one page at a time is asked for.

import { button, element, icon, panel, rowHead, setAttribute, setIcon, setText, table } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./ask.js";
import { named, word } from "./language.js";
import { setQuery } from "./route.js";
import { signalTable } from "./station.js";

const POLL_MS = 1_000;
const ROWS = 50;
const QUALITIES = ["", "not-good", "good", "uncertain", "bad", "unheard"];

/** The view. */
export function healthView(_, query) {
  const links = linkTable();
  const counts = element("p", "lead");
  const search = element("input");
  search.type = "search";
  search.value = query.get("search") ?? "";
  const quality = element("select");
  quality.append(...QUALITIES.map((name) => new Option(name ? named("quality", name) : word("health.any"), name)));
  quality.value = QUALITIES.includes(query.get("quality")) ? query.get("quality") : "";
  const shown = element("span", "muted");
  shown.setAttribute("role", "status");
  const previous = button(word("health.previous"), "", () => turn(-ROWS));
  const next = button(word("health.next"), "", () => turn(ROWS));
  const bar = element(
    "div",
    "filters",
    element("label", "filter wide", element("span", "", word("health.search")), search),
    element("label", "filter", element("span", "", word("signal.quality")), quality),
    element("div", "pages", previous, next),
  );
  const signals = signalTable({ hasStation: true });
  const ofLinks = panel(word("health.links"), counts, links.root);
  const ofSignals = panel(word("health.signals"), bar, element("p", "lead", shown), signals.root);
  const head = element("div", "view-head", element("h1", "", word("page.health")));
  const root = element("div", "view", head, ofLinks.root, ofSignals.root);
  let first = 0;

  const asked = () => new URLSearchParams({ first, rows: ROWS, ...chosen() });
  const asking = poll(() => `/api/v1/signals?${asked()}`, POLL_MS, ({ ok, answer }) => ok && show(answer));

  function chosen() {
    const wanted = { search: search.value.trim(), quality: quality.value };
    return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value));
  }

  function filter() {
    first = 0;
    setQuery(chosen());
    asking.now();
  }
  search.addEventListener("input", filter);
  quality.addEventListener("change", filter);

  function turn(rows) {
    first = Math.max(0, first + rows);
    asking.now();
  }

  function show({ now, searched, found, first: from, rows }) {
    signals.update(rows, now);
    const byQuality = Object.entries(searched).filter(([, n]) => n > 0);
    const counted = byQuality.map(([name, n]) => `${format.whole(n)} ${named("quality", name)}`).join(", ");
    const last = from + rows.length;
    const range = word("health.shown", { first: format.whole(Math.min(from + 1, last)), last: format.whole(last), found: format.whole(found) });
    setText(shown, `${range}. ${counted}.`);
    previous.disabled = from === 0;
    next.disabled = last >= found;
  }

  return {
    root,
    close: asking.stop,
    update({ links: known, counts: counted, sequence, now }) {
      links.update(known.map((link) => ({ ...link, now })));
      const { samples, bad_samples, late_samples, cycles } = counted;
      const [all, bad, late] = [samples, bad_samples, late_samples].map(format.whole);
      setText(counts, word("health.counts", { samples: all, bad, late, cycles: format.whole(cycles), sequence: format.whole(sequence) }));
    },
  };
}

function linkTable() {
  return table({
    caption: word("health.links"),
    columns: ["signal.link", "health.protocol", "health.state", "health.since", "health.reason"].map((name) => word(name)),
    empty: word("health.noneFound"),
    keyOf: ({ name }) => name,
    rowView: linkRow,
  });
}

function clockOff({ station, behind_s: behind }) {
  return `${station}: ${word(behind > 0 ? "health.behind" : "health.ahead", { time: format.span(Math.abs(behind)) })}`;
}

function linkRow({ name }) {
  const mark = icon("state-unknown");
  const text = element("span");
  const state = element("span", "quality", mark, text);
  const [protocol, since, reason] = [element("td"), element("td", "figure"), element("td")];
  const root = element("tr", "", rowHead(name), protocol, element("td", "", state), since, reason);
  return {
    root,
    update(link) {
      setAttribute(root, "data-quality", { up: "good", down: "bad" }[link.state] ?? "none");
      setText(protocol, format.protocol(link.protocol));
      setIcon(mark, `state-${link.state}`);
      setText(text, named("link", link.state));
      setText(since, link.since ? `${format.moment(link.since, link.now)} (${format.age(link.since, link.now)})` : "–");
      const clocks = (link.clocks_off ?? []).map(clockOff);
      setText(reason, [link.reason, ...clocks].filter(Boolean).join("; "));
    },
  };
}
