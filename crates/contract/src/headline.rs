use alarms::{Detector, Direction, Evidence, Incident};
use plant::Plant;
use telemetry::Timestamp;

use crate::CauseName;

/// What, where, since when, the likely cause and how long until the limit, in one sentence for a supervisor:
/// "weld-20: weld resistance falling since 08:14 UTC, electrode wear likely (78 %); limit in about 25 min".
pub(crate) fn headline(incident: &Incident, plant: &Plant) -> String {
    format!(
        "{}: {} since {}{}{}",
        place(incident, plant),
        observation(incident, plant),
        clock(incident.onset, incident.updated),
        cause(incident),
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
    let moves = incident.time_to_limit_s.is_some_and(|seconds| seconds > 0.0);
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
    match (incident.returned, incident.time_to_limit_s) {
        (Some(returned), _) => format!("; normal again since {}", clock(returned, incident.updated)),
        (None, Some(seconds)) if seconds <= 0.0 => "; limit crossed".to_owned(),
        (None, Some(seconds)) if seconds.is_finite() => format!("; limit in {}", duration(seconds)),
        (None, _) => String::new(),
    }
}

fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round();
    match seconds {
        _ if seconds < 60.0 => "less than a minute".to_owned(),
        _ if minutes < 90.0 => format!("about {minutes:.0} min"),
        _ => format!("about {:.0} h", seconds / 3600.0),
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
        check(|_| {}, &line("about 25 min"));
        check(|incident| incident.time_to_limit_s = Some(59.0), &line("less than a minute"));
        check(|incident| incident.time_to_limit_s = Some(89.0 * 60.0), &line("about 89 min"));
        check(|incident| incident.time_to_limit_s = Some(5.0 * 3600.0), &line("about 5 h"));
    }

    #[test]
    fn without_a_trend_it_does_not_claim_one() {
        let start = "weld-20: weld resistance low since 08:14 UTC, electrode wear likely (78 %)";
        check(|incident| incident.time_to_limit_s = None, start);
        check(|incident| incident.time_to_limit_s = Some(0.0), &format!("{start}; limit crossed"));
        check(
            |incident| {
                incident.time_to_limit_s = None;
                incident.returned = Some(at("2026-11-24T08:19:59Z"));
            },
            &format!("{start}; normal again since 08:19 UTC"),
        );
    }

    #[test]
    fn what_was_ended_is_not_called_normal() {
        check(
            |incident| {
                incident.time_to_limit_s = None;
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
                incident.time_to_limit_s = None;
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
                incident.time_to_limit_s = None;
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
                incident.time_to_limit_s = None;
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
                    incident.time_to_limit_s = None;
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
                incident.time_to_limit_s = None;
            },
            "plc-weld: no data since 08:14 UTC: link down",
        );
    }
}
