// The bar that steers a replay. It is there only while the line says that this is one.

import { element, setAttribute, setShown, setText } from "./dom.js";
import * as format from "./format.js";
import { word } from "./language.js";
import { post } from "./session.js";

const REPLAY = "/api/v1/replay";
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
  setText(pause, word(replay.paused ? "replay.resume" : "replay.pause"));
  pause.disabled = replay.paused && format.secondsBetween(replay.now, replay.to) === 0;
  showSpeed(String(replay.speed));
  const [from, to] = [format.moment(replay.from, replay.to), format.moment(replay.to, replay.from)];
  setText(ends, word("replay.range", { from, to }));
  if (isHeld) return;
  place.max = format.secondsBetween(replay.from, replay.to);
  place.value = format.secondsBetween(replay.from, replay.seeking ?? replay.now);
  showPlace(replay.seeking ?? replay.now);
}

/** The time on the bar, and what the slider says to those who do not see it. */
function showPlace(moment) {
  const time = `${format.date(moment)} ${format.time(moment)}`;
  const { seeking, paused } = standing;
  const doing = isHeld ? "replay.goTo" : seeking ? "replay.going" : paused ? "replay.paused" : "replay.recorded";
  setText(now, word(doing, { time }));
  setAttribute(place, "aria-valuetext", time);
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
    const { ok, body } = await post(REPLAY, command);
    setText(problem, ok ? "" : body.error);
    if (ok) showReplay(body);
  } catch {
    setText(problem, word("page.answersNot"));
  }
}
