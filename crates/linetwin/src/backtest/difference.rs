//! The alerts of two configurations on one recording, side by side.

use contract::{DifferenceV1, JudgedAlertV1, MatchV1, TimeV1};

/// Pairs alerts that are about the same, those first that were raised closest together; `until` is the recording's end.
pub(super) fn difference(judged: &[JudgedAlertV1], against: &[JudgedAlertV1], until: TimeV1) -> DifferenceV1 {
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (place, ours) in judged.iter().enumerate() {
        let alike = against.iter().enumerate().filter(|(_, theirs)| are_alike(ours, theirs, until));
        pairs.extend(alike.map(|(other, theirs)| (earlier_s(ours, theirs).abs(), place, other)));
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let (mut partner, mut taken) = (vec![None; judged.len()], vec![false; against.len()]);
    for (_, place, other) in pairs {
        if partner[place].is_none() && !taken[other] {
            (partner[place], taken[other]) = (Some(other), true);
        }
    }
    let mut difference = DifferenceV1 { matched: Vec::new(), only_judged: Vec::new(), only_against: Vec::new() };
    for (ours, partner) in judged.iter().zip(partner) {
        match partner.map(|other| &against[other]) {
            Some(theirs) => difference.matched.push(MatchV1 {
                judged: ours.id.clone(),
                against: theirs.id.clone(),
                earlier_s: earlier_s(ours, theirs),
                cause_changed: ours.cause != theirs.cause,
            }),
            None => difference.only_judged.push(ours.id.clone()),
        }
    }
    let alone = against.iter().zip(taken).filter(|(_, is_taken)| !is_taken);
    difference.only_against = alone.map(|(theirs, _)| theirs.id.clone()).collect();
    difference
}

fn earlier_s(ours: &JudgedAlertV1, theirs: &JudgedAlertV1) -> f64 {
    theirs.raised.0.seconds_since(ours.raised.0)
}

fn are_alike(ours: &JudgedAlertV1, theirs: &JudgedAlertV1, until: TimeV1) -> bool {
    let span = |alert: &JudgedAlertV1| (alert.onset.min(alert.raised), alert.gone.unwrap_or(until).max(alert.raised));
    let ((begin, end), (their_begin, their_end)) = (span(ours), span(theirs));
    let share_evidence = || ours.evidence.iter().any(|name| theirs.evidence.contains(name));
    ours.place == theirs.place
        && begin <= their_end
        && their_begin <= end
        && (ours.cause == theirs.cause || share_evidence())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use contract::{CauseName, WorthName};

    use super::*;

    fn at(minutes: f64) -> TimeV1 {
        TimeV1(telemetry::Timestamp::EPOCH.plus_seconds(minutes * 60.0))
    }

    fn alert(id: &str, place: &str, cause: CauseName, evidence: &str, minutes: [f64; 3]) -> JudgedAlertV1 {
        let [onset, raised, gone] = minutes;
        JudgedAlertV1 {
            id: id.to_owned(),
            place: place.to_owned(),
            cause,
            evidence: vec![evidence.to_owned()],
            headline: String::new(),
            onset: at(onset),
            raised: at(raised),
            gone: gone.is_finite().then(|| at(gone)),
            worth: WorthName::Unlabelled,
        }
    }

    /// The pairs, then those alone on either side.
    #[track_caller]
    fn check(judged: &[JudgedAlertV1], against: &[JudgedAlertV1], pairs: &[(&str, &str)], alone: [&[&str]; 2]) {
        let found = difference(judged, against, at(1000.0));
        let matched: Vec<_> = found.matched.iter().map(|pair| (&*pair.judged, &*pair.against)).collect();
        assert_eq!(matched, pairs);
        assert_eq!(
            [found.only_judged, found.only_against],
            alone.map(|ids| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>())
        );
    }

    const OPEN: f64 = f64::INFINITY;

    #[test]
    fn alerts_about_the_same_are_paired_and_the_rest_is_alone() {
        let (wear, sheet) = (CauseName::ElectrodeWear, CauseName::SheetMaterial);
        let ours = [
            alert("1-0", "weld-20", wear, "weld resistance", [10.0, 20.0, OPEN]),
            alert("2-0", "weld-30", wear, "nugget", [10.0, 25.0, 40.0]),
            alert("3-0", "weld-20", CauseName::MicroStops, "stops", [10.0, 30.0, OPEN]),
        ];
        let theirs = [
            // Another cause by the same feature, later.
            alert("7-0", "weld-20", sheet, "weld resistance", [12.0, 29.0, OPEN]),
            // The same cause by another feature, but over before.
            alert("5-0", "weld-30", wear, "current", [2.0, 4.0, 6.0]),
        ];
        check(&ours, &theirs, &[("1-0", "7-0")], [&["2-0", "3-0"], &["5-0"]]);
        let pair = &difference(&ours, &theirs, at(1000.0)).matched[0];
        assert_eq!((pair.earlier_s, pair.cause_changed), (540.0, true));
    }

    #[test]
    fn an_alert_is_paired_once_with_the_closest() {
        let wear = CauseName::ElectrodeWear;
        let at_20 = |id: &str, raised: f64| alert(id, "weld-20", wear, "nugget", [10.0, raised, OPEN]);
        check(&[at_20("1-0", 20.0)], &[at_20("2-0", 50.0), at_20("3-0", 21.0)], &[("1-0", "3-0")], [&[], &["2-0"]]);
    }

    #[test]
    fn the_same_alerts_differ_in_nothing() {
        let ours: Vec<_> = (0..5)
            .map(|id| {
                alert(
                    &id.to_string(),
                    "weld-20",
                    CauseName::MicroStops,
                    "stops",
                    [f64::from(id), f64::from(id) + 5.0, OPEN],
                )
            })
            .collect();
        let found = difference(&ours, &ours, at(1000.0));
        assert!(found.matched.iter().all(|pair| pair.judged == pair.against && pair.earlier_s == 0.0), "{found:?}");
        assert!(found.only_judged.is_empty() && found.only_against.is_empty(), "{found:?}");
    }
}
