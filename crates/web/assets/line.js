// The first view: the line as a mimic, what is open, where the shift stands and what is closest to an alert.

import { element, facts, panel, setShown } from "./dom.js";
import * as format from "./format.js";
import { nearestTable } from "./features.js";
import { incidentsView } from "./incidents.js";
import { word } from "./language.js";
import { mimicView } from "./mimic.js";

/** The view. */
export function lineView(_, query) {
  const mimic = mimicView();
  const incidents = incidentsView(query);
  const now = facts();
  const nearest = nearestTable();
  const title = element("h1", "unseen", word("page.line"));
  const ofNow = panel(word("line.now"), now.root);
  const ofNearest = panel(word("line.nearest"), element("p", "lead", word("line.nearestLead")), nearest.root);
  const side = element("div", "stack", ofNow.root, ofNearest.root);
  const root = element("div", "view", title, element("div", "panel", mimic.root), element("div", "columns", incidents.root, side));
  return {
    root,
    close: mimic.close,
    update(line) {
      mimic.update(line);
      incidents.update(line);
      now.update(shiftFacts(line.shift));
      setShown(ofNow.root, line.shift !== undefined);
      nearest.update(line.nearest.map(({ station, feature }) => ({ ...feature, station })));
    },
  };
}

function shiftFacts(shift) {
  if (!shift) return [];
  const { produced, planned_output, forecast, odds, oee, bottleneck } = shift;
  const made = format.whole(produced);
  const range = forecast && Object.fromEntries(Object.entries(forecast).map(([name, number]) => [name, format.whole(number)]));
  return [
    [word("line.made"), planned_output === undefined ? made : word("line.madeOf", { made, planned: format.whole(planned_output) })],
    [word("line.forecast"), range && word("line.forecastOf", range)],
    [word("line.odds"), odds === undefined ? undefined : format.percent(odds)],
    [word("line.oee"), oee === undefined ? undefined : format.percent(oee)],
    [word("line.bottleneck"), bottleneck],
  ];
}
