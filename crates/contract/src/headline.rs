use alarms::{Detector, Direction, Evidence, Incident, Source, TimeToLimit};
use plant::{Plant, Texts};

use crate::common;
use crate::phrases::{self, Left, Moment, Movement, Phrases, Span, TimeUnit};

/// What, where, since when, the likely cause and how long until the limit, in one sentence for a supervisor:
/// "weld-20: weld resistance falling since 08:14 UTC, electrode wear likely (78 %); limit in about 25 min, 18 to 40".
pub(crate) fn headline(incident: &Incident, plant: &Plant, texts: &Texts) -> String {
    let phrases = phrases::of(texts.language());
    let onset = Moment::new(incident.onset, incident.updated);
    let outlook = outlook(incident, phrases).map_or_else(String::new, |outlook| format!("; {outlook}"));
    format!(
        "{}: {} {}{}{}{outlook}",
        place(incident, plant),
        observation(incident, plant, texts, phrases),
        phrases.since(&onset),
        cause(incident, texts, phrases),
        common::clause(incident, plant, phrases)
    )
}

/// What a person calls what a piece of evidence is about.
pub(crate) fn evidence_title<'a>(evidence: &'a Evidence, texts: &'a Texts) -> &'a str {
    match evidence.source {
        Source::Feature { .. } => texts.feature(&evidence.name),
        Source::Sensor { .. } | Source::Link { .. } | Source::Machine { .. } => &evidence.name,
    }
}

fn place<'a>(incident: &Incident, plant: &'a Plant) -> &'a str {
    match (incident.station, incident.link) {
        (Some(station), _) => &plant.station(station).name,
        (None, Some(link)) => &plant.link(link).name,
        (None, None) => &plant.line,
    }
}

fn observation(incident: &Incident, plant: &Plant, texts: &Texts, phrases: &dyn Phrases) -> String {
    let at_the_cause = incident.evidence.iter().find(|evidence| evidence.source.station() == incident.station);
    let Some(evidence) = at_the_cause.or(incident.evidence.first()) else {
        return phrases.movement(Movement::NotAsExpected).to_owned();
    };
    if evidence.detector == Detector::LinkWatch {
        return phrases.no_data().to_owned();
    }
    let shown_at = evidence.source.station().map(|station| plant.station(station).name.as_str());
    let title = evidence_title(evidence, texts);
    let name = shown_at.and_then(|station| title.strip_prefix(station)?.strip_prefix('/')).unwrap_or(title);
    let elsewhere = match shown_at {
        Some(station) if evidence.source.station() != incident.station => format!(" {}", phrases.shown_at(station)),
        _ => String::new(),
    };
    let says = match evidence.detector {
        Detector::MachineAlarm if !evidence.note.is_empty() => format!(" ({})", evidence.note),
        _ => String::new(),
    };
    format!("{name}{says}{elsewhere} {}", phrases.movement(movement(evidence, incident)))
}

/// Only where a trend leads to a limit is it said that the value moves; else it may have jumped and stay there.
fn movement(evidence: &Evidence, incident: &Incident) -> Movement {
    let moves = incident.time_to_limit.is_some_and(|time| time.expected_s > 0.0);
    match (evidence.detector, evidence.direction) {
        (Detector::FlatLine, _) => Movement::Unchanged,
        (Detector::Dropout, _) => Movement::Missing,
        (Detector::Silence, _) => Movement::Silent,
        (Detector::Spikes, _) => Movement::Wild,
        (Detector::PeerDrift, _) => Movement::AgainstPeers,
        (Detector::SpreadGrowth, _) => Movement::Scattering,
        (Detector::MachineAlarm, _) => Movement::Active,
        (_, Some(Direction::Up)) if moves => Movement::Rising,
        (_, Some(Direction::Down)) if moves => Movement::Falling,
        (_, Some(Direction::Up)) => Movement::High,
        (_, Some(Direction::Down)) => Movement::Low,
        (_, None) => Movement::NotAsExpected,
    }
}

fn cause(incident: &Incident, texts: &Texts, phrases: &dyn Phrases) -> String {
    let first = incident.causes[0];
    let title = texts.title(first.cause, incident.station);
    if incident.causes.len() == 1 {
        return format!(": {title}");
    }
    format!(", {}", phrases.likely(title, &format!("{:.0}", first.share * 100.0)))
}

