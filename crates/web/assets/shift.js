// The shift: what was made of what was planned, what it may come to, and what the time of each station went into.

import { element, facts, keyed, link, panel, rowHead, setAttribute, setParts, setShown, setText, svg, table } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./ask.js";
import { interventionName, named, word } from "./language.js";
import { address } from "./route.js";

const POLL_MS = 2_000;
/** What a bar is made of, from left to right; the rest of the bar are the losses, in their order. */
const MADE = ["good", "unjudged", "scrap", "speed"];
const LOSSES = ["changeover", "held", "down", "blocked", "starved", "idle", "break", "unseen"];
const BAR = { width: 240, height: 14 };
const FORECAST = { width: 720, height: 64 };
const MATERIALS_MAX = 3;

/** The view. */
export function shiftView() {
  const title = element("h1", "", word("page.shift"));
  const range = element("p", "muted");
  const numbers = facts();
  numbers.root.classList.add("large");
  const forecast = forecastView();
  const legend = element("ul", "legend");
  const stations = stationTable();
  const variants = variantTable();
  const past = pastTable();
  const none = element("p", "empty", word("shift.none"));
  const panels = [
    panel(word("page.shift"), numbers.root),
    panel(word("shift.forecast"), forecast.root),
    panel(word("shift.losses"), legend, stations.root),
    panel(word("shift.variants"), variants.root),
    panel(word("shift.past"), past.root),
  ];
  const content = element("div", "stack", ...panels.map(({ root }) => root));
  const root = element("div", "view", element("div", "view-head", title, range), none, content);
  keyed(legend, [...MADE, ...LOSSES].map((loss) => ({ loss })), ({ loss }) => loss, legendView);
  let line = null;
  let flow = null;
  const asking = poll(() => "/api/v1/flow", POLL_MS, ({ ok, answer }) => {
    if (!ok) return;
    flow = answer;
    show();
  });

  function show() {
    const shift = flow?.shift;
    setShown(content, Boolean(shift));
    setShown(none, !shift);
    if (!shift || !line) return;
    setText(title, shift.is_shift ? word("shift.of", { name: shift.name ?? "" }).trim() : word("shift.between"));
    const [from, to] = [format.moment(shift.start, line.now), format.moment(shift.end, line.now)];
    setText(range, word("shift.range", { from, to }));
    numbers.update(shiftFacts(flow));
    forecast.update(flow);
    const now = new Map(line.stations.map((station) => [station.name, station]));
    stations.update(shift.stations.map((row) => ({ ...row, now: now.get(row.station) })));
    variants.update(shift.made);
    setShown(panels[3].root, shift.made.length > 0);
    past.update(flow.shifts.toReversed().map((one) => ({ ...one, now: line.now })));
    setShown(panels[4].root, flow.shifts.length > 0);
  }

  return {
    root,
    close: asking.stop,
    update(next) {
      line = next;
      show();
    },
  };
}

function shiftFacts({ shift, bottleneck, planned_left_s, is_planned }) {
  const { produced, planned_output, scrap, oee, performance, throughput_per_h, takt_s } = shift;
  const planned = planned_output === undefined ? "" : ` / ${format.whole(planned_output)} ${word("shift.planned")}`;
  const [main] = bottleneck.last_hour;
  const moving = bottleneck.moving_to && bottleneck.moving_to !== main?.station ? `, ${word("shift.moving", { station: bottleneck.moving_to })}` : "";
  const rate = throughput_per_h === undefined ? undefined : word("shift.perHour", { n: format.tenths(throughput_per_h) });
  return [
    [word("shift.produced"), `${format.whole(produced)}${planned}`],
    [word("shift.oee"), oee === undefined ? undefined : format.percent(oee)],
    [word("shift.performance"), performance === undefined ? undefined : format.percent(performance)],
    [word("shift.scrap"), `${format.whole(scrap)} ${word("shift.known")}`],
    [word("shift.throughput"), [rate, takt_s && word("shift.takt", { takt: format.tenths(takt_s) })].filter(Boolean).join(", ")],
    [word("shift.left"), is_planned ? format.span(planned_left_s) : `${format.span(planned_left_s)}, ${word("shift.notPlanned")}`],
    [word("shift.bottleneck"), main && `${main.station} ${format.percent(main.sole + main.shifting)}${moving}`],
  ];
}

