// The live stream: one connection, which says how it is and which comes back by itself.

const STREAM = "/api/v1/stream";
/** The twin speaks at each tick. After this long without a word, what the page shows is old. */
const SILENCE_MAX_MS = 10_000;
/** After this long the connection itself is taken for dead, as after a change of wireless cell. */
const DEAD_MS = 30_000;
const PAUSE_MS = 3_000;
const CHECK_MS = 1_000;

/** Follows the line: `onState(state)` at each change; `onLost(why, since)` while it is not heard, since when. */
export function follow(onState, onLost) {
  let source = null;
  let heard = performance.now();
  let opened = heard;
  let heardAt = null;

  const lost = (why) => onLost(why, heardAt);

  function open() {
    source?.close();
    opened = performance.now();
    source = new EventSource(STREAM);
    source.addEventListener("state", (event) => {
      heard = performance.now();
      heardAt = new Date();
      onState(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return lost("The connection to the twin is lost.");
      source.close();
      refusal().then(lost);
      setTimeout(open, PAUSE_MS);
    });
  }

  setInterval(() => {
    const silent = performance.now() - Math.max(heard, opened);
    if (silent > DEAD_MS) open();
    if (performance.now() - heard > SILENCE_MAX_MS && source.readyState === EventSource.OPEN) {
      lost("The twin has sent nothing for a while.");
    }
  }, CHECK_MS);
  open();
}

/** Why the stream was refused, in the server's own words. */
async function refusal() {
  try {
    const response = await fetch(STREAM, { signal: AbortSignal.timeout(PAUSE_MS) });
    if (!response.ok) return `The live stream was refused: ${(await response.json()).error}.`;
    await response.body.cancel();
    return "The live stream was refused for a moment.";
  } catch {
    return "The connection to the twin is lost.";
  }
}
