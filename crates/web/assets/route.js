// Which view the page's address names: `#/station/weld-20`, `#/health?search=flow`. So a view can be sent on, and the
// browser's back button works.

/** The view and its parameters that the page's address names; the line if it names nothing. */
export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = path.split("/");
  return { view: view || "line", name: decoded(rest.join("/")), query: new URLSearchParams(query) };
}

/** The address of a view. */
export function address(view, name = "", query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  const path = [view === "line" ? "" : view, encodeURIComponent(name)].filter(Boolean).join("/");
  return `#/${path}${asked ? `?${asked}` : ""}`;
}

/** Changes what stands behind the question mark without a new entry in the browser's history. */
export function setQuery(query) {
  const { view, name } = route();
  history.replaceState(null, "", address(view, name, query));
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
