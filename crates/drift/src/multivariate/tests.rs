//! What holds for every detector of rows.
#![allow(clippy::unwrap_used)]

use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

use super::*;
use crate::Step;
use crate::testing::Noise;

const TRAINING: usize = 120;

/// A table of correlated columns: a shared cause, own noise, and a shift of the second column after `shift_at`.
fn table(seed: u64, rows: usize, columns: usize, shift_at: usize) -> Vec<Vec<f64>> {
    let cell = |row: usize, column: usize| {
        let own = Noise::at(seed * 1_000_003 + (row * (columns + 1) + column) as u64);
        let shared = Noise::at(seed * 1_000_003 + (row * (columns + 1) + columns) as u64);
        let shift = if column == 1 && row >= shift_at { 4.0 } else { 0.0 };
        10.0 * column as f64 + own + 0.7 * shared + shift
    };
    (0..rows).map(|row| (0..columns).map(|column| cell(row, column)).collect()).collect()
}

/// Same rows, each column changed by a function of its number and value.
fn map(table: &[Vec<f64>], change: impl Fn(usize, f64) -> f64) -> Vec<Vec<f64>> {
    let row = |row: &Vec<f64>| row.iter().enumerate().map(|(column, &value)| change(column, value)).collect();
    table.iter().map(row).collect()
}

/// Same rows, but every so many of those for training lack their first column.
fn with_gaps(table: &[Vec<f64>], every: usize) -> Vec<Vec<f64>> {
    let mut rows = table.to_vec();
    rows[..TRAINING].iter_mut().step_by(every).for_each(|row| row[0] = f64::NAN);
    rows
}

fn detector(table: &[Vec<f64>]) -> RowDetector {
    RowDetector::fit(&table[..TRAINING], RowSettings::default()).unwrap()
}

/// All verdicts after training.
fn verdicts(table: &[Vec<f64>]) -> Vec<RowVerdict> {
    let mut detector = detector(table);
    table[TRAINING..].iter().zip(0..).map(|(row, mark)| detector.observe(row, mark)).collect()
}

/// Statistics of every chart after training, to compare.
fn statistics(table: &[Vec<f64>]) -> Vec<[f64; 5]> {
    let training = &table[..TRAINING];
    let mut rows = detector(table);
    let mut hotelling = HotellingT2::fit(training, 0.001).unwrap();
    let mut mewma = Mewma::fit(training, 0.1, 1_000.0).unwrap();
    let mut pca = Pca::fit(training, 0.8, 0.001).unwrap();
    let statistics = |row: &Vec<f64>| {
        let pca = pca.observe(row).unwrap();
        [rows.observe(row, 0).score, hotelling.observe(row).unwrap(), mewma.observe(row).unwrap(), pca.t2, pca.spe]
    };
    table[TRAINING..].iter().map(statistics).collect()
}

#[test]
fn a_shift_is_raised_with_its_column_its_onset_and_its_size() {
    let verdicts = verdicts(&table(7, 400, 5, 250));
    let raised: Vec<_> = verdicts
        .iter()
        .filter_map(|v| if let Step::Raised(shift) = v.step { Some((v, shift)) } else { None })
        .collect();
    assert_eq!(raised.len(), 1);
    let (verdict, shift) = raised[0];
    assert_eq!(verdict.column, 1);
    assert!((shift.onset_mark - 130).abs() <= 3, "{}", shift.onset_mark);
    assert!(verdicts[129].step == Step::Quiet && matches!(verdicts[140].step, Step::Standing(_)));
    let Step::Standing(shift) = verdicts[279].step else { panic!("the shift is gone") };
    assert!((shift.size / (4.0 / 1.49f64.sqrt()) - 1.0).abs() < 0.3, "{}", shift.size);
}

