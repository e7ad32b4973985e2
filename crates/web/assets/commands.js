// What a person can do about an incident. Nothing is shown as done before the stream says so; the answer is the twin's own.

import { button, element, keyed, link, setShown, setText } from "./dom.js";
import { word } from "./language.js";
import { command, loginAddress, mayAs, whoAmI } from "./session.js";

const MINUTES = [30, 60];
const COMMENT_MAX = 500;

/** The actions for an incident: an object with its `root` and `update(alert, line)`. */
export function commandsView() {
  const remark = element("textarea", "remark");
  remark.rows = 2;
  remark.maxLength = COMMENT_MAX;
  const remarkLabel = element("label", "remark-label", element("span", "", word("do.remark")), remark);
  const first = element("div", "actions");
  const shelve = element("div", "actions");
  const shelveLabel = element("p", "muted", word("do.shelveFor"));
  const judge = element("div", "actions");
  const controls = element("div", "", remarkLabel, first, shelveLabel, shelve, judge);
  const answer = element("p", "answer");
  answer.setAttribute("role", "status");
  const login = link(loginAddress(), "", word("do.login"));
  const readOnly = element("p", "muted", `${word("do.readOnly")} `, login);
  const root = element("div", "commands", controls, readOnly, answer);
  let incident = "";
  let isBusy = false;
  setShown(controls, false);
  setShown(readOnly, false);
  whoAmI().then(showWhatIsAllowed, () => showWhatIsAllowed({ logins: false }));

  function showWhatIsAllowed({ logins }) {
    const isAllowed = mayAs("supervisor");
    setShown(controls, isAllowed);
    setShown(readOnly, logins && !isAllowed);
  }

  async function send(wanted) {
    if (isBusy) return;
    isBusy = true;
    root.setAttribute("aria-busy", "true");
    const comment = remark.value.trim();
    const told = await answerTo({ incident, ...wanted, ...(comment && { comment }) });
    setText(answer, told.ok ? word("do.done") : word("do.failed", { error: told.error }));
    if (told.ok) remark.value = "";
    root.removeAttribute("aria-busy");
    isBusy = false;
  }

  const buttons = (parent, wanted) => keyed(parent, wanted, ({ name }) => name, (one) => actionView(one, send));
  return {
    root,
    /** Whether there is anything to do or to say. */
    isOfUse: () => !controls.hidden || !readOnly.hidden,
    update(alert, line) {
      incident = alert.id;
      const isShelved = alert.state === "shelved";
      const isNew = alert.state === "unacknowledged" || alert.state === "returned-unacknowledged";
      buttons(first, [
        ...(isNew ? [{ name: "acknowledge", isFirst: true, command: { command: "acknowledge" } }] : []),
        ...(isShelved ? [{ name: "unshelve", isFirst: true, command: { command: "unshelve" } }] : []),
        { name: "comment", command: { command: "comment" } },
      ]);
      setShown(shelve, !isShelved);
      setShown(shelveLabel, !isShelved);
      buttons(shelve, shelving(line.shift));
      buttons(judge, ["mark-true", "mark-false", "mark-planned"].map((name) => ({ name, command: { command: name } })));
    },
  };
}

function shelving(shift) {
  const times = MINUTES.map((minutes) => ({ name: `shelve${minutes}`, command: { command: "shelve", minutes } }));
  const toEnd = shift?.is_shift ? [{ name: "shelveShift", command: { command: "shelve", until: shift.end } }] : [];
  return [...times, ...toEnd, { name: "shelveOnce", command: { command: "shelve" } }];
}

function actionView({ name, isFirst }, send) {
  let wanted = null;
  const root = button(word(`do.${name}`), isFirst ? "action first" : "action", () => send(wanted));
  root.dataset.action = name;
  return { root, update: ({ command }) => (wanted = command) };
}

/** What the twin answers to a command; `error` says in words why it was not carried out. */
export async function answerTo(wanted) {
  try {
    const { ok, body } = await command(wanted);
    const isDone = ok && body.ok !== false;
    return { ok: isDone, error: body.error ?? "" };
  } catch (error) {
    return { ok: false, error: error.message };
  }
}
