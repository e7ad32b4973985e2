// The page on which one logs in: by itself, so that it works whatever else does not.

import { post, whoAmI } from "./session.js";

const TEXTS = {
  en: {
    title: "Log in",
    lead: "to the twin of this line.",
    user: "Name",
    password: "Password",
    show: "Show password",
    submit: "Log in",
    busy: "Logging in …",
    missing: "Enter your name and your password.",
    wrong: "The name or the password is wrong.",
    limited: (seconds) => `Too many attempts have failed. Try again in ${seconds} seconds.`,
    noLogins: "There are no logins here: everybody may read.",
    lost: "The twin cannot be reached. Try again in a moment.",
  },
  de: {
    title: "Anmelden",
    lead: "am Zwilling dieser Linie.",
    user: "Name",
    password: "Kennwort",
    show: "Kennwort zeigen",
    submit: "Anmelden",
    busy: "Wird angemeldet …",
    missing: "Geben Sie Ihren Namen und Ihr Kennwort ein.",
    wrong: "Name oder Kennwort ist falsch.",
    limited: (seconds) => `Zu viele Versuche sind fehlgeschlagen. Versuchen Sie es in ${seconds} Sekunden noch einmal.`,
    noLogins: "Hier gibt es keine Anmeldung: jeder darf lesen.",
    lost: "Der Zwilling ist nicht erreichbar. Versuchen Sie es gleich noch einmal.",
  },
};

const by = (id) => document.getElementById(id);
const language = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => tag in TEXTS) ?? "en";
const texts = TEXTS[language];
const [user, password, problem, submit, show] = ["user", "password", "problem", "submit", "show"].map(by);

translate();
by("login").addEventListener("submit", logIn);
show.addEventListener("click", togglePassword);
leaveIfKnown();

function translate() {
  document.documentElement.lang = language;
  document.title = `linetwin: ${texts.title}`;
  for (const id of ["title", "lead", "show", "submit"]) by(id).textContent = texts[id];
  by("user-label").textContent = texts.user;
  by("password-label").textContent = texts.password;
}

/** Where to go: only ever to a page of this daemon, whatever the address says. */
function next() {
  const home = new URL("/", location.origin);
  const wish = new URLSearchParams(location.search).get("next") ?? "/";
  const target = URL.canParse(wish, home) ? new URL(wish, home) : home;
  return target.origin === location.origin ? target : home;
}

/** One who followed a link from elsewhere comes here although they are logged in. */
async function leaveIfKnown() {
  try {
    const me = await whoAmI();
    if (me.user !== undefined) location.replace(next());
    else if (!me.logins) tell(texts.noLogins);
  } catch {
    tell(texts.lost);
  }
}

async function logIn(event) {
  event.preventDefault();
  const empty = [user, password].filter((field) => field.value === "");
  for (const field of [user, password]) field.setAttribute("aria-invalid", String(empty.includes(field)));
  if (empty.length > 0) {
    tell(texts.missing);
    return empty[0].focus();
  }
  submit.disabled = true;
  submit.textContent = texts.busy;
  try {
    const { ok, status, body } = await post("/api/v1/login", { user: user.value, password: password.value });
    if (ok) return location.replace(next());
    refuse(status, body.error);
  } catch {
    tell(texts.lost);
  } finally {
    submit.disabled = false;
    submit.textContent = texts.submit;
  }
}

function refuse(status, error) {
  const seconds = Number(/(\d+) s$/.exec(error)?.[1]);
  if (status === 429 && seconds > 0) return tell(texts.limited(seconds));
  tell(status === 401 ? texts.wrong : error);
  password.value = "";
  password.focus();
}

/** Says it to the eye, and aloud. */
function tell(text) {
  problem.hidden = false;
  problem.textContent = text;
}

function togglePassword() {
  const isShown = password.type === "password";
  password.type = isShown ? "text" : "password";
  show.setAttribute("aria-pressed", String(isShown));
}