/// The regime is learnt: its beginning and its end are changes, and nothing between them is; the alarm lasts throughout.
#[test]
fn a_regime_begins_and_ends_with_a_change() {
    let mut rows = table(8, 700, 4, 300);
    for row in &mut rows[500..] {
        row[1] -= 4.0;
    }
    let verdicts = verdicts(&rows);
    let changes: Vec<_> = verdicts.iter().filter_map(|verdict| verdict.change).collect();
    let onsets: Vec<_> = changes.iter().map(|change| change.shift.onset_mark).collect();
    assert!(changes.iter().all(|change| change.column == 1), "{changes:?}");
    assert!((2..=4).contains(&changes.len()), "{onsets:?}");
    assert!((onsets[0] - 180).abs() <= 4 && (onsets[onsets.len() - 1] - 380).abs() <= 8, "{onsets:?}");
    assert!(verdicts[200..370].iter().all(|verdict| matches!(verdict.step, Step::Standing(_))));
    assert_eq!(verdicts.iter().filter(|verdict| verdict.step == Step::Cleared).count(), 1);
}

/// 20 columns that never change, long training: the false alarms keep to their budget.
#[test]
fn false_alarms_are_as_rare_as_asked_for() {
    let settings = RowSettings { rows_per_false_alarm: 1_000.0, rows_per_false_change: 1e6 };
    let (training, rows, columns) = (1_000, 20_000, 20);
    let cell = |row: usize, column: usize| Noise::at((row * columns + column) as u64);
    let row = |row: usize| (0..columns).map(|column| cell(row, column)).collect::<Vec<_>>();
    let mut detector = RowDetector::fit(&(0..training).map(row).collect::<Vec<_>>(), settings).unwrap();
    let raised = (training..training + rows)
        .filter(|&index| matches!(detector.observe(&row(index), 0).step, Step::Raised(_)))
        .count();
    assert!((5..=40).contains(&raised), "{raised} in {rows} rows, 20 asked for");
}

#[test]
fn a_column_that_wanders_needs_more_than_one_that_does_not() {
    let mut level = 0.0;
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for step in 0..1_000 {
        level = 0.99 * level + 0.14 * Noise::at(3 * step);
        rows.push(vec![level + 0.1 * Noise::at(3 * step + 1), Noise::at(3 * step + 2)]);
    }
    let mut detector = RowDetector::fit(&rows[..400], RowSettings::default()).unwrap();
    assert!(rows[400..].iter().all(|row| detector.observe(row, 0).step == Step::Quiet));
}

#[test]
fn tables_that_tell_nothing_are_refused() {
    let fit = |rows: &[Vec<f64>]| RowDetector::fit(rows, RowSettings::default()).map(|_| ());
    let good = table(1, 40, 3, 100);
    assert_eq!(fit(&[]), Err(FitError::TooFewRows { rows: 0, needed: 20 }));
    assert_eq!(fit(&good[..19]), Err(FitError::TooFewRows { rows: 19, needed: 20 }));
    assert_eq!(fit(&vec![vec![]; 30]), Err(FitError::NothingVaries));
    assert_eq!(fit(&map(&good, |column, _| column as f64)), Err(FitError::NothingVaries));
    let mut unequal = good.clone();
    unequal[7].pop();
    assert_eq!(fit(&unequal), Err(FitError::UnequalRow(7)));
    assert_eq!(HotellingT2::fit(&good[..19], 0.01).map(|_| ()), Err(FitError::TooFewRows { rows: 19, needed: 20 }));
    let twins = map(&good, |column, value| if column == 2 { 0.0 } else { value });
    let twins: Vec<Vec<f64>> = twins.iter().map(|row| vec![row[0], row[1], row[0] + 2.0 * row[1]]).collect();
    assert_eq!(HotellingT2::fit(&twins, 0.01).map(|_| ()), Err(FitError::LinearlyDependent));
    assert_eq!(Pca::fit(&twins, 1.0, 0.01).unwrap().components(), 2);
}

