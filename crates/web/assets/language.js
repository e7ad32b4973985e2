// The language that alerts are read in: of those that the twin tells them in, the one that the reader chose or the browser
// asks for.

const CHOICE = "language";
/** The language of an alert that does not say which. */
const DEFAULT = "en";

let choice = kept();
/** The languages of the alerts so far, that of the line first. */
const known = new Set();

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
    if (languages.length > 0) select.value = preferred(languages);
    select.parentElement.hidden = languages.length < 2;
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
