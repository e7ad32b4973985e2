// The bar that steers a replay. It is there only while the state says that this is one.

import { element, setAttribute, setShown, setText } from "./dom.js";
import * as format from "./format.js";

const REPLAY = "/api/v1/replay";
const PATIENCE_MS = 5_000;
const by = (id) => document.getElementById(id);
const [bar, now, pause, speed, place, ends, problem] = ["", "-now", "-pause", "-speed", "-place", "-ends", "-problem"].map((end) =>
  by(`replay${end}`),
);

/** How the replay stood last. */
let standing = null;
/** Whether a person holds the slider, which then shows where they want to go. */
let isHeld = false;

pause.addEventListener("click", () => steer({ paused: !standing.paused }));
speed.addEventListener("change", () => steer({ speed: speed.value === "max" ? "max" : Number(speed.value) }));
place.addEventListener("input", () => {
  isHeld = true;
  showPlace(momentAt(Number(place.value)));
});
place.addEventListener("change", () => {
  isHeld = false;
  steer({ to: momentAt(Number(place.value)) });
});

/** Shows the bar for a replay; hides it for `undefined`. */
export function showReplay(replay) {
  setShown(bar, replay !== undefined);
  setAttribute(document.body, "data-replay", replay ? "" : null);
  standing = replay;
  if (!replay) return;
  setText(pause, replay.paused ? "Resume" : "Pause");
  pause.disabled = replay.paused && format.secondsBetween(replay.now, replay.to) === 0;
  showSpeed(String(replay.speed));
  setText(ends, `${format.moment(replay.from, replay.to)} to ${format.moment(replay.to, replay.from)}`);
  if (isHeld) return;
  place.max = format.secondsBetween(replay.from, replay.to);
  place.value = format.secondsBetween(replay.from, replay.seeking ?? replay.now);
  showPlace(replay.now);
}

/** The time on the bar, and what the slider says to those who do not see it. */
function showPlace(moment) {
  const text = `${format.date(moment)} ${format.time(moment)}`;
  const doing = isHeld ? "Go to" : standing.seeking ? "Going to the moment wanted," : standing.paused ? "Paused at" : "Recorded";
  setText(now, `${doing} ${text}`);
  setAttribute(place, "aria-valuetext", text);
}

/** A speed from the command line may be none of those on the list. */
function showSpeed(value) {
  if (![...speed.options].some((option) => option.value === value)) {
    const option = element("option", "", `${value}×`);
    option.value = value;
    speed.append(option);
  }
  if (document.activeElement !== speed) speed.value = value;
}

function momentAt(seconds) {
  return new Date(Date.parse(standing.from) + seconds * 1000).toISOString();
}

async function steer(command) {
  try {
    const response = await fetch(REPLAY, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(command),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const answer = await response.json();
    setText(problem, response.ok ? "" : answer.error);
    if (response.ok) showReplay(answer);
  } catch {
    setText(problem, "The replay does not answer.");
  }
}
