use std::fmt;

use alarms::{Detector, Direction, Evidence, Incident, TimeToLimit};
use plant::Plant;
use telemetry::Timestamp;

use crate::{CauseName, common};

/// What, where, since when, the likely cause and how long until the limit, in one sentence for a supervisor:
/// "weld-20: weld resistance falling since 08:14 UTC, electrode wear likely (78 %); limit in about 25 min, 18 to 40".
pub(crate) fn headline(incident: &Incident, plant: &Plant) -> String {
    format!(
        "{}: {} since {}{}{}{}",
        place(incident, plant),
        observation(incident, plant),
        clock(incident.onset, incident.updated),
        cause(incident),
        common::clause(incident, plant),
        outlook(incident)
    )
}

fn place<'a>(incident: &Incident, plant: &'a Plant) -> &'a str {
    match (incident.station, incident.link) {
        (Some(station), _) => &plant.station(station).name,
        (None, Some(link)) => &plant.link(link).name,
        (None, None) => &plant.line,
    }
}

fn observation(incident: &Incident, plant: &Plant) -> String {
    let at_the_cause = incident.evidence.iter().find(|evidence| evidence.source.station() == incident.station);
    let Some(evidence) = at_the_cause.or(incident.evidence.first()) else { return "not as expected".to_owned() };
    if evidence.detector == Detector::LinkWatch {
        return "no data".to_owned();
    }
    let shown_at = evidence.source.station().map(|station| plant.station(station).name.as_str());
    let name =
        shown_at.and_then(|station| evidence.name.strip_prefix(station)?.strip_prefix('/')).unwrap_or(&evidence.name);
    let elsewhere = match shown_at {
        Some(station) if evidence.source.station() != incident.station => format!(" at {station}"),
        _ => String::new(),
    };
    format!("{name}{elsewhere} {}", movement(evidence, incident))
}

/// Only where a trend leads to a limit is it said that the value moves; else it may have jumped and stay there.
fn movement(evidence: &Evidence, incident: &Incident) -> &'static str {
    let moves = incident.time_to_limit.is_some_and(|time| time.expected_s > 0.0);
    match (evidence.detector, evidence.direction) {
        (Detector::FlatLine, _) => "unchanged",
        (Detector::Dropout, _) => "missing in many cycles",
        (Detector::Spikes, _) => "with wild values",
        (Detector::PeerDrift, _) => "not as its peers say",
        (Detector::SpreadGrowth, _) => "scatters",
        (_, Some(Direction::Up)) if moves => "rising",
        (_, Some(Direction::Down)) if moves => "falling",
        (_, Some(Direction::Up)) => "high",
        (_, Some(Direction::Down)) => "low",
        (_, None) => "not as expected",
    }
}

fn cause(incident: &Incident) -> String {
    let first = incident.causes[0];
    let title = CauseName::from(first.cause).title();
    if incident.causes.len() == 1 {
        return format!(": {title}");
    }
    format!(", {title} likely ({:.0} %)", first.share * 100.0)
}

fn outlook(incident: &Incident) -> String {
    if let Some(ended) = &incident.ended_by {
        return format!("; judged anew after {} at {}", ended.kind.title(), clock(ended.at, incident.updated));
    }
    match (incident.returned, incident.time_to_limit) {
        (Some(returned), _) => format!("; normal again since {}", clock(returned, incident.updated)),
        (None, Some(time)) if time.expected_s <= 0.0 => "; limit crossed".to_owned(),
        (None, Some(time)) if time.expected_s.is_finite() => format!("; limit in {}", left(time)),
        (None, _) => String::new(),
    }
}

/// Such as "about 25 min, 18 to 40".
fn left(time: TimeToLimit) -> String {
    if time.expected_s < 60.0 {
        return "less than a minute".to_owned();
    }
    let (expected, earliest) = (Span::new(time.expected_s), Span::new(time.earliest_s));
    match time.latest_s.map(Span::new) {
        None => format!("about {expected}, {earliest} at the earliest"),
        Some(latest) if earliest == expected && latest == expected => format!("about {expected}"),
        Some(latest) if earliest.unit == latest.unit => {
            format!("about {expected}, {} to {}", earliest.number, latest.number)
        }
        Some(latest) => format!("about {expected}, {earliest} to {latest}"),
    }
}

/// A span of time, no more exact than a person would say it.
#[derive(PartialEq)]
struct Span {
    number: f64,
    unit: &'static str,
}

impl Span {
    /// `below this many minutes: unit, minutes of it, in steps of`
    const STEPS: [(f64, &str, f64, f64); 4] =
        [(20.0, "min", 1.0, 1.0), (90.0, "min", 1.0, 5.0), (600.0, "h", 60.0, 0.5), (2880.0, "h", 60.0, 1.0)];

    fn new(seconds: f64) -> Self {
        let minutes = seconds / 60.0;
        let coarser = Self::STEPS.into_iter().find(|&(below, ..)| minutes < below);
        let (_, unit, unit_min, step) = coarser.unwrap_or((f64::INFINITY, "days", 1440.0, 1.0));
        Self { number: (minutes / (unit_min * step)).round() * step, unit }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.unit)
    }
}

/// The time of day; with the date if that is not the day of `told`.
fn clock(moment: Timestamp, told: Timestamp) -> String {
    let (date, minute) = date_and_minute(moment);
    if date == date_and_minute(told).0 { format!("{minute} UTC") } else { format!("{date} {minute} UTC") }
}

fn date_and_minute(moment: Timestamp) -> (String, String) {
    let text = moment.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    (date.to_owned(), time.chars().take(5).collect())
}

#[cfg(test)]
mod tests {
    use alarms::{RankedCause, Source};
    use plant::Cause;
    use telemetry::LinkId;

    use super::*;
    use crate::testing::{COOL, CURRENT, WELD, at, incident, plant, tool_dress};

    fn check(change: impl FnOnce(&mut Incident), expected: &str) {
        let mut incident = incident();
        change(&mut incident);
        assert_eq!(headline(&incident, &plant()), expected);
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
}