fn outlook(incident: &Incident, phrases: &dyn Phrases) -> Option<String> {
    let told = |moment| Moment::new(moment, incident.updated);
    if let Some(ended) = &incident.ended_by {
        return Some(phrases.judged_anew(ended.kind, &told(ended.at)));
    }
    match (incident.returned, incident.time_to_limit) {
        (Some(returned), _) => Some(phrases.normal_again(&told(returned))),
        (None, Some(time)) if time.expected_s <= 0.0 => Some(phrases.limit_crossed().to_owned()),
        (None, Some(time)) if time.expected_s.is_finite() => Some(phrases.limit_in(&left(time))),
        (None, _) => None,
    }
}

fn left(time: TimeToLimit) -> Left {
    if time.expected_s < 60.0 {
        return Left::NoTime;
    }
    let (expected, earliest) = (span(time.expected_s), span(time.earliest_s));
    match time.latest_s.map(span) {
        None => Left::NotBefore(expected, earliest),
        Some(latest) if earliest == expected && latest == expected => Left::About(expected),
        Some(latest) => Left::Between(expected, earliest, latest),
    }
}

/// `below this many minutes: unit, minutes of it, in steps of`
const STEPS: [(f64, TimeUnit, f64, f64); 4] = [
    (20.0, TimeUnit::Minutes, 1.0, 1.0),
    (90.0, TimeUnit::Minutes, 1.0, 5.0),
    (600.0, TimeUnit::Hours, 60.0, 0.5),
    (2880.0, TimeUnit::Hours, 60.0, 1.0),
];

/// A time, no more exact than a person would say it.
fn span(seconds: f64) -> Span {
    let minutes = seconds / 60.0;
    let coarser = STEPS.into_iter().find(|&(below, ..)| minutes < below);
    let (_, unit, unit_min, step) = coarser.unwrap_or((f64::INFINITY, TimeUnit::Days, 1440.0, 1.0));
    Span { number: (minutes / (unit_min * step)).round() * step, unit }
}

#[cfg(test)]
mod tests {
    use alarms::RankedCause;
    use plant::{Cause, Runbook};
    use telemetry::LinkId;

    use super::*;
    use crate::testing::{COOL, CURRENT, WELD, at, incident, plant, tool_dress};

    fn check(change: impl FnOnce(&mut Incident), expected: &str) {
        let mut incident = incident();
        change(&mut incident);
        let plant = plant();
        assert_eq!(headline(&incident, &plant, &plant.runbook.line), expected);
    }

    #[test]
    fn a_trend_to_a_limit_says_how_long_there_is_still() {
        let line = |rest: &str| {
            format!("weld-20: weld resistance falling since 08:14 UTC, electrode wear likely (78 %); limit in {rest}")
        };
        check(|_| {}, &line("about 25 min, 18 to 40"));
        for (expected_min, earliest_min, latest_min, text) in [
            (0.9, 0.0, Some(40.0), "less than a minute"),
            (4.0, 0.2, Some(9.6), "about 4 min, 0 to 10"),
            (41.0, 26.0, Some(72.0), "about 40 min, 25 to 70"),
            (41.0, 39.0, Some(42.0), "about 40 min"),
            (41.0, 26.0, None, "about 40 min, 25 min at the earliest"),
            (89.0, 58.0, Some(140.0), "about 90 min, 60 min to 2.5 h"),
            (125.0, 92.0, Some(290.0), "about 2 h, 1.5 to 5"),
            (300.0, 100.0, Some(3_000.0), "about 5 h, 1.5 h to 2 days"),
        ] {
            let [expected_s, earliest_s] = [expected_min, earliest_min].map(|minutes: f64| minutes * 60.0);
            let latest_s = latest_min.map(|minutes: f64| minutes * 60.0);
            check(
                |incident| incident.time_to_limit = Some(TimeToLimit { expected_s, earliest_s, latest_s }),
                &line(text),
            );
        }
    }

    #[test]
    fn without_a_trend_it_does_not_claim_one() {
        let start = "weld-20: weld resistance low since 08:14 UTC, electrode wear likely (78 %)";
        check(|incident| incident.time_to_limit = None, start);
        check(|incident| incident.time_to_limit = Some(TimeToLimit::CROSSED), &format!("{start}; limit crossed"));
        check(
            |incident| {
                incident.time_to_limit = None;
                incident.returned = Some(at("2026-11-24T08:19:59Z"));
            },
            &format!("{start}; normal again since 08:19 UTC"),
        );
    }

