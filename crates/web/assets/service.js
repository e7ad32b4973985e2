// Whether a place is in service, and for those who may a button that changes it.

import { button, element, setShown, setText } from "./dom.js";
import { answerTo } from "./commands.js";
import * as format from "./format.js";
import { word } from "./language.js";
import { mayAs, whoAmI } from "./session.js";

/** Of a station: an object with its `root`, `update(line)` and `isOfUse()`. */
export function serviceView(place) {
  const told = element("p", "lead");
  const answer = element("p", "answer");
  answer.setAttribute("role", "status");
  const change = button("", "action", send);
  const root = element("div", "commands", told, element("div", "actions", change), answer);
  let out;
  setShown(change, false);
  whoAmI().then(() => setShown(change, mayAs("engineer")), () => {});

  async function send() {
    change.disabled = true;
    const reply = await answerTo({ command: out ? "place-in-service" : "remove-from-service", place });
    setText(answer, reply.ok ? word("do.done") : word("do.failed", { error: reply.error }));
    change.disabled = false;
  }

  return {
    root,
    isOfUse: () => out !== undefined || !change.hidden,
    update({ out_of_service: places = [], now }) {
      out = places.find((one) => one.place === place);
      const since = out && { time: format.moment(out.at, now), by: word("incident.by", { by: out.by }) };
      setText(told, out ? word("service.out", since) : word("service.in"));
      setText(change, word(out ? "do.place" : "do.remove"));
    },
  };
}
