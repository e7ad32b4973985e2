// What has happened to an incident, as far as it tells: from the first sign to the latest word.

import * as format from "./format.js";
import { interventionName, named, word } from "./language.js";

/** Its entries, the latest first: each with a `key`, the `time` and what happened in words. */
export function historyOf(alert, now) {
  const { acknowledged, shelved, out_of_service: out, judged, escalation, returned, ended_by: ended } = alert;
  const entries = [
    [alert.onset, word("incident.onset")],
    [alert.raised, word("incident.raised")],
    [alert.updated, word("incident.updated")],
    acknowledged && [acknowledged.at, withRemark(word("incident.acknowledgedBy", acknowledged), acknowledged.comment)],
    shelved && [shelved.at, withRemark(shelvedText(shelved, now), shelved.comment)],
    out && [out.at, word("incident.outBy", out)],
    judged && [judged.at, word("incident.judged", { ...judged, as: named("as", judged.as) })],
    escalation?.since && [escalation.since, word("incident.escalated")],
    returned && [returned, ended ? word("incident.anew", { what: interventionName(ended) }) : word("incident.returned")],
    ...(alert.comments ?? []).map((comment) => [comment.at, word("incident.commented", comment)]),
  ];
  return entries
    .filter(Boolean)
    .map(([at, text]) => ({ key: `${at}/${text}`, at, text, time: format.moment(at, now) }))
    .toSorted((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

function shelvedText({ by, until }, now) {
  return until === undefined
    ? word("incident.shelvedBy", { by })
    : word("incident.shelvedUntil", { by, time: format.moment(until, now) });
}

function withRemark(text, comment) {
  return comment ? `${text}: “${comment}”` : text;
}
