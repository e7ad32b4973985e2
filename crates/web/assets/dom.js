// Building and patching the page. Text only ever enters through textContent, so nothing from a device can be markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with a class (may be empty) and children: elements or texts. */
export function element(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** An SVG element with attributes and children. */
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A symbol of the page's sheet of symbols, as a decoration beside a word. */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#${name}` }));
}

/** Changes the symbol of an icon. */
export function setIcon(node, name) {
  setAttribute(node.firstChild, "href", `#${name}`);
}

/** Sets a text if it is not that already: a selection or a screen reader is not disturbed for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const partsOf = new WeakMap();

/** As `setText`, for a text of several parts: strings, and objects with a `text` and the language `lang` that it is in. */
export function setParts(node, parts) {
  const key = JSON.stringify(parts);
  if (partsOf.get(node) === key) return;
  partsOf.set(node, key);
  node.replaceChildren(...parts.map((part) => (typeof part === "string" ? part : inItsLanguage(part))));
}

function inItsLanguage({ text, lang }) {
  const node = element("span", "", text);
  node.lang = lang;
  return node;
}

/** Sets an attribute if it is not that already; removes it if the value is null. */
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Shows or hides; by the attribute, as pictures have no such property. */
export function setShown(node, shown) {
  if (node.hasAttribute("hidden") === shown) node.toggleAttribute("hidden", !shown);
}

const viewsOf = new WeakMap();

/**
 * Makes the children of `parent` show `items`, in their order. A child is kept as long as its key is there.
 *
 * `create(item)` gives a view: an object with `root` (the child) and `update(item)`.
 */
export function keyed(parent, items, keyOf, create) {
  const before = viewsOf.get(parent) ?? new Map();
  const after = new Map();
  let place = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    const view = before.get(key) ?? create(item);
    after.set(key, view);
    view.update(item);
    if (view.root === place) place = place.nextSibling;
    else parent.insertBefore(view.root, place);
  }
  for (const [key, view] of before) if (!after.has(key)) view.root.remove();
  viewsOf.set(parent, after);
}

/** A link within the page. */
export function link(href, className = "", ...children) {
  const node = element("a", className, ...children);
  node.href = href;
  return node;
}

/** A button. */
export function button(text, className = "", onClick = () => {}) {
  const node = element("button", className, text);
  node.type = "button";
  node.addEventListener("click", onClick);
  return node;
}

/** A panel of a view: a section named by its heading. */
export function panel(title, ...children) {
  const heading = element("h2", "", title);
  heading.id = `panel-${++panels}`;
  const head = element("div", "panel-head", heading);
  const root = element("section", "panel", head, ...children);
  root.setAttribute("aria-labelledby", heading.id);
  return { root, head, heading };
}

let panels = 0;

/** A list of facts: terms and what they are. Shows pairs of a term and a text, parts of one, or an element. */
export function facts() {
  const root = element("dl", "facts");
  return {
    root,
    update(pairs) {
      const known = pairs.filter(([, fact]) => fact !== undefined && fact !== "");
      keyed(root, known, ([term]) => term, factView);
    },
  };
}

function factView() {
  const term = element("dt");
  const fact = element("dd");
  return {
    root: element("div", "fact", term, fact),
    update([name, content]) {
      setText(term, name);
      if (content instanceof Node) {
        if (fact.firstChild !== content) fact.replaceChildren(content);
      } else setParts(fact, [content].flat());
    },
  };
}

/** A table with a caption, and `empty` instead when it has no rows. Columns are texts. */
export function table({ caption, columns, empty, keyOf, rowView }) {
  const rows = element("tbody");
  const head = element("tr", "", ...columns.map((column) => element("th", "", column)));
  for (const cell of head.children) cell.scope = "col";
  const body = element("table", "", element("thead", "", head), rows);
  body.setAttribute("aria-label", caption);
  const none = element("p", "empty", empty);
  // What can be scrolled must be reachable with the keyboard.
  const scroller = element("div", "scroller", body);
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", caption);
  return {
    root: element("div", "table", scroller, none),
    update(items) {
      keyed(rows, items, keyOf, rowView);
      setShown(scroller, items.length > 0);
      setShown(none, items.length === 0);
    },
  };
}

/** The head of a row. */
export function rowHead(...children) {
  const head = element("th", "", ...children);
  head.scope = "row";
  return head;
}
