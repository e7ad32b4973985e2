// The live stream: one connection, which says how it is and which comes back by itself, and the line as it was told.

import { word } from "./language.js";
import { loginAddress } from "./session.js";

const STREAM = "/api/v1/stream";
/** The twin speaks at each tick. After this long without a word, what the page shows is old. */
const SILENCE_MAX_MS = 10_000;
/** After this long the connection itself is taken for dead, as after a change of wireless cell. */
const DEAD_MS = 30_000;
const PAUSE_MS = 3_000;
/** The status for one who has to say who they are: a session ends, at the latest with the daemon. */
const UNKNOWN = 401;
const CHECK_MS = 1_000;

/** Follows the line: `onLine(line)` at each change; `onLost(why, since)` while it is not heard, since when. */
export function follow(onLine, onLost) {
  let source = null;
  let line = null;
  let heard = performance.now();
  let opened = heard;
  let heardAt = null;

  const lost = (why) => onLost(why, heardAt);

  function open() {
    source?.close();
    opened = performance.now();
    source = new EventSource(STREAM);
    source.addEventListener("line", (event) => {
      heard = performance.now();
      heardAt = new Date();
      line = merged(line, JSON.parse(event.data));
      onLine(line);
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return lost(word("page.lost"));
      source.close();
      refusal().then(lost);
      setTimeout(open, PAUSE_MS);
    });
  }

  setInterval(() => {
    const silent = performance.now() - Math.max(heard, opened);
    if (silent > DEAD_MS) open();
    if (performance.now() - heard > SILENCE_MAX_MS && source.readyState === EventSource.OPEN) lost(word("page.silent"));
  }, CHECK_MS);
  open();
}

/** The line after a change was told: what is left out is as it was. */
function merged(line, told) {
  if (told.whole) return told;
  const changed = new Map(told.stations.map((station) => [station.name, station]));
  return {
    ...told,
    stations: line.stations.map((station) => changed.get(station.name) ?? station),
    links: told.links ?? line.links,
    alerts: told.alerts ?? line.alerts,
    nearest: told.nearest ?? line.nearest,
  };
}

/** Why the stream was refused, in the server's own words. */
async function refusal() {
  try {
    const response = await fetch(STREAM, { signal: AbortSignal.timeout(PAUSE_MS) });
    if (response.status === UNKNOWN) location.assign(loginAddress());
    if (!response.ok) return word("page.refused", { error: (await response.json()).error });
    await response.body.cancel();
    return word("page.refusedForNow");
  } catch {
    return word("page.lost");
  }
}