/** What the shift may come to, against what is planned: a bar from P10 to P90, a line for the plan. */
function forecastView() {
  const picture = svg("svg", { class: "forecast", viewBox: `0 0 ${FORECAST.width} ${FORECAST.height}`, role: "img" });
  const text = element("p");
  const materials = element("ul", "notes");
  return {
    root: element("div", "forecast-box", picture, text, materials),
    update({ forecast, shift }) {
      setShown(picture, forecast !== undefined);
      if (!forecast) return setText(text, word("shift.noForecast"));
      const { output, odds, planned_output, materials: known = [] } = forecast;
      const [p10, p50, p90] = [output.p10, output.p50, output.p90].map(format.whole);
      const chance = odds === undefined ? "" : word("shift.odds", { planned: format.whole(planned_output), odds: format.percent(odds) });
      const told = `${word("shift.forecastTold", { p10, p50, p90 })} ${chance}`;
      setParts(text, [told]);
      if (picture.getAttribute("aria-label") !== told) picture.replaceChildren(...forecastBar(output, planned_output, shift.produced));
      setAttribute(picture, "aria-label", told);
      keyed(materials, soonest(known), ({ signal }) => signal, materialView);
    },
  };
}

function forecastBar({ p10, p50, p90 }, planned, made) {
  const max = 1.05 * Math.max(p90, planned ?? 0, made, 1);
  const x = (parts) => (parts / max) * FORECAST.width;
  const label = (parts, y, text, name = "chart-text") => {
    const anchor = x(parts) > FORECAST.width * 0.85 ? "end" : x(parts) < FORECAST.width * 0.08 ? "start" : "middle";
    return svg("text", { class: name, x: x(parts), y, "text-anchor": anchor }, text);
  };
  const plan = planned === undefined ? [] : [
    svg("path", { class: "forecast-plan", d: `M${x(planned)} 16V44` }),
    label(planned, 11, word("shift.plan", { n: format.whole(planned) })),
  ];
  return [
    svg("rect", { class: "forecast-all", x: 0, y: 20, width: FORECAST.width, height: 20 }),
    svg("rect", { class: "forecast-made", x: 0, y: 20, width: x(made), height: 20 }),
    svg("rect", { class: "forecast-range", x: x(p10), y: 24, width: Math.max(2, x(p90) - x(p10)), height: 12 }),
    svg("path", { class: "forecast-middle", d: `M${x(p50)} 20V40` }),
    label(made, 58, word("shift.madeSoFar", { n: format.whole(made) })),
    ...(x(p50) - x(made) > 120 ? [label(p50, 58, format.whole(p50))] : []),
    ...plan,
  ];
}

/** The materials that run out first. */
function soonest(materials) {
  const known = materials.filter(({ left_h }) => left_h);
  return known.toSorted((one, other) => one.left_h.p10 - other.left_h.p10).slice(0, MATERIALS_MAX);
}

function materialView() {
  const root = element("li");
  return {
    root,
    update: ({ signal, left_h }) => setText(root, word("shift.lasts", { signal, range: format.spans(left_h.p10 * 3600, left_h.p90 * 3600) })),
  };
}

function legendView({ loss }) {
  const rect = svg("rect", { width: 14, height: 14, "data-loss": loss });
  const mark = svg("svg", { class: "key losses", viewBox: "0 0 14 14", "aria-hidden": "true" }, rect);
  return { root: element("li", "", mark, named("loss", loss)), update() {} };
}

function stationTable() {
  const columns = ["station", "state", "parts", "availability", "effectiveness", "quality", "oee", "losses"];
  return table({
    caption: word("shift.losses"),
    columns: columns.map((name) => word(`shift.${name}`)),
    empty: word("shift.none"),
    keyOf: ({ station }) => station,
    rowView: ({ station }) => stationRow(station),
  });
}