    #[test]
    fn what_was_ended_is_not_called_normal() {
        check(
            |incident| {
                incident.time_to_limit = None;
                incident.returned = Some(at("2026-11-24T08:19:59Z"));
                incident.ended_by = Some(tool_dress());
            },
            "weld-20: weld resistance low since 08:14 UTC, electrode wear likely (78 %); judged anew after tool dress at \
             08:18 UTC",
        );
    }

    #[test]
    fn an_onset_of_another_day_has_its_date() {
        check(
            |incident| {
                incident.onset = at("2026-11-23T22:10:00Z");
                incident.time_to_limit = None;
            },
            "weld-20: weld resistance low since 2026-11-23 22:10 UTC, electrode wear likely (78 %)",
        );
    }

    #[test]
    fn a_utility_says_where_it_shows() {
        check(
            |incident| {
                incident.station = Some(COOL);
                incident.affected = vec![WELD];
                incident.causes = vec![RankedCause { cause: Cause::CoolingSupply, share: 1.0 }];
                incident.time_to_limit = None;
            },
            "cool-10: weld resistance at weld-20 low since 08:14 UTC: weak cooling supply",
        );
    }

    #[test]
    fn a_sensor_and_a_link_are_named_once() {
        check(
            |incident| {
                incident.evidence[0].source = Source::Sensor { station: WELD, signal: CURRENT };
                incident.evidence[0].name = "weld-20/current".into();
                incident.evidence[0].detector = Detector::FlatLine;
                incident.causes = vec![RankedCause { cause: Cause::SensorFlatLine, share: 1.0 }];
                incident.time_to_limit = None;
            },
            "weld-20: current unchanged since 08:14 UTC: stuck sensor",
        );
        for (detector, cause, expected) in [
            (Detector::Dropout, Cause::SensorDropout, "missing in many cycles since 08:14 UTC: sensor that drops out"),
            (Detector::Spikes, Cause::SensorSpikes, "with wild values since 08:14 UTC: spiking sensor"),
            (Detector::PeerDrift, Cause::SensorDrift, "not as its peers say since 08:14 UTC: drifting sensor"),
        ] {
            check(
                |incident| {
                    incident.evidence[0].name = "weld-20/current".into();
                    incident.evidence[0].detector = detector;
                    incident.causes = vec![RankedCause { cause, share: 1.0 }];
                    incident.time_to_limit = None;
                },
                &format!("weld-20: current {expected}"),
            );
        }
        for (note, expected) in [("", "current active"), ("Transformer hot", "current (Transformer hot) active")] {
            check(
                |incident| {
                    incident.evidence[0].source = Source::Machine { station: WELD, signal: CURRENT };
                    incident.evidence[0].name = "weld-20/current".into();
                    incident.evidence[0].detector = Detector::MachineAlarm;
                    incident.evidence[0].note = note.into();
                    incident.causes = vec![RankedCause { cause: Cause::MachineAlarm, share: 1.0 }];
                    incident.time_to_limit = None;
                },
                &format!("weld-20: {expected} since 08:14 UTC: alarm of the machine"),
            );
        }
        check(
            |incident| {
                incident.station = None;
                incident.link = Some(LinkId(0));
                incident.evidence[0].source = Source::Link { link: LinkId(0) };
                incident.evidence[0].detector = Detector::LinkWatch;
                incident.causes = vec![RankedCause { cause: Cause::LinkLoss, share: 1.0 }];
                incident.time_to_limit = None;
            },
            "plc-weld: no data since 08:14 UTC: link down",
        );
    }

    fn check_german(change: impl FnOnce(&mut Incident), expected: &str) {
        let mut incident = incident();
        change(&mut incident);
        let plant = Plant { runbook: Runbook::built_in("de", &[]), ..plant() };
        assert_eq!(headline(&incident, &plant, &plant.runbook.line), expected);
    }