/// A row against the definition: the quadratic form with the inverse of the covariance, by a library.
#[test]
fn t2_is_the_quadratic_form() {
    let rows = table(3, 200, 4, 500);
    let training = &rows[..TRAINING];
    let n = training.len() as f64;
    let mean: Vec<f64> = (0..4).map(|column| training.iter().map(|row| row[column]).sum::<f64>() / n).collect();
    let covariance = |a: usize, b: usize| {
        training.iter().map(|row| (row[a] - mean[a]) * (row[b] - mean[b])).sum::<f64>() / (n - 1.0)
    };
    let mut hotelling = HotellingT2::fit(training, 0.01).unwrap();
    for row in &rows[TRAINING..] {
        let departure: Vec<f64> = row.iter().zip(&mean).map(|(value, mean)| value - mean).collect();
        let system = DMatrix::from_fn(4, 4, covariance);
        let solved = system.lu().solve(&DVector::from_column_slice(&departure)).unwrap();
        let t2: f64 = departure.iter().zip(solved.iter()).map(|(a, b)| a * b).sum();
        assert!((hotelling.observe(row).unwrap() / t2 - 1.0).abs() < 1e-9);
    }
}

/// T2 over all components is Hotelling's, but for the covariance being divided by n; and the rate over a limit is as told.
#[test]
fn components_and_distances_agree_and_limits_hold() {
    let rows = table(5, 8_000, 4, 100_000);
    let training = &rows[..2_000];
    let mut hotelling = HotellingT2::fit(training, 0.01).unwrap();
    let mut all = Pca::fit(training, 1.0, 0.01).unwrap();
    let mut some = Pca::fit(training, 0.6, 0.01).unwrap();
    assert!(all.components() == 4 && some.components() < 4);
    let mut over = [0.0; 3];
    for row in &rows[2_000..] {
        let (t2, everything, part) =
            (hotelling.observe(row).unwrap(), all.observe(row).unwrap(), some.observe(row).unwrap());
        assert!((everything.t2 * 1_999.0 / 2_000.0 / t2 - 1.0).abs() < 1e-9 && everything.spe < 1e-18);
        over[0] += f64::from(u8::from(t2 > hotelling.limit()));
        over[1] += f64::from(u8::from(part.t2 > some.t2_limit()));
        over[2] += f64::from(u8::from(part.spe > some.spe_limit()));
    }
    for rate in over.map(|over| over / 6_000.0) {
        assert!((0.005..0.017).contains(&rate), "{rate}");
    }
}

/// The recursion against the definition: the weighted sum over all rows. A shift of 1 sigma is found.
#[test]
fn mewma_is_the_distance_of_the_weighted_sum() {
    let rows = table(9, 260, 3, 160);
    let training = &rows[..TRAINING];
    let mut mewma = Mewma::fit(training, 0.2, 500.0).unwrap();
    let mut hotelling = HotellingT2::fit(training, 0.01).unwrap();
    let mean: Vec<f64> = (0..3).map(|c| training.iter().map(|row| row[c]).sum::<f64>() / TRAINING as f64).collect();
    let mut last = 0.0;
    for end in TRAINING..rows.len() {
        last = mewma.observe(&rows[end]).unwrap();
        let weighted = |column: usize| {
            let ages = rows[TRAINING..=end].iter().rev().zip(0..);
            mean[column] + ages.map(|(row, age)| 0.2 * 0.8f64.powi(age) * (row[column] - mean[column])).sum::<f64>()
        };
        let defined = 9.0 * hotelling.observe(&[weighted(0), weighted(1), weighted(2)]).unwrap();
        assert!((last - defined).abs() < 1e-8 * (1.0 + defined), "{last} {defined}");
    }
    assert!(last > mewma.threshold());
    mewma.reset();
    assert!(mewma.observe(&mean).unwrap() < 1e-9);
}

