//! Nothing that is updated per observation allocates after it was constructed: the daemon's memory does not grow with time,
//! and no observation waits for an allocator. Counted by an allocator that counts, over a stream with all that can come.
#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use drift::multivariate::{HotellingT2, Mewma, Pca, RowDetector, RowSettings};
use drift::{
    Baseline, BernoulliCusum, Bounded, ColumnMonitor, Constant, Cusum, Direction, Dropout, EDetector, Ewma, Focus,
    GeometricCusum, InControlRate, Monitor, PeerDrift, PoissonCusum, RareEvents, Rule, Season, Shape, Shewhart, Spike,
    Spread, Stuck, Thresholds, Trend, Whitener,
};

const OBSERVATIONS: usize = 50_000;
const COLUMNS: usize = 4;
const RUN_LENGTH: f64 = 1e3;

/// Repeatable numbers without a pattern, about standard normal (SplitMix64, sums of four).
fn noise(step: u64) -> f64 {
    let uniform = |step: u64| {
        let bits = step.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    3_f64.sqrt() * ((0..4).map(|place| uniform(4 * step + place)).sum::<f64>() - 2.0)
}

/// Noise, after a while with everything in it: shifts up and down, wider spread, slopes, stretches that do not vary, spikes,
/// what is not a number.
fn stream() -> Vec<f64> {
    let value = |step: usize| {
        let noise = noise(step as u64);
        match (step % 97, step / 700 % 8) {
            _ if step < 500 => noise,
            (13, _) => f64::NAN,
            (31, _) => f64::INFINITY,
            (32, _) => f64::NEG_INFINITY,
            (33, _) => f64::MAX,
            (60, _) => 40.0,
            (_, 1) => noise + 1.5,
            (_, 3) => noise - 4.0,
            (_, 4) => 3.0 * noise,
            (_, 6) => 0.25,
            (_, 7) => noise + 0.01 * (step % 700) as f64,
            _ => noise,
        }
    };
    (0..OBSERVATIONS).map(value).collect()
}

#[track_caller]
fn check(name: &str, mut observe: impl FnMut(f64, i64)) {
    let stream = stream();
    let allocated = measure(|| stream.iter().zip(0..).for_each(|(&value, mark)| observe(value, mark)));
    assert_eq!(allocated.count_total, 0, "{name}: {allocated:?}");
}

/// Checks what is made over a stream: as it is, as a copy, and as it comes back from a snapshot.
macro_rules! check {
    ($made:expr, |$it:ident, $value:ident, $mark:ident| $observe:expr) => {{
        let made = $made;
        let restored = postcard::from_bytes(&postcard::to_stdvec(&made).unwrap()).unwrap();
        for (state, mut $it) in [("copied", made.clone()), ("new", made), ("restored", restored)] {
            check(&format!("{state} {}", stringify!($made)), |$value, $mark| {
                $observe;
            });
        }
    }};
}

#[test]
fn the_counter_counts() {
    let mut values: Vec<f64> = Vec::new();
    assert!(measure(|| values.push(1.0)).count_total > 0);
}

#[test]
fn charts_do_not_allocate() {
    check!(Cusum::new(0.5, 4.0), |chart, value, mark| chart.observe(value, mark));
    check!(Cusum::new(0.5, 4.0).unclipped().with_head_start(2.0), |chart, value, mark| chart.observe(value, mark));
    check!(Ewma::new(0.2, 3.0), |chart, value, mark| chart.observe(value, mark));
    check!(Shewhart::new(3.0, &Rule::NELSON), |chart, value, mark| (
        chart.observe(value, mark),
        chart.broken().count()
    ));
    check!(Focus::new(0.5, 8.0), |chart, value, mark| chart.observe(value, mark));
    check!(Spread::new(6.0), |chart, value, mark| chart.observe(value, mark));
    check!(Constant::learn([0.25]).unwrap(), |chart, value, mark| chart.observe(value, mark));
    let known = Bounded { low: -4.0, high: 4.0, mean: 0.0 };
    check!(EDetector::rising(known, 0.5, RUN_LENGTH).unwrap(), |chart, value, mark| chart.observe(value, mark));
}

#[test]
fn charts_of_counts_do_not_allocate() {
    let rate = InControlRate::Known;
    let chart = PoissonCusum::new(rate(1.0), 2.0, RUN_LENGTH).unwrap();
    check!(chart, |chart, value, mark| chart.observe(value.abs() as u64, mark));
    let chart = BernoulliCusum::new(rate(0.1), 2.0, RUN_LENGTH).unwrap();
    check!(chart, |chart, value, mark| chart.observe(value > 1.3, mark));
    let chart = GeometricCusum::new(rate(0.1), 2.0, RUN_LENGTH).unwrap();
    check!(chart, |chart, value, mark| chart.observe(10.0_f64.max(value.abs()) as u64, mark));
}

#[test]
fn references_do_not_allocate() {
    check!(Baseline::default(), |baseline, value, mark| baseline.observe(value, &[mark as f64, value], true));
    check!(Shape::default(), |shape, value, _mark| (shape.score(value), shape.learn(value)));
    check!(Season::new(96.0).unwrap(), |season, value, mark| season.observe(mark as f64, value, mark % 3 > 0));
    check!(Whitener::default(), |whitener, value, _mark| whitener.learn(value, 0.5 * value));
    check!(Trend::default(), |trend, value, mark| {
        trend.observe(mark as f64, value);
        // Its quantile takes long.
        if mark % 100 == 0 {
            trend.time_to(9.0, Direction::Up, 0.9);
        }
    });
}

#[test]
fn monitors_do_not_allocate() {
    let thresholds = Thresholds::solve(RUN_LENGTH);
    check!(Monitor::new(thresholds), |monitor, value, mark| monitor.observe(value, f64::INFINITY, mark));
    check!(Monitor::careful(thresholds), |monitor, value, mark| {
        // Forgetting must not give back what would have to be allocated again.
        if mark % 9_000 == 8_999 {
            monitor.relearn();
        }
        monitor.observe(value, 2.0, mark)
    });
    check!(ColumnMonitor::new(thresholds, 100), |monitor, value, mark| monitor.observe(value, mark));
}

#[test]
fn sensor_watches_do_not_allocate() {
    check!(Stuck::new(1e-6), |watch, value, mark| watch.observe(value != 0.25, mark));
    check!(Spike::new(200, RUN_LENGTH), |watch, value, mark| watch.observe(value, 1.0, mark));
    check!(Dropout::new(200, RUN_LENGTH), |watch, value, mark| watch.observe(mark as f64, value.abs() < 3.0, mark));
    check!(RareEvents::new(200, RUN_LENGTH), |watch, value, mark| watch.observe(value > 2.0, mark));
    let peers = PeerDrift::new(COLUMNS, 200, RUN_LENGTH).unwrap();
    check!(peers, |watch, value, mark| watch.observe(&row(value, mark), 0.1, mark));
}

/// A row whose first column is the value; another one has a gap now and then.
fn row(value: f64, mark: i64) -> [f64; COLUMNS] {
    let noise = |place: u64| noise(COLUMNS as u64 * mark as u64 + place + 1_000_000);
    [value, noise(1), if mark % 1_009 == 0 { f64::NAN } else { noise(2) }, 0.5 * noise(1) + noise(3)]
}

#[test]
fn detectors_of_rows_do_not_allocate() {
    let training: Vec<[f64; COLUMNS]> =
        (0..300).map(|step| row(noise(step as u64 + 7_000_000), step + 1_010)).collect();
    let settings = RowSettings { rows_per_false_alarm: RUN_LENGTH, rows_per_false_change: RUN_LENGTH };
    let rows = RowDetector::fit(&training, settings).unwrap();
    check!(rows, |rows, value, mark| rows.observe(&row(value, mark), mark));
    check!(Mewma::fit(&training, 0.2, RUN_LENGTH).unwrap(), |chart, value, mark| chart.observe(&row(value, mark)));
    check!(HotellingT2::fit(&training, 1e-3).unwrap(), |chart, value, mark| chart.observe(&row(value, mark)));
    check!(Pca::fit(&training, 0.7, 1e-3).unwrap(), |chart, value, mark| chart.observe(&row(value, mark)));
}