    #[test]
    fn a_trend_to_a_limit_in_german() {
        let line = |rest: &str| {
            format!(
                "weld-20: Schweißwiderstand fällt seit 08:14 UTC, wahrscheinlich Elektrodenverschleiß (78 %); Grenze in {rest}"
            )
        };
        check_german(|_| {}, &line("etwa 25 min (18 bis 40)"));
        for (expected_min, earliest_min, latest_min, text) in [
            (0.9, 0.0, Some(40.0), "weniger als einer Minute"),
            (41.0, 39.0, Some(42.0), "etwa 40 min"),
            (41.0, 26.0, None, "etwa 40 min, frühestens in 25 min"),
            (89.0, 58.0, Some(140.0), "etwa 90 min (60 min bis 2,5 h)"),
            (125.0, 92.0, Some(290.0), "etwa 2 h (1,5 bis 5)"),
            (300.0, 100.0, Some(3_000.0), "etwa 5 h (1,5 h bis 2 Tagen)"),
        ] {
            let [expected_s, earliest_s] = [expected_min, earliest_min].map(|minutes: f64| minutes * 60.0);
            let latest_s = latest_min.map(|minutes: f64| minutes * 60.0);
            check_german(
                |incident| incident.time_to_limit = Some(TimeToLimit { expected_s, earliest_s, latest_s }),
                &line(text),
            );
        }
    }

    #[test]
    fn without_a_trend_in_german() {
        let start = "weld-20: Schweißwiderstand zu niedrig seit 08:14 UTC, wahrscheinlich Elektrodenverschleiß (78 %)";
        check_german(|incident| incident.time_to_limit = None, start);
        check_german(
            |incident| incident.time_to_limit = Some(TimeToLimit::CROSSED),
            &format!("{start}; Grenze verletzt"),
        );
        let returned = |incident: &mut Incident| {
            incident.time_to_limit = None;
            incident.returned = Some(at("2026-11-24T08:19:59Z"));
        };
        check_german(returned, &format!("{start}; wieder normal seit 08:19 UTC"));
        check_german(
            |incident| {
                returned(incident);
                incident.ended_by = Some(tool_dress());
            },
            &format!("{start}; neu beurteilt nach Nachfräsen des Werkzeugs um 08:18 UTC"),
        );
        check_german(
            |incident| {
                returned(incident);
                incident.onset = at("2026-11-23T22:10:00Z");
                incident.updated = at("2026-11-25T06:00:00Z");
                incident.ended_by = Some(tool_dress());
            },
            "weld-20: Schweißwiderstand zu niedrig seit 23.11.2026 22:10 UTC, wahrscheinlich Elektrodenverschleiß (78 %); \
             neu beurteilt nach Nachfräsen des Werkzeugs am 24.11.2026 um 08:18 UTC",
        );
    }

    #[test]
    fn utilities_sensors_and_links_in_german() {
        let only = |incident: &mut Incident, cause| {
            incident.causes = vec![RankedCause { cause, share: 1.0 }];
            incident.time_to_limit = None;
        };
        check_german(
            |incident| {
                only(incident, Cause::CoolingSupply);
                incident.station = Some(COOL);
                incident.affected = vec![WELD];
            },
            "cool-10: Schweißwiderstand an weld-20 zu niedrig seit 08:14 UTC: zu schwache Kühlwasserversorgung",
        );
        for (detector, cause, expected) in [
            (Detector::FlatLine, Cause::SensorFlatLine, "unverändert seit 08:14 UTC: hängender Sensor"),
            (Detector::Dropout, Cause::SensorDropout, "fehlt in vielen Zyklen seit 08:14 UTC: aussetzender Sensor"),
            (Detector::Spikes, Cause::SensorSpikes, "mit Ausreißern seit 08:14 UTC: Sensor mit Ausreißern"),
            (
                Detector::PeerDrift,
                Cause::SensorDrift,
                "abweichend von den Vergleichssensoren seit 08:14 UTC: wegdriftender Sensor",
            ),
        ] {
            check_german(
                |incident| {
                    only(incident, cause);
                    incident.evidence[0].source = Source::Sensor { station: WELD, signal: CURRENT };
                    incident.evidence[0].name = "weld-20/current".into();
                    incident.evidence[0].detector = detector;
                },
                &format!("weld-20: current {expected}"),
            );
        }
        check_german(
            |incident| {
                only(incident, Cause::LinkLoss);
                incident.station = None;
                incident.link = Some(LinkId(0));
                incident.evidence[0].source = Source::Link { link: LinkId(0) };
                incident.evidence[0].detector = Detector::LinkWatch;
            },
            "plc-weld: keine Daten seit 08:14 UTC: Verbindung unterbrochen",
        );
    }

    #[test]
    fn a_language_without_phrases_has_english_ones() {
        let plant = Plant { runbook: Runbook::built_in("fr", &[]), ..plant() };
        let told = headline(&incident(), &plant, &plant.runbook.line);
        assert!(told.starts_with("weld-20: weld resistance falling since 08:14 UTC, electrode-wear likely"), "{told}");
    }
}
