// The shift so far: what was made, where the bottleneck is, and for each station what its time went into.

import { element, keyed, setAttribute, setShown, setText, svg } from "./dom.js";
import * as format from "./format.js";

const panel = document.getElementById("shift");
const title = document.getElementById("shift-title");
const lead = document.getElementById("shift-lead");
const body = document.getElementById("shift-rows");

/** What a bar is made of, from left to right; the rest of the bar are the losses, in their order. */
const MADE = ["good", "unjudged", "scrap", "speed"];
const LOSSES = ["changeover", "held", "down", "blocked", "starved", "idle", "break", "unseen"];
const WORDS = { good: "good parts", unjudged: "parts not judged", scrap: "scrap", speed: "slower than planned" };
const BAR_PX = 240;

/** Shows the shift under way; `select(name)` is called when a station is tapped. */
export function showShift(state, select) {
  const { flow } = state;
  const shift = flow?.shift;
  setShown(panel, Boolean(shift));
  if (!shift) return;
  const name = shift.is_shift ? `Shift ${shift.name ?? ""}`.trim() : "Between shifts";
  setText(title, `${name} since ${format.moment(shift.start, state.now)}`);
  setText(lead, [madeText(shift), forecastText(flow), bottleneckText(flow), leftText(flow), materialText(flow)].filter(Boolean).join(" "));
  const states = new Map(state.stations.map((station) => [station.name, station]));
  const rows = shift.stations.map((row) => ({ ...row, now: states.get(row.station) }));
  keyed(body, rows, ({ station }) => station, ({ station }) => rowView(station, select));
}

function madeText({ produced, planned_output, scrap, oee, performance }) {
  const plan = planned_output === undefined ? "" : ` of ${format.number(planned_output)} planned`;
  const share = oee ?? performance;
  const word = oee === undefined ? "performance" : "OEE";
  const effect = share === undefined ? "" : `, line ${word} ${format.percent(share)}`;
  return `${format.count(produced, "part")}${plan}, ${format.number(scrap)} known to be scrap${effect}.`;
}

/** What the shift may come to: `Forecast 452 to 470, most likely 461; 480 planned: 3 % likely.` */
function forecastText({ forecast }) {
  if (!forecast) return "";
  const { output, odds, planned_output } = forecast;
  const range = `Forecast ${format.number(output.p10)} to ${format.number(output.p90)}, middle ${format.number(output.p50)}`;
  const plan = odds === undefined ? "" : `; ${format.number(planned_output)} or more: ${format.percent(odds)} likely`;
  return `${range}${plan}.`;
}

/** The materials that run out first. */
function materialText({ forecast }) {
  const known = (forecast?.materials ?? []).filter(({ left_h }) => left_h);
  const soonest = known.toSorted((one, other) => one.left_h.p10 - other.left_h.p10).slice(0, 3);
  return soonest
    .map(({ signal, left_h }) => `${signal} lasts ${format.span(left_h.p10 * 3600)} to ${format.span(left_h.p90 * 3600)}.`)
    .join(" ");
}

function bottleneckText({ bottleneck }) {
  const [main] = bottleneck.last_hour;
  if (!main) return "";
  const moving = bottleneck.moving_to ? `, moving to ${bottleneck.moving_to}` : "";
  const now = bottleneck.now ? ` Now: ${bottleneck.now}.` : "";
  return `Bottleneck of the last hour: ${main.station} for ${format.percent(main.sole + main.shifting)}${moving}.${now}`;
}

function leftText({ planned_left_s, is_planned }) {
  const left = planned_left_s > 0 ? `${format.span(planned_left_s)} of work left.` : "";
  return is_planned ? left : `${left} Not working by plan now.`.trim();
}

function rowView(station, select) {
  const name = element("button", "text-button", station);
  name.type = "button";
  name.addEventListener("click", () => select(station));
  const head = element("th", "", name);
  head.scope = "row";
  const doing = element("td");
  const made = element("td", "figure");
  const oee = element("td", "figure");
  const bar = svg("svg", { class: "losses", viewBox: `0 0 ${BAR_PX} 14`, role: "img" });
  return {
    root: element("tr", "", head, doing, made, oee, element("td", "", bar)),
    update({ now, kpis, losses }) {
      setText(doing, now ? stateText(now) : "");
      setText(made, format.number(kpis.produced));
      setText(oee, oeeText(kpis));
      showBar(bar, losses);
    },
  };
}

/** What a station does, whom it waits for and who is to blame: `Blocked by weld-30 (root: laser-40)`. */
export function stateText({ state, waits_for, root, reason }) {
  const by = waits_for ? ` by ${waits_for}` : "";
  const blame = root && root !== waits_for ? ` (root: ${root})` : "";
  const why = reason ? `: ${format.words(reason).toLowerCase()}` : "";
  return `${format.words(state)}${by}${blame}${why}`;
}

/** The OEE; where no part is judged, the part of it that is known. */
function oeeText({ oee, availability, effectiveness }) {
  if (oee !== undefined) return format.percent(oee);
  if (availability === undefined || effectiveness === undefined) return "–";
  return `≤ ${format.percent(availability * effectiveness)}`;
}

function showBar(bar, tree) {
  const made = MADE.map((kind) => ({ kind, seconds: tree[`${kind}_s`], text: WORDS[kind] }));
  const lost = LOSSES.flatMap((kind) => tree.losses.filter(({ loss }) => loss === kind).map(lossPart));
  const parts = [...made, ...lost].filter(({ seconds }) => seconds > 0);
  const total = parts.reduce((sum, { seconds }) => sum + seconds, 0);
  const told = parts.map(({ text, seconds }) => `${text} ${format.percent(seconds / total)}`).join(", ");
  if (bar.getAttribute("aria-label") === told) return;
  setAttribute(bar, "aria-label", told);
  let x = 0;
  const rects = parts.map(({ kind, seconds, text }) => {
    const width = (seconds / total) * BAR_PX;
    const label = svg("title", {}, `${text}: ${format.span(seconds)}, ${format.percent(seconds / total)}`);
    const rect = svg("rect", { x, y: 1, width, height: 12, "data-loss": kind }, label);
    x += width;
    return rect;
  });
  bar.replaceChildren(...rects);
}

function lossPart({ loss, by, reason, lost_s }) {
  const why = by ? ` by ${by}` : reason ? ` (${format.words(reason).toLowerCase()})` : "";
  return { kind: loss, seconds: lost_s, text: format.words(loss).toLowerCase() + why };
}