/// With so little training a column can seem to wander by chance, and a shift then stays below the limit: one in a
/// hundred tables may do so.
#[test]
fn a_shift_stands_also_where_training_has_gaps() {
    let stands = |seed: u64| {
        let every = 2 + (seed % 7) as usize;
        matches!(verdicts(&with_gaps(&table(seed, 300, 3, 250), every))[179].step, Step::Standing(_))
    };
    let missed: Vec<u64> = (0..300).filter(|&seed| !stands(seed)).collect();
    assert!(missed.len() <= 3, "{missed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_columns_does_not_matter(seed in 0u64..1_000, turn in 1usize..5) {
        let rows = table(seed, 200, 5, 160);
        let mut turned = rows.clone();
        turned.iter_mut().for_each(|row| row.rotate_left(turn));
        for (a, b) in statistics(&rows).iter().zip(statistics(&turned)) {
            for (a, b) in a.iter().zip(b) {
                prop_assert!((a - b).abs() <= 1e-7 * (1.0 + a.abs()), "{} {}", a, b);
            }
        }
        for (a, b) in verdicts(&rows).iter().zip(verdicts(&turned)) {
            prop_assert_eq!((a.score, a.step), (b.score, b.step));
            prop_assert_eq!(a.change.map(|change| change.shift), b.change.map(|change| change.shift));
        }
    }

    #[test]
    fn units_do_not_matter_and_huge_offsets_cost_few_digits(seed in 0u64..1_000) {
        let rows = table(seed, 200, 4, 160);
        let scaled = map(&rows, |column, value| 1e9 + 1e-3 * (column as f64 + 1.0) * value);
        for (a, b) in statistics(&rows).iter().zip(statistics(&scaled)) {
            for (a, b) in a.iter().zip(b) {
                // 1e9 is held to 1.2e-7: four digits of a spread of 1e-3.
                prop_assert!((a - b).abs() <= 0.01 * (1.0 + a.abs()), "{} {}", a, b);
            }
        }
    }

    #[test]
    fn contributions_sum_to_the_statistic(seed in 0u64..1_000) {
        let rows = table(seed, 200, 5, 160);
        let training = &rows[..TRAINING];
        let mut detector = detector(&rows);
        let mut hotelling = HotellingT2::fit(training, 0.001).unwrap();
        let mut mewma = Mewma::fit(training, 0.1, 1_000.0).unwrap();
        let mut pca = Pca::fit(training, 0.8, 0.001).unwrap();
        let is_sum = |parts: &[f64], whole: f64| (parts.iter().sum::<f64>() - whole).abs() < 1e-9 * (1.0 + whole);
        for row in &rows[TRAINING..] {
            let t2 = hotelling.observe(row).unwrap();
            prop_assert!(is_sum(hotelling.contributions(), t2));
            let statistic = mewma.observe(row).unwrap();
            prop_assert!(is_sum(mewma.contributions(), statistic));
            let distance = pca.observe(row).unwrap();
            prop_assert!(is_sum(pca.t2_contributions(), distance.t2) && is_sum(pca.spe_contributions(), distance.spe));
            let verdict = detector.observe(row, 0);
            prop_assert_eq!(detector.scores()[verdict.column], verdict.score);
            prop_assert!(detector.scores().iter().all(|&score| score <= verdict.score));
        }
    }

    /// An entry that is no measurement is as if its column had not been read; one in a constant column is nothing at all.
    #[test]
    fn gaps_and_constants_change_nothing_else(
        seed in 0u64..1_000,
        bad in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300]),
    ) {
        let rows = table(seed, 220, 3, 160);
        let widened: Vec<Vec<f64>> = rows.iter().map(|row| [row.as_slice(), &[5.0, 0.0]].concat()).collect();
        let mut plain = detector(&rows);
        let mut gappy = detector(&widened);
        prop_assert!(gappy.is_watched(2) && !gappy.is_watched(3) && !gappy.is_watched(9));
        for (index, row) in rows.iter().enumerate().skip(TRAINING) {
            if index % 7 == 3 {
                let before = gappy.scores().to_vec();
                gappy.observe(&[bad; 5], 0);
                prop_assert_eq!(before, gappy.scores());
            }
            let (a, b) = (plain.observe(row, index as i64), gappy.observe(&widened[index], index as i64));
            prop_assert_eq!(a, b);
        }
        let mut hotelling = HotellingT2::fit(&widened[..TRAINING], 0.01).unwrap();
        prop_assert_eq!(hotelling.observe(&[bad, 0.0, 0.0, 0.0, 0.0]), None);
        prop_assert!(hotelling.observe(&[0.0, 0.0, 0.0, bad, bad]).is_some());
    }

    /// Gaps of one column's training change nothing for the others.
    #[test]
    fn gaps_in_training_are_lived_with(seed in 0u64..1_000, every in 2usize..9) {
        let rows = table(seed, 300, 3, 250);
        let (mut whole, mut gappy) = (detector(&rows), detector(&with_gaps(&rows, every)));
        for (row, mark) in rows[TRAINING..].iter().zip(0..) {
            whole.observe(row, mark);
            prop_assert!(gappy.observe(row, mark).score.is_finite());
            prop_assert_eq!(&whole.scores()[1..], &gappy.scores()[1..]);
        }
    }

    #[test]
    fn nothing_breaks_it(rows in prop::collection::vec(prop::collection::vec(any::<f64>(), 0..6), 0..60)) {
        let good = table(2, TRAINING, 4, 500);
        let mut detector = detector(&good);
        let mut mewma = Mewma::fit(&good, 0.1, 1_000.0).unwrap();
        let mut pca = Pca::fit(&good, 0.8, 0.001).unwrap();
        for row in &rows {
            prop_assert!(detector.observe(row, 0).score.is_finite());
            prop_assert!(mewma.observe(row).is_none_or(|statistic| !statistic.is_nan()));
            prop_assert!(pca.observe(row).is_none_or(|distance| !distance.t2.is_nan()));
        }
        let _ = RowDetector::fit(&rows, RowSettings::default());
        let _ = Pca::fit(&rows, 0.8, 0.001);
        let _ = HotellingT2::fit(&rows, 0.001);
    }

    #[test]
    fn a_restored_detector_goes_on_alike(seed in 0u64..1_000, at in 0usize..80) {
        let rows = table(seed, 200, 4, 150);
        let (mut rows_detector, mut mewma) = (detector(&rows), Mewma::fit(&rows[..TRAINING], 0.1, 500.0).unwrap());
        let (mut other, mut other_mewma) = (rows_detector.clone(), mewma.clone());
        for (index, row) in rows[TRAINING..].iter().enumerate() {
            if index == at {
                let bytes = postcard::to_stdvec(&(&other, &other_mewma)).unwrap();
                (other, other_mewma) = postcard::from_bytes(&bytes).unwrap();
            }
            prop_assert_eq!(rows_detector.observe(row, index as i64), other.observe(row, index as i64));
            prop_assert_eq!(mewma.observe(row), other_mewma.observe(row));
        }
        prop_assert_eq!(rows_detector, other);
    }
}

