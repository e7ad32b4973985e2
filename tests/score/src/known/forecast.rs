//! How often the forecast of a shift covers what the shift came to.

use anyhow::ensure;
use flow::line::{
    CycleSeen, Distribution, ForecastOptions, Horizon, LearnedLine, LineModel, PartStart, PlaceStart, Progress,
    ShiftSoFar, Start, Station, Stay, StopClock, Stops, forecast,
};
use telemetry::Timestamp;

/// Shifts that are forecast, each by what was learnt from another one.
const SHIFTS: u64 = 200;
const SHIFT_S: f64 = 8.0 * 3600.0;
/// Moments of a shift at which it is forecast, as shares of it.
const MOMENTS: [f64; 3] = [0.0, 0.25, 0.5];
/// Share of the shifts that may lie between P10 and P90.
const COVERED: std::ops::RangeInclusive<f64> = 0.75..=0.85;
/// Fixed before the first run: of the shifts learnt from, of those forecast, and of the forecasts.
const SEEDS: [u64; 3] = [101, 202, 303];

/// Prints the section; an error if too many or too few shifts are covered.
pub(crate) fn score() -> anyhow::Result<()> {
    let line = line();
    println!("## Forecast of the output of {SHIFTS} shifts, each after learning from one other shift\n");
    println!("| forecast made | between P10 and P90 | below P10 | above P90 | mean width | mean output |");
    println!("|---|---|---|---|---|---|");
    let mut all_covered = true;
    for moment in MOMENTS {
        let (mut below, mut above, mut width, mut made) = (0, 0, 0.0, 0.0);
        for shift in 0..SHIFTS {
            let learned = learned(&line, shift)?;
            let (outcome, stays) = line.trace(&Start::default(), Horizon::hours(SHIFT_S / 3600.0), SEEDS[1], shift)?;
            let at_s = moment * SHIFT_S;
            let last = line.places.len() - 1;
            let produced = stays.iter().filter(|stay| stay.place == last && stay.left_s < at_s).count() as u32;
            let now = ShiftSoFar { start: start(&line, &stays, at_s), produced, left_s: SHIFT_S - at_s };
            let options = ForecastOptions { replications: 400, seed: SEEDS[2] + shift };
            let range = forecast(&line, &learned, &now, options)?.output();
            let total = f64::from(outcome.total());
            below += u64::from(total < range.p10);
            above += u64::from(total > range.p90);
            width += range.p90 - range.p10;
            made += total;
        }
        let share = |count: u64| 100.0 * count as f64 / SHIFTS as f64;
        let covered = SHIFTS - below - above;
        println!(
            "| after {} h | {:.1} % | {:.1} % | {:.1} % | {:.1} parts | {:.1} parts |",
            moment * SHIFT_S / 3600.0,
            share(covered),
            share(below),
            share(above),
            width / SHIFTS as f64,
            made / SHIFTS as f64
        );
        all_covered &= COVERED.contains(&(covered as f64 / SHIFTS as f64));
    }
    println!();
    ensure!(all_covered, "the forecasts do not cover {COVERED:?} of the shifts");
    Ok(())
}

/// Ten stations with two buffers: work times that scatter, stops of which a shift has two to a station, repairs that
/// scatter less than exponential ones at one half of them and more at the other.
fn line() -> LineModel {
    let station = |index: u32| Station {
        work: vec![Distribution::log_normal(36.0 + f64::from(index * 7 % 5), 0.05)],
        stops: vec![Stops {
            every: Distribution::Exponential(3.0 * 3600.0),
            clock: StopClock::Working,
            repair: Distribution::log_normal(400.0, if index.is_multiple_of(2) { 0.6 } else { 1.3 }),
        }],
        ..Station::constant(40.0)
    };
    let mut line = LineModel::serial((0..10).map(station)).with_buffer(3, Some(8)).with_buffer(7, Some(4));
    for place in line.places.iter_mut().filter(|place| place.station().is_some()) {
        place.transfer_s = 2.5;
    }
    line
}

/// What one shift teaches. All that the learner knows before is what stations and buffers there are.
fn learned(line: &LineModel, shift: u64) -> anyhow::Result<LearnedLine> {
    let (_, mut stays) = line.trace(&Start::default(), Horizon::hours(SHIFT_S / 3600.0), SEEDS[0], shift)?;
    stays.retain(|stay| line.places[stay.place].station().is_some() && stay.done_s < SHIFT_S);
    stays.sort_by(|a, b| a.done_s.total_cmp(&b.done_s));
    let mut learned = LearnedLine::new(line);
    let at = |seconds| Timestamp::EPOCH.plus_seconds(seconds);
    for Stay { place, variant, began_s, done_s, work_s, .. } in stays {
        let (began, ended) = (at(began_s), at(done_s));
        // Sums of seconds are not exact; no stop is a thousandth of a second long.
        let stopped_s = Some(done_s - began_s - work_s).filter(|&stopped_s| stopped_s > 1e-3).unwrap_or(0.0);
        learned.learn(
            line,
            &CycleSeen { place, variant: Some(variant), began, ended, work_s, stopped_s, is_planned: true },
        );
    }
    Ok(learned)
}

/// What is in the line at a moment of a shift.
fn start(line: &LineModel, stays: &[Stay], at_s: f64) -> Start {
    let mut places = vec![PlaceStart::default(); line.places.len()];
    for stay in stays.iter().filter(|stay| stay.entered_s <= at_s && stay.left_s > at_s) {
        let place = &mut places[stay.place];
        let stopped_s = stay.done_s - stay.began_s - stay.work_s;
        let is_down = stay.stopped_from_s <= at_s && at_s < stay.stopped_from_s + stopped_s;
        let worked_until_s = if is_down { stay.stopped_from_s } else { at_s };
        let progress = match () {
            () if stay.began_s > at_s || line.places[stay.place].station().is_none() => Progress::Waiting,
            () if stay.done_s <= at_s => Progress::Done,
            () => Progress::Working { worked_s: (worked_until_s - stay.began_s).min(stay.work_s) },
        };
        place.down_s = is_down.then_some(at_s - stay.stopped_from_s);
        place.parts.push(PartStart { variant: Some(stay.variant), progress });
    }
    Start { places }
}
