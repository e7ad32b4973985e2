// Asking the twin for more than the live stream tells: once, or again and again while somebody looks.

import { word } from "./language.js";

const PATIENCE_MS = 5_000;

/** What is at a path of the API, as `{ ok, answer }`; if it is not ok, `answer` has the `error` in words for a person. */
export async function ask(path) {
  try {
    const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return { ok: response.ok, answer: await response.json() };
  } catch {
    return { ok: false, answer: { error: word("page.answersNot") } };
  }
}

/**
 * Asks for `path()` now and every so often, one question at a time and none while the page is hidden; `onAnswer(reply)` at
 * each answer. Returns an object with `now()`, which asks at once, and `stop()`.
 */
export function poll(path, everyMs, onAnswer) {
  let asked = 0;
  let isStopped = false;

  async function now() {
    const number = ++asked;
    const reply = await ask(path());
    // Of two questions under way only the later one's answer counts.
    if (!isStopped && number === asked) onAnswer(reply);
  }

  let isBusy = false;
  const timer = setInterval(async () => {
    if (isBusy || document.hidden) return;
    isBusy = true;
    await now();
    isBusy = false;
  }, everyMs);
  now();
  return {
    now,
    stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