function stationRow(station) {
  const doing = element("td");
  const figures = Array.from({ length: 5 }, () => element("td", "figure"));
  const bar = svg("svg", { class: "losses", viewBox: `0 0 ${BAR.width} ${BAR.height}`, role: "img" });
  const head = rowHead(link(address("station", station), "", station));
  return {
    root: element("tr", "", head, doing, ...figures, element("td", "", bar)),
    update({ now, kpis, losses }) {
      setText(doing, now ? stateText(now) : "");
      const { produced = 0, availability, effectiveness, quality_ratio } = kpis;
      const shares = [availability, effectiveness, quality_ratio].map(format.percent);
      for (const [place, text] of [format.whole(produced), ...shares, oeeText(kpis)].entries()) setText(figures[place], text);
      showBar(bar, losses);
    },
  };
}

/** What a station does, whom it waits for and who is to blame: `Blocked by weld-30 (root: laser-40)`. */
export function stateText({ state, waits_for, root, reason }) {
  const name = named("state", state);
  const doing = waits_for ? word("state.by", { state: name, station: sourceName(waits_for) }) : name;
  const blame = root && root !== waits_for ? ` ${word("state.root", { station: sourceName(root) })}` : "";
  return `${doing}${blame}${reason ? `: ${interventionName({ kind: reason })}` : ""}`;
}

function sourceName(name) {
  return name === "supply" ? word("loss.supply") : name;
}

/** The OEE; where no part is judged, the part of it that is known. */
function oeeText({ oee, availability, effectiveness }) {
  if (oee !== undefined) return format.percent(oee);
  if (availability === undefined || effectiveness === undefined) return "–";
  return `≤ ${format.percent(availability * effectiveness)}`;
}

function showBar(bar, tree) {
  const made = MADE.map((kind) => ({ kind, seconds: tree[`${kind}_s`], text: named("loss", kind) }));
  const lost = LOSSES.flatMap((kind) => tree.losses.filter(({ loss }) => loss === kind).map(lossPart));
  const parts = [...made, ...lost].filter(({ seconds }) => seconds > 0);
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  const told = parts.map(({ text, seconds }) => `${text} ${format.percent(seconds / total)}`).join(", ");
  if (bar.getAttribute("aria-label") === told) return;
  setAttribute(bar, "aria-label", told);
  let x = 0;
  const rects = parts.map(({ kind, seconds, text }) => {
    const width = (seconds / total) * BAR.width;
    const label = svg("title", {}, `${text}: ${format.span(seconds)}, ${format.percent(seconds / total)}`);
    const rect = svg("rect", { x, y: 1, width, height: 12, "data-loss": kind }, label);
    x += width;
    return rect;
  });
  bar.replaceChildren(...rects);
}

function lossPart({ loss, by, reason, lost_s }) {
  const why = by ? ` (${sourceName(by)})` : reason ? ` (${interventionName({ kind: reason })})` : "";
  return { kind: loss, seconds: lost_s, text: named("loss", loss) + why };
}

function variantTable() {
  return table({
    caption: word("shift.variants"),
    columns: ["variant", "good", "scrap", "unjudged"].map((name) => word(`shift.${name}`)),
    empty: word("shift.none"),
    keyOf: ({ variant = "" }) => variant,
    rowView: ({ variant }) => {
      const cells = ["good", "scrap", "unjudged"].map((name) => [name, element("td", "figure")]);
      return {
        root: element("tr", "", rowHead(variant ?? "–"), ...cells.map(([, cell]) => cell)),
        update: (row) => cells.forEach(([name, cell]) => setText(cell, format.whole(row[name]))),
      };
    },
  });
}

function pastTable() {
  return table({
    caption: word("shift.past"),
    columns: ["page.shift", "chart.time", "shift.produced", "shift.oee", "line.bottleneck"].map((name) => word(name)),
    empty: word("shift.none"),
    keyOf: ({ start }) => start,
    rowView: ({ name, start, end, produced, planned_output, oee, bottleneck, now }) => {
      const range = word("shift.range", { from: format.moment(start, now), to: format.moment(end, now) });
      const made = planned_output === undefined ? format.whole(produced) : `${format.whole(produced)} / ${format.whole(planned_output)}`;
      const cells = [range, made, format.percent(oee), bottleneck ?? "–"].map((text) => element("td", "figure", text));
      return { root: element("tr", "", rowHead(name ?? word("shift.unnamed")), ...cells), update() {} };
    },
  });
}
