// Numbers, times and spans for a person, in the language of the page.

import { language, word } from "./language.js";

const NOTHING = "–";
const LOCALES = { en: "en-GB", de: "de-DE" };
const NUMBERS = {
  precise: { maximumSignificantDigits: 4 },
  whole: { maximumFractionDigits: 0 },
  tenths: { minimumFractionDigits: 1, maximumFractionDigits: 1 },
  signed: { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" },
};
const TIMES = {
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  hourAndMinute: { hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short" },
};

const made = new Map();

/** A format of `Intl` in the language of the page; each is made once. */
function intl(kind, name, options) {
  const key = `${language()}/${name}`;
  if (!made.has(key)) made.set(key, new kind(LOCALES[language()], options));
  return made.get(key);
}

const inDigits = (name, value) => intl(Intl.NumberFormat, name, NUMBERS[name]).format(value).replace("-", "−");
const inTime = (name, moment) => intl(Intl.DateTimeFormat, name, TIMES[name]).format(moment);

/** A measured value with its unit; conditions and texts as they are. */
export function value(value, unit = "") {
  if (value === undefined || value === "") return NOTHING;
  if (typeof value === "boolean") return word(`value.${value}`);
  const text = typeof value === "number" ? number(value) : String(value);
  return unit ? `${text} ${unit}` : text;
}

/** A number to four significant digits, or all of a whole one. */
export function number(value) {
  return inDigits(Number.isInteger(value) ? "whole" : "precise", value);
}

/** A number without a fraction. */
export function whole(value) {
  return inDigits("whole", value);
}

/** A number with one digit after the point, such as the seconds of a cycle: `58.2`. */
export function tenths(number) {
  return number === undefined ? NOTHING : inDigits("tenths", number);
}

/** A deviation in standard deviations: `+2.3 σ`. */
export function sigmas(deviation) {
  return deviation === undefined ? NOTHING : `${inDigits("signed", deviation)} σ`;
}

/** A share from 0 to 1: `72 %`. */
export function percent(share) {
  return share === undefined ? NOTHING : `${inDigits("whole", share * 100)} %`;
}

/** Hours, minutes and seconds of a moment. */
export function time(moment) {
  return inTime("clock", new Date(moment));
}

/** Weekday and date of a moment. */
export function date(moment) {
  return inTime("day", new Date(moment));
}

/** A moment near `now`: the time of day, with the date if that is another one. */
export function moment(moment, now) {
  const text = inTime("hourAndMinute", new Date(moment));
  return date(moment) === date(now) ? text : `${date(moment)} ${text}`;
}

/** Seconds from one moment to another; never below 0. */
export function secondsBetween(earlier, later) {
  return Math.max(0, (new Date(later) - new Date(earlier)) / 1000);
}

/** A span of time in its largest sensible unit: `42 s`, `12 min`, `3.5 h`, `2.1 d`. */
export function span(seconds) {
  if (seconds < 99.5) return `${whole(seconds)} s`;
  if (seconds < 99.5 * 60) return `${whole(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${tenths(seconds / 3600)} h`;
  return `${tenths(seconds / 86400)} d`;
}

/** From one span of time to another, the unit once if both have the same: `12 to 40 min`, `12 min to 3.5 h`. */
export function spans(shorter, longer) {
  const [from, to] = [span(shorter), span(longer)];
  const [number, unit] = from.split(" ");
  return word("time.range", { from: to.endsWith(` ${unit}`) ? number : from, to });
}

/** How old something is; `–` for what never was. */
export function age(moment, now) {
  return moment === undefined ? NOTHING : span(secondsBetween(moment, now));
}

/** When something was done, by whom and with which comment: `at 10:12 by Kim (12 passes)`. */
export function circumstances({ at, by, comment }, now) {
  const parts = [word("incident.at", { time: moment(at, now) })];
  if (by) parts.push(word("incident.by", { by }));
  if (comment) parts.push(`(${comment})`);
  return parts.join(" ");
}

const PROTOCOLS = { modbus: "Modbus TCP", opcua: "OPC UA", mqtt: "MQTT", csv: "CSV", http: "HTTP", "open-protocol": "Open Protocol", simulated: "simulated" };

/** A protocol's name as its community writes it. */
export function protocol(name) {
  return PROTOCOLS[name] ?? name;
}
