//! The Numenta anomaly benchmark, on its series of known causes: A. Lavin and S. Ahmad, IEEE ICMLA 2015, 38;
//! github.com/numenta/NAB, MIT licence.
//!
//! The scoring is the benchmark's. Of the detections in a window of an anomaly the first earns up to 1, falling along a
//! sigmoid to 0 at the window's end; a detection elsewhere costs the weight of a false alarm, less if it comes soon after
//! a window; a window without a detection costs the weight of a miss. The sum is put on a scale from 0, for a detector
//! that says nothing, to 100, for one that finds each window at its first row and says nothing else. The first 15 % of a
//! series, 750 rows at most, only train.
//!
//! What differs from the scores that the benchmark publishes: those are of all 58 series, with a threshold for each
//! detector that was found by sweeping it over the same series. Here the threshold is solved from the run length between
//! false alarms, one for all series, and no label is looked at. So they are not to be compared number by number.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use anyhow::Context;
use drift::{ColumnMonitor, Season, Step, Thresholds};
use jiff::civil::DateTime;

/// Rows between false alarms that the thresholds are solved for; the first value tried.
const RUN_LENGTH: f64 = 10_000.0;
const PROBATION_SHARE: f64 = 0.15;
const PROBATION_ROWS_MAX: usize = 750;
const FOLDER: &str = "realKnownCause";
const DAY_S: f64 = 86_400.0;

/// The cycles that a series has, seconds, as known from what the benchmark says it is of: taxi passengers in a city, and the
/// temperature in an office. What is said of the others names no cycle.
fn seasons(name: &str) -> &'static [f64] {
    match name {
        "nyc_taxi.csv" => &[DAY_S, 7.0 * DAY_S],
        "ambient_temperature_system_failure.csv" => &[DAY_S, 7.0 * DAY_S],
        _ => &[],
    }
}

/// What a false alarm and a miss cost; a timely detection earns 1.
#[derive(Debug, Clone, Copy)]
struct Profile {
    name: &'static str,
    false_alarm: f64,
    miss: f64,
}

const PROFILES: [Profile; 3] = [
    Profile { name: "standard", false_alarm: 0.11, miss: 1.0 },
    Profile { name: "reward low FP", false_alarm: 0.22, miss: 1.0 },
    Profile { name: "reward low FN", false_alarm: 0.11, miss: 2.0 },
];

/// Detections of any number of series, before they are weighed.
#[derive(Debug, Default, Clone)]
struct Tally {
    earned: f64,
    false_alarm_cost: f64,
    found: u32,
    missed: u32,
    false_alarms: u32,
}

