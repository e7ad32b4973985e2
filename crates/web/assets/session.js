// Who reads this page: their name and role, and the token that each POST has to carry.

const RANKS = ["viewer", "supervisor", "engineer"];
const PATIENCE_MS = 15_000;

let me = null;

/** Who I am: `{ logins, user?, role?, csrf? }`. Asks the daemon once; again with `true`, as after a login elsewhere. */
export async function whoAmI(again = false) {
  if (me === null || again) {
    const response = await fetch("/api/v1/me", { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!response.ok) throw new Error(await refusal(response));
    me = await response.json();
  }
  return me;
}

/** Whether I may do what needs this role: "viewer", "supervisor" or "engineer". Known once `whoAmI` has answered. */
export function mayAs(role) {
  return me?.role !== undefined && RANKS.indexOf(me.role) >= RANKS.indexOf(role);
}

/**
 * Sends JSON, in my name. Gives `{ ok, status, body }`, where `body.error` says what is wrong if something is; with status
 * 401 one has to log in again.
 */
export async function post(path, content) {
  const { csrf } = await whoAmI();
  const headers = { "content-type": "application/json", ...(csrf && { "x-csrf-token": csrf }) };
  const body = JSON.stringify(content);
  const response = await fetch(path, { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status === 401) me = null;
  if (response.ok) return { ok: true, status: response.status, body: await json(response) };
  const told = await json(response);
  return { ok: false, status: response.status, body: { ...told, error: told.error ?? `The twin answered ${response.status}.` } };
}

/** Gives the twin a command, such as `{ command: "acknowledge", incident: "412-0" }`; answers as `post`. */
export function command(content) {
  return post("/api/v1/command", content);
}

/** Where one logs in and comes back from to what is shown now. */
export function loginAddress() {
  return `/login?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`;
}

/** Logs out, and goes to where one logs in. */
export async function logOut() {
  await post("/api/v1/logout", {});
  me = null;
  location.assign(loginAddress());
}

async function refusal(response) {
  return (await json(response)).error ?? `The twin answered ${response.status}.`;
}

/** What an answer holds; nothing if it is no JSON, as that of a proxy may be. */
async function json(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}
