// What has happened to an incident, as it tells itself: from the first sign to the latest word.

import * as format from "./format.js";
import { named, word } from "./language.js";

/** Its entries, the latest first: each with a `key`, the `time` and what happened in words. */
export function historyOf({ onset, history = [] }, now) {
  const steps = history.map(({ at, change, by, comment, priority }) => [at, stepText(change, priority, by, comment)]);
  const entries = [[onset, word("incident.onset")], ...steps].toReversed();
  return entries.map(([at, text], place) => ({ key: `${place}/${at}/${text}`, text, time: format.moment(at, now) }));
}

function stepText(change, priority, by, comment) {
  const what = named("change", change);
  const urgency = change === "raised" || change === "re-alarmed" ? ` (${named("priority", priority)})` : "";
  const who = by ? ` ${word("incident.by", { by })}` : "";
  return `${what}${urgency}${who}${comment ? `: “${comment}”` : ""}`;
}