impl Tally {
    /// Adds a series: rows of its detections and of its windows, both in order.
    fn add(&mut self, detections: &[usize], windows: &[RangeInclusive<usize>]) {
        for window in windows {
            match detections.iter().find(|row| window.contains(row)) {
                Some(row) => {
                    let width = window.end() - window.start() + 1;
                    self.earned += sigmoid(-((window.end() - row + 1) as f64) / width as f64) / sigmoid(-1.0);
                    self.found += 1;
                }
                None => self.missed += 1,
            }
        }
        for row in detections.iter().filter(|row| !windows.iter().any(|window| window.contains(row))) {
            let before = windows.iter().rfind(|window| window.end() < row);
            self.false_alarm_cost += before.map_or(1.0, |window| {
                let width = window.end() - window.start();
                -sigmoid((row - window.end()) as f64 / width.max(1) as f64)
            });
            self.false_alarms += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.earned += other.earned;
        self.false_alarm_cost += other.false_alarm_cost;
        self.found += other.found;
        self.missed += other.missed;
        self.false_alarms += other.false_alarms;
    }

    fn score(&self, profile: Profile) -> f64 {
        let windows = f64::from(self.found + self.missed);
        let silent = -profile.miss * windows;
        let sum = self.earned - profile.false_alarm * self.false_alarm_cost - profile.miss * f64::from(self.missed);
        100.0 * (sum - silent) / (windows - silent)
    }
}

/// What a detection at that distance from the end of a window is worth, in widths of the window, negative inside it.
fn sigmoid(distance: f64) -> f64 {
    if distance > 3.0 { -1.0 } else { 2.0 / (1.0 + (5.0 * distance).exp()) - 1.0 }
}

/// Prints the section.
pub(crate) fn score(folder: &Path) -> anyhow::Result<()> {
    let path = folder.join("labels/combined_windows.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let labels: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&text)?;
    let thresholds = Thresholds::solve(RUN_LENGTH);

    println!("\n## NAB, series of known causes\n");
    println!("One configuration, thresholds solved for a false alarm in {RUN_LENGTH} rows; no threshold is swept.\n");
    println!("| series | rows | windows found | false alarms | {} |", PROFILES.map(|profile| profile.name).join(" | "));
    println!("|---|---|---|---|---|---|---|");
    let (mut all, mut all_with_seasons) = (Tally::default(), Tally::default());
    let mut rows = 0;
    for (name, windows) in labels.iter().filter(|(name, _)| name.starts_with(FOLDER)) {
        let series = read(&folder.join("data").join(name))?;
        let windows = windows_in_rows(&series, windows)?;
        let tally = |seasons: &[f64]| {
            let mut tally = Tally::default();
            tally.add(&detections(&series, seasons, thresholds), &windows);
            tally
        };
        let shown = name.trim_start_matches(FOLDER).trim_start_matches('/');
        let plain = tally(&[]);
        println!("{}", line(shown, series.len(), &plain));
        let with_seasons = match seasons(shown) {
            [] => plain.clone(),
            seasons => {
                let with_seasons = tally(seasons);
                let days: Vec<String> = seasons.iter().map(|season| format!("{}", season / DAY_S)).collect();
                println!(
                    "{}",
                    line(&format!("{shown}, seasons of {} days", days.join(" and ")), series.len(), &with_seasons)
                );
                with_seasons
            }
        };
        all.merge(&plain);
        all_with_seasons.merge(&with_seasons);
        rows += series.len();
    }
    println!("{}", line("all", rows, &all));
    println!("{}", line("all, with seasons", rows, &all_with_seasons));
    Ok(())
}

fn line(name: &str, rows: usize, tally: &Tally) -> String {
    let scores = PROFILES.map(|profile| format!("{:.1}", tally.score(profile))).join(" | ");
    let windows = tally.found + tally.missed;
    format!("| {name} | {rows} | {} of {windows} | {} | {scores} |", tally.found, tally.false_alarms)
}

fn read(path: &Path) -> anyhow::Result<Vec<(DateTime, f64)>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    let row = |row: Result<(String, f64), csv::Error>| {
        let (time, value) = row?;
        Ok((time.parse()?, value))
    };
    reader.deserialize().map(row).collect()
}

fn windows_in_rows(series: &[(DateTime, f64)], windows: &[[String; 2]]) -> anyhow::Result<Vec<RangeInclusive<usize>>> {
    let window = |[from, to]: &[String; 2]| {
        let (from, to): (DateTime, DateTime) = (from.parse()?, to.parse()?);
        let first = series.partition_point(|(time, _)| *time < from);
        let after = series.partition_point(|(time, _)| *time <= to);
        anyhow::ensure!(first < after, "no row between {from} and {to}");
        Ok(first..=after - 1)
    };
    windows.iter().map(window).collect()
}

/// The rows at which an alarm is raised. Nothing is learnt of a season while the mean is suspected.
fn detections(series: &[(DateTime, f64)], seasons: &[f64], thresholds: Thresholds) -> Vec<usize> {
    let probation = ((PROBATION_SHARE * series.len() as f64) as usize).min(PROBATION_ROWS_MAX);
    let mut seasons: Vec<Season> = seasons.iter().filter_map(|&period| Season::new(period)).collect();
    let mut column = ColumnMonitor::new(thresholds, probation as u32);
    let is_raised = |step| matches!(step, Step::Raised(_));
    let mut detections = Vec::new();
    for (row, &(time, value)) in series.iter().enumerate() {
        let (time_s, learns) = (seconds(time), column.monitor().learns());
        let left = seasons.iter_mut().try_fold(value, |value, season| season.observe(time_s, value, learns));
        let Some(left) = left else { continue };
        let raised = column.observe(left, row as i64).is_some_and(|(_, v)| is_raised(v.mean) || is_raised(v.spread));
        if raised && row >= probation {
            detections.push(row);
        }
    }
    detections
}

/// Seconds since some Monday.
fn seconds(time: DateTime) -> f64 {
    time.duration_since(DateTime::constant(2001, 1, 1, 0, 0, 0, 0)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(detections: &[usize], windows: &[RangeInclusive<usize>], profile: usize) -> f64 {
        let mut tally = Tally::default();
        tally.add(detections, windows);
        tally.score(PROFILES[profile])
    }

    #[test]
    fn silence_scores_0_and_perfection_100() {
        for profile in 0..3 {
            assert_eq!(score(&[], &[10..=19, 50..=59], profile), 0.0);
            assert!((score(&[10, 50], &[10..=19, 50..=59], profile) - 100.0).abs() < 1e-9);
        }
    }

    /// One window: a miss weighs 1 and the scale is 2 wide, so a false alarm of weight 0.11 costs 5.5; soon after the
    /// window less, and with low false alarms rewarded twice as much.
    #[test]
    fn false_alarms_cost_their_weight() {
        assert!((score(&[10, 5], &[10..=19], 0) - 94.5).abs() < 1e-9);
        assert!((score(&[10, 5], &[10..=19], 1) - 89.0).abs() < 1e-9);
        let soon = score(&[10, 20], &[10..=19], 0);
        assert!(94.5 < soon && soon < 100.0, "{soon}");
        assert!((score(&[10, 900], &[10..=19], 0) - 94.5).abs() < 1e-9);
    }

    #[test]
    fn a_later_detection_in_a_window_earns_less_and_only_the_first_counts() {
        assert!(score(&[18], &[10..=19], 0) < score(&[12], &[10..=19], 0));
        assert_eq!(score(&[12, 13, 18], &[10..=19], 0), score(&[12], &[10..=19], 0));
    }
}
