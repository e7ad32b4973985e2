// A control chart: a feature of the latest cycles, what was expected of it ± 3 standard deviations, the plant's limits, and
// where it began. Cycles stand at equal distances, as on a chart on paper; times are written below.

import { element, keyed, rowHead, setAttribute, setParts, setShown, setText, svg, table } from "./dom.js";
import * as format from "./format.js";
import { poll } from "./ask.js";
import { featureName, word } from "./language.js";

const SIZE = { width: 720, height: 300, left: 64, right: 16, top: 22, bottom: 26 };
const CYCLES_MAX = 120;
const SIGMAS = 3;
/** A limit that lies further off than this many times what the points span is told in words only. */
const LIMIT_REACH = 1.5;
const POLL_MS = 5_000;
const ROWS = 12;
const TICKS = 4;

/**
 * A chart of a station's feature. `show({ station, feature, variant, onset })` chooses of what; `close()` ends it. With
 * `variant` only its cycles are drawn, until a person chooses otherwise.
 */
export function chartView() {
  const title = element("h3", "chart-title");
  const select = element("select");
  const choose = element("label", "filter", element("span", "", word("chart.variant")), select);
  const picture = svg("svg", { class: "chart", viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img" });
  const legend = element("ul", "legend");
  const note = element("p", "muted");
  const rows = latestTable();
  const more = element("details", "", element("summary", "", word("chart.table")), rows.root);
  const root = element("div", "chart-box", element("div", "chart-head", title, choose), picture, legend, note, more);
  let wanted = null;
  let series = null;
  let asking = null;

  select.addEventListener("change", draw);

  function draw() {
    const all = series?.points ?? [];
    const points = all.filter(({ variant }) => select.value === "" || variant === select.value).slice(-CYCLES_MAX);
    const limits = series?.limits.filter(({ variant }) => select.value === "" || variant === select.value) ?? [];
    for (const part of [picture, legend, more]) setShown(part, points.length > 0);
    setShown(choose, new Set(all.map(({ variant }) => variant)).size > 1);
    if (points.length === 0) return setText(note, series ? word("chart.none") : word("chart.waiting"));
    const scale = scaleOf(points, limits);
    picture.replaceChildren(...drawn(points, scale, series.unit, wanted.onset));
    setAttribute(picture, "aria-label", toldOf(points, wanted.feature, series.unit));
    keyed(legend, keyOf(points), ({ name }) => name, legendView);
    setParts(note, scale.beyond.map((limit) => word("chart.limitBeyond", { value: format.value(limit, series.unit) })));
    rows.update(points.slice(-ROWS).reverse().map((point) => ({ ...point, unit: series.unit })));
  }

  function offer(points) {
    const variants = [...new Set(points.map(({ variant }) => variant).filter(Boolean))].sort();
    if (select.options.length === variants.length + 1) return;
    const chosen = select.options.length > 0 ? select.value : (wanted.variant ?? variants[0] ?? "");
    select.replaceChildren(new Option(word("chart.allVariants"), ""), ...variants.map((name) => new Option(name, name)));
    select.value = variants.includes(chosen) ? chosen : "";
  }

  function show(next) {
    const isSame = wanted && wanted.station === next.station && wanted.feature === next.feature;
    wanted = next;
    if (isSame) return;
    asking?.stop();
    series = null;
    select.replaceChildren();
    setText(title, word("chart.title", { feature: featureName(next.feature), station: next.station }));
    draw();
    const path = `/api/v1/station/${encodeURIComponent(next.station)}/series?feature=${encodeURIComponent(next.feature)}`;
    asking = poll(() => path, POLL_MS, ({ ok, answer }) => {
      if (!ok) {
        if (series === null) setText(note, answer.error);
        return;
      }
      series = answer;
      offer(series.points);
      draw();
    });
  }
  return { root, show, close: () => asking?.stop() };
}

const isOutside = ({ value, expected, sigma }) => expected !== undefined && Math.abs(value - expected) > SIGMAS * sigma;

/** From cycles and values to places in the picture. Limits far outside of what the points span are left to words. */
function scaleOf(points, limits) {
  const ends = points.flatMap(({ value, expected, sigma = 0 }) =>
    expected === undefined ? [value] : [value, expected - SIGMAS * sigma, expected + SIGMAS * sigma],
  );
  let [low, high] = [Math.min(...ends), Math.max(...ends)];
  const span = high - low || Math.abs(high) || 1;
  const all = [...new Set(limits.flatMap(({ low, high }) => [low, high]))].filter((limit) => limit !== undefined);
  const isNear = (limit) => limit > low - LIMIT_REACH * span && limit < high + LIMIT_REACH * span;
  const near = all.filter(isNear);
  [low, high] = [Math.min(low, ...near), Math.max(high, ...near)];
  const room = 0.06 * (high - low || span);
  [low, high] = [low - room, high + room];
  const { width, height, left, right, top, bottom } = SIZE;
  const step = (width - left - right) / Math.max(1, points.length - 1);
  return {
    low,
    high,
    near,
    beyond: all.filter((limit) => !isNear(limit)),
    x: (place) => (points.length === 1 ? left : left + step * place),
    y: (value) => top + ((high - value) / (high - low)) * (height - top - bottom),
  };
}

function drawn(points, scale, unit, onset) {
  return [
    ...grid(scale, unit),
    ...bands(points, scale),
    ...scale.near.map((limit) => limitLine(limit, scale, unit)),
    ...onsetLine(points, scale, onset),
    ...times(points, scale),
    ...dots(points, scale),
  ];
}

function grid({ low, high, y }, unit) {
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const first = Math.ceil(low / step);
  const values = Array.from({ length: Math.floor(high / step) - first + 1 }, (_, place) => (first + place) * step);
  const lines = values.flatMap((value) => [
    svg("path", { class: "chart-grid", d: `M${SIZE.left} ${y(value)}H${SIZE.width - SIZE.right}` }),
    svg("text", { class: "chart-text", x: SIZE.left - 6, y: y(value) + 4, "text-anchor": "end" }, format.number(Number(value.toPrecision(6)))),
  ]);
  return unit ? [...lines, svg("text", { class: "chart-text", x: SIZE.left - 6, y: 13, "text-anchor": "end" }, unit)] : lines;
}

/** Each variant has its own normal: a band and a line through its own cycles. */
function bands(points, { x, y }) {
  const placed = points.map((point, place) => ({ ...point, place })).filter(({ expected }) => expected !== undefined);
  return [...Map.groupBy(placed, ({ variant }) => variant).values()].flatMap((own) => {
    const along = (value) => own.map((point) => `${x(point.place)} ${y(value(point))}`);
    const above = along(({ expected, sigma }) => expected + SIGMAS * sigma);
    const below = along(({ expected, sigma }) => expected - SIGMAS * sigma);
    return [
      svg("path", { class: "chart-band", d: `M${[...above, ...below.reverse()].join("L")}Z` }),
      svg("path", { class: "chart-expected", d: `M${along(({ expected }) => expected).join("L")}` }),
    ];
  });
}

function limitLine(limit, { y, high, low }, unit) {
  const isHigh = limit > (high + low) / 2;
  const text = svg(
    "text",
    { class: "chart-limit-text", x: SIZE.width - SIZE.right, y: y(limit) + (isHigh ? 13 : -5), "text-anchor": "end" },
    word("chart.limit", { value: format.value(limit, unit) }),
  );
  return svg("g", {}, svg("path", { class: "chart-limit", d: `M${SIZE.left} ${y(limit)}H${SIZE.width - SIZE.right}` }), text);
}

function onsetLine(points, { x }, onset) {
  const place = onset === undefined ? -1 : points.findIndex(({ at }) => Date.parse(at) >= Date.parse(onset));
  if (place < 0) return [];
  const isLeft = x(place) < SIZE.width / 2;
  const text = word("chart.onset", { time: format.moment(onset, points.at(-1).at) });
  return [
    svg("path", { class: "chart-onset", d: `M${x(place)} ${SIZE.top - 6}V${SIZE.height - SIZE.bottom}` }),
    svg("text", { class: "chart-text", x: x(place) + (isLeft ? 5 : -5), y: 13, "text-anchor": isLeft ? "start" : "end" }, text),
  ];
}

function times(points, { x }) {
  const last = points.length - 1;
  const places = [...new Set([0, Math.round(last / 3), Math.round((2 * last) / 3), last])];
  return places.map((place) => {
    const anchor = place === 0 ? "start" : place === last ? "end" : "middle";
    const text = format.moment(points[place].at, points[last].at);
    return svg("text", { class: "chart-text", x: x(place), y: SIZE.height - 8, "text-anchor": anchor }, text);
  });
}

/** Points outside the band have another shape as well as another colour. */
function dots(points, { x, y }) {
  const line = points.map(({ value }, place) => `${x(place)} ${y(value)}`).join("L");
  const marks = points.map((point, place) => {
    const [at, up] = [x(place), y(point.value)];
    const text = `${format.time(point.at)} · ${format.number(point.value)}${point.part ? ` · ${point.part}` : ""}`;
    const shape = isOutside(point)
      ? svg("path", { class: "chart-out", d: `M${at} ${up - 5}l5 5l-5 5l-5 -5z` })
      : svg("circle", { class: "chart-dot", cx: at, cy: up, r: 2.5 });
    shape.append(svg("title", {}, text));
    return shape;
  });
  return [svg("path", { class: "chart-line", d: `M${line}` }), ...marks];
}

function toldOf(points, feature, unit) {
  const last = points.at(-1);
  return word("chart.told", {
    feature: featureName(feature),
    n: points.length,
    from: format.moment(points[0].at, last.at),
    to: format.moment(last.at, last.at),
    last: format.value(last.value, unit),
    expected: format.value(last.expected, unit),
    outside: points.filter(isOutside).length,
  });
}

function keyOf(points) {
  const names = ["value"];
  if (points.some(({ expected }) => expected !== undefined)) names.push("expected", "band");
  if (points.some(isOutside)) names.push("outside");
  return names.map((name) => ({ name }));
}

function legendView({ name }) {
  const marks = {
    value: svg("circle", { class: "chart-dot", cx: 12, cy: 7, r: 3 }),
    expected: svg("path", { class: "chart-expected", d: "M2 7H22" }),
    band: svg("path", { class: "chart-band", d: "M2 2H22V12H2z" }),
    outside: svg("path", { class: "chart-out", d: "M12 2l5 5l-5 5l-5 -5z" }),
  };
  const mark = svg("svg", { class: "key", viewBox: "0 0 24 14", "aria-hidden": "true" }, marks[name]);
  return { root: element("li", "", mark, word(`chart.${name}`)), update() {} };
}

function latestTable() {
  return table({
    caption: word("chart.table"),
    columns: ["chart.time", "chart.partOf", "chart.variant", "station.value", "station.expected"].map((name) => word(name)),
    empty: word("chart.none"),
    keyOf: ({ at }) => at,
    rowView: () => {
      const [time, part, variant, value, expected] = [rowHead(), ...Array.from({ length: 4 }, () => element("td"))];
      return {
        root: element("tr", "", time, part, variant, value, expected),
        update(point) {
          setText(time, format.time(point.at));
          setText(part, point.part ?? "–");
          setText(variant, point.variant ?? "–");
          setText(value, format.value(point.value, point.unit));
          setText(expected, format.value(point.expected, point.unit));
        },
      };
    },
  });
}
