// The language of the page and of its alerts: the one that the reader chose, or the browser asks for.

import { WORDS } from "./words.js";

const CHOICE = "language";
/** The languages of the page's labels, in the order of each pair of words. */
const LABELS = ["en", "de"];
/** The language of an alert that does not say which. */
const DEFAULT = "en";

let choice = kept();
/** What the line calls its features and interventions, by language. */
let lineWords = { features: {}, interventions: {} };
/** All languages there are, those of the labels first. */
const known = new Set(LABELS);

/** The language of the page's labels. */
export function language() {
  return preferred(LABELS);
}

/** A label in the page's language with what is put into it; the key itself if there is none. */
export function word(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) return key;
  const [one, other = one] = pair[LABELS.indexOf(language())].split("|");
  const form = values.n === 1 ? one : other;
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** The label for a name of the contract, such as `state` and `not-scheduled`; the name in plain words if there is none. */
export function named(kind, name) {
  return WORDS[`${kind}.${name}`] ? word(`${kind}.${name}`) : plain(name);
}

/** Takes in what the line calls its features and interventions. */
export function learnWords(words) {
  lineWords = { ...lineWords, ...words };
}

/** A feature as the line calls it. */
export function featureName(name) {
  const text = lineWords.features[language()]?.[name] ?? plain(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What was done, as the line calls it. */
export function interventionName({ kind, title }) {
  return lineWords.interventions[language()]?.[kind] ?? title ?? plain(kind);
}

function plain(name) {
  return name.replaceAll("-", " ").replaceAll("_", " ");
}

/** An alert with its texts in the reader's language, and that language's code as `lang`. */
export function inLanguage(alert) {
  const { language: own = DEFAULT, translations = [] } = alert;
  const languages = [own, ...translations.map(({ language }) => language)];
  for (const language of languages) known.add(language);
  const lang = preferred(languages);
  const told = translations.find(({ language }) => language === lang);
  if (told === undefined) return { ...alert, lang };
  const titled = (items, titles) => items?.map((item, place) => ({ ...item, title: titles[place] }));
  return {
    ...alert,
    lang,
    headline: told.headline,
    cause: { ...alert.cause, title: told.cause },
    rivals: titled(alert.rivals, told.rivals),
    advice: told.advice,
    ended_by: alert.ended_by && { ...alert.ended_by, title: told.ended_by },
    recent_interventions: titled(alert.recent_interventions, told.recent_interventions),
    evidence: titled(alert.evidence, told.evidence),
  };
}

/** Makes a `select` the switch of languages; `onChange()` when another one is chosen. Returns what shows it as it is now. */
export function languageSwitch(select, onChange) {
  select.addEventListener("change", () => {
    keep(select.value);
    onChange();
  });
  return () => {
    const languages = [...known];
    if (languages.length !== select.options.length) select.replaceChildren(...languages.map(option));
    select.value = preferred(languages);
  };
}

/** Of some languages the one that the reader would choose; else the first. */
function preferred(languages) {
  const wishes = [choice, ...navigator.languages.map((tag) => tag.split("-")[0])];
  return wishes.find((wish) => languages.includes(wish)) ?? languages[0];
}

/** A language by its own name: Deutsch. */
function option(language) {
  const name = new Intl.DisplayNames([language], { type: "language" }).of(language);
  const node = new Option(name, language);
  node.lang = language;
  return node;
}

/** What was chosen last time; a browser may forbid a page to keep anything. */
function kept() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

function keep(language) {
  choice = language;
  try {
    localStorage.setItem(CHOICE, language);
  } catch (error) {
    console.warn(`The language is chosen for this visit only: ${error.message}`);
  }
}