/// Many tables, each with its own short training: alarms in all of them, at one false alarm in 400 rows. The noise has
/// shorter tails than a normal one, and the components of largest variance have an estimate of it that is too large.
#[test]
fn tables_with_short_trainings_have_the_false_alarms_asked_for() {
    const TABLES: u64 = 150;
    const RATE: f64 = 1.0 / 400.0;
    let mut over = [0.0; 4];
    for seed in 0..TABLES {
        let table = table(seed + 500, TRAINING + 400, 5, usize::MAX);
        let training = &table[..TRAINING / 2];
        let mut hotelling = HotellingT2::fit(training, RATE).unwrap();
        let mut mewma = Mewma::fit(training, 0.2, 1.0 / RATE).unwrap();
        let mut pca = Pca::fit(training, 0.6, RATE).unwrap();
        let mut stands = false;
        for row in &table[TRAINING..] {
            let (t2, distance, pca_distance) =
                (hotelling.observe(row).unwrap(), mewma.observe(row).unwrap(), pca.observe(row).unwrap());
            let begins = !stands && distance > mewma.threshold();
            stands = distance > if stands { 5.0 } else { mewma.threshold() };
            let alarms =
                [t2 > hotelling.limit(), begins, pca_distance.t2 > pca.t2_limit(), pca_distance.spe > pca.spe_limit()];
            over.iter_mut().zip(alarms).for_each(|(over, alarm)| *over += f64::from(u8::from(alarm)));
        }
    }
    let expected = 400.0 * TABLES as f64 * RATE;
    for over in over {
        assert!((0.4..1.2).contains(&(over / expected)), "{over} of {expected}");
    }
}
