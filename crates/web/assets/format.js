// Numbers, times and words for a person.

const NOTHING = "–";
const precise = new Intl.NumberFormat("en-GB", { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat("en-GB", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const hourAndMinute = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

/** A measured value with its unit; conditions and texts as they are. */
export function value(value, unit = "") {
  if (value === undefined || value === "") return NOTHING;
  if (typeof value === "boolean") return value ? "true" : "false";
  const text = typeof value === "number" ? number(value) : String(value);
  return unit ? `${text} ${unit}` : text;
}

/** A number to four significant digits, or all of a whole one. */
export function number(value) {
  return Number.isInteger(value) ? whole.format(value) : precise.format(value);
}

/** A number with one digit after the point, such as the seconds of a cycle: `58.2`. */
export function tenths(number) {
  return number === undefined ? NOTHING : oneDigit.format(number);
}

/** A deviation in standard deviations: `+2.3 σ`. */
export function sigmas(deviation) {
  return deviation === undefined ? NOTHING : `${signed.format(deviation).replace("-", "−")} σ`;
}

/** A share from 0 to 1: `72 %`. */
export function percent(share) {
  return `${whole.format(share * 100)} %`;
}

/** Hours, minutes and seconds of a moment. */
export function time(moment) {
  return clock.format(new Date(moment));
}

/** Weekday and date of a moment. */
export function date(moment) {
  return day.format(new Date(moment));
}

/** A moment near `now`: the time of day, with the date if that is another one. */
export function moment(moment, now) {
  const at = new Date(moment);
  const text = hourAndMinute.format(at);
  return date(moment) === date(now) ? text : `${day.format(at)} ${text}`;
}

/** Seconds from one moment to another; never below 0. */
export function secondsBetween(earlier, later) {
  return Math.max(0, (new Date(later) - new Date(earlier)) / 1000);
}

/** A span of time in its largest sensible unit: `42 s`, `12 min`, `3.5 h`, `2.1 d`. */
export function span(seconds) {
  if (seconds < 99.5) return `${whole.format(seconds)} s`;
  if (seconds < 99.5 * 60) return `${whole.format(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${oneDigit.format(seconds / 3600)} h`;
  return `${oneDigit.format(seconds / 86400)} d`;
}

/** From one span of time to another, the unit once if both have the same: `12 to 40 min`, `12 min to 3.5 h`. */
export function spans(shorter, longer) {
  const [from, to] = [span(shorter), span(longer)];
  const [number, unit] = from.split(" ");
  return `${to.endsWith(` ${unit}`) ? number : from} to ${to}`;
}

/** How long ago: `12 min ago`. */
export function ago(earlier, later) {
  return `${span(secondsBetween(earlier, later))} ago`;
}

/** A count with its noun: `1 alert`, `3 alerts`. */
export function count(number, noun) {
  return `${whole.format(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A stable name as words with a capital: `pack-assembly` is `Pack assembly`. */
export function words(name) {
  const text = name.replaceAll("-", " ").replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What was done, when, by whom and with which comment: `tool dress at 10:12 by Kim (12 passes)`. */
export function intervention(done, now) {
  return `${done.title} ${circumstances(done, now)}`;
}

/** When something was done, by whom and with which comment: `at 10:12 by Kim (12 passes)`. */
export function circumstances({ at, by, comment }, now) {
  return `at ${moment(at, now)}${by ? ` by ${by}` : ""}${comment ? ` (${comment})` : ""}`;
}

const PROTOCOLS = { modbus: "Modbus TCP", opcua: "OPC UA", mqtt: "MQTT" };

/** A protocol's name as its community writes it. */
export function protocol(name) {
  return PROTOCOLS[name] ?? name;
}
