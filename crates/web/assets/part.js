// The history of a part by its serial: each cycle with what was measured, expected and allowed.

import { element, facts, keyed, link, panel, rowHead, setAttribute, setShown, setText, table } from "./dom.js";
import * as format from "./format.js";
import { ask } from "./ask.js";
import { featureName, named, word } from "./language.js";
import { address } from "./route.js";

/** The view; without a serial it asks for one. */
export function partView(serial) {
  const input = element("input");
  input.type = "search";
  input.value = serial;
  input.autocomplete = "off";
  input.spellcheck = false;
  const find = element("button", "action first", word("part.find"));
  const form = element("form", "filters", element("label", "filter wide", element("span", "", word("part.serial")), input), find);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.value.trim()) location.hash = address("part", input.value.trim());
  });
  const onLine = element("ul", "chips");
  const nowOnLine = element("div", "lead", element("p", "", word("part.now")), onLine);
  const answer = element("p", "lead");
  answer.setAttribute("role", "status");
  const records = element("div", "stack");
  const title = serial ? `${word("page.part")} ${serial}` : word("page.part");
  const head = element("div", "view-head", element("h1", "", title));
  const ask = panel(word("part.find"), element("p", "lead", word("part.lead")), form, nowOnLine);
  const root = element("div", "view", head, ask.root, answer, records);
  if (serial) read(serial, answer, records);
  return {
    root,
    update({ stations }) {
      const parts = [...new Set(stations.map(({ part }) => part).filter(Boolean))];
      keyed(onLine, parts.map((part) => ({ part })), ({ part }) => part, chipView);
      setShown(nowOnLine, serial === "" && parts.length > 0);
    },
  };
}

function chipView({ part }) {
  return { root: element("li", "", link(address("part", part), "chip", part)), update() {} };
}

async function read(serial, answer, records) {
  const encoded = encodeURIComponent(serial);
  const reply = await ask(`/api/v1/part/${encoded}`);
  if (!reply.ok) return setText(answer, reply.answer.error);
  answer.replaceChildren(link(`/part/${encoded}`, "", word("part.print")));
  records.replaceChildren(...reply.answer.records.map(recordView));
}

function recordView(record, place) {
  const about = facts();
  about.update([
    [word("shift.variant"), record.variant],
    [word("shift.state"), named("part.ending", record.ending)],
    [word("part.judged"), word(record.in_limits === undefined ? "part.unjudged" : record.in_limits ? "part.in" : "part.out")],
  ]);
  setAttribute(about.root, "data-in-limits", record.in_limits ?? null);
  const { root } = panel(word("part.records", { n: place + 1 }), about.root, ...record.cycles.map(cycleView));
  return root;
}

function cycleView(cycle) {
  const { station, start, end, attempt, program, tool, lots = [], children = [], incidents = [] } = cycle;
  const span = format.span(format.secondsBetween(start, end));
  const title = element("h3", "", link(address("station", station), "", station), ` · ${format.date(start)} ${format.time(start)} · ${span}`);
  const extra = [attempt > 1 && word("part.attempt", { n: attempt }), program, tool].filter(Boolean).join(" · ");
  const values = valueTable();
  values.update(cycle.values);
  const labels = [...lots, ...children].map(({ signal, text }) => `${signal} ${text}`).join(", ");
  const about = facts();
  about.update([
    [word("part.lots"), labels],
    [word("part.incidents"), incidents.map(({ id, cause }) => `${id} (${named("cause", cause)})`).join(", ")],
  ]);
  return element("div", "cycle", title, element("p", "muted", extra), about.root, values.root);
}

function valueTable() {
  return table({
    caption: word("station.features"),
    columns: ["station.feature", "station.value", "station.expected", "part.low", "part.high", "part.judged"].map((name) => word(name)),
    empty: word("station.noFeatures"),
    keyOf: ({ name }) => name,
    rowView: ({ name, unit, value, expected, low, high, in_limits }) => {
      const judged = in_limits === undefined ? "–" : word(in_limits ? "part.within" : "part.without");
      const shown = [format.value(value, unit), format.value(expected, unit), format.value(low, unit), format.value(high, unit)];
      const cells = shown.map((text) => element("td", "figure", text));
      const root = element("tr", "", rowHead(featureName(name)), ...cells, element("td", "", judged));
      setAttribute(root, "data-in-limits", in_limits ?? null);
      return { root, update() {} };
    },
  });
}
