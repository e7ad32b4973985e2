//! Detectors that look at all columns together.

use drift::multivariate::{HotellingT2, Mewma, Pca, RowDetector, RowSettings};
use drift::{Direction, Shift, Step};

use super::detector::{Budget, Detector};
use super::sign::What;

/// Weight of the newest row in a MEWMA.
const MEWMA_SMOOTHING: f64 = 0.2;
/// The share of the variance that principal components are to explain.
const EXPLAINED_SHARE: f64 = 0.9;

/// What watches all columns.
pub(super) struct RowWatch {
    detector: RowChart,
    score: f64,
    contributions: Vec<f64>,
    standing: Option<Run>,
}

enum RowChart {
    Rows(Box<RowDetector>),
    Mewma(Mewma),
    T2(HotellingT2),
    Pca(Pca),
}

/// Rows since which a statistic has been out of the ordinary.
#[derive(Debug, Clone, Copy)]
struct Run {
    onset_mark: i64,
    rows: u32,
    is_alarm: bool,
}

/// What a row comes to: by the column that shows it most.
pub(super) struct RowStep {
    pub(super) place: usize,
    pub(super) what: What,
    pub(super) step: Step,
    /// The change point that is told with this row.
    pub(super) change: Option<(usize, Shift)>,
}

impl RowWatch {
    /// A watch that learns from these rows, and its limits in words.
    pub(super) fn new(detector: Detector, training: &[Vec<f64>], budget: Budget) -> anyhow::Result<(Self, String)> {
        let columns = training.first().map_or(0, Vec::len);
        let (chart, words) = match detector {
            Detector::Mewma => {
                let chart = Mewma::fit(training, MEWMA_SMOOTHING, budget.run_length(1)?)?;
                let words = format!("MEWMA with weight 0.2, threshold {:.1}", chart.threshold());
                (RowChart::Mewma(chart), words)
            }
            Detector::T2 => {
                let chart = HotellingT2::fit(training, 1.0 / budget.run_length(1)?)?;
                let words = format!("Hotelling's T² of single rows, limit {:.1}", chart.limit());
                (RowChart::T2(chart), words)
            }
            Detector::Pca => {
                let chart = Pca::fit(training, EXPLAINED_SHARE, 1.0 / budget.run_length(2)?)?;
                let (components, t2, spe) = (chart.components(), chart.t2_limit(), chart.spe_limit());
                let spe = if spe > 0.0 { format!(" and {spe:.2} of SPE") } else { ", which leave nothing".to_owned() };
                let words = format!("{components} principal components, limit {t2:.1} of T²{spe}");
                (RowChart::Pca(chart), words)
            }
            _ => {
                let rows = budget.run_length(2)?;
                let settings = RowSettings { rows_per_false_alarm: rows, rows_per_false_change: rows };
                let chart = RowDetector::fit(training, settings)?;
                let (alarm, change) = (chart.alarm_limit(), chart.change_limit());
                let words = format!(
                    "against the training rows, limit {alarm:.2} standard deviations, and for change points, limit \
                     {change:.2}"
                );
                (RowChart::Rows(Box::new(chart)), words)
            }
        };
        Ok((Self { detector: chart, score: 0.0, contributions: vec![0.0; columns], standing: None }, words))
    }

    /// The statistic of the last row that could be judged, as a multiple of its limit.
    pub(super) fn score(&self) -> f64 {
        self.score
    }

    /// What each column adds to it; the largest of them is the score of [`Detector::Rows`], the sum that of the others.
    pub(super) fn contributions(&self) -> &[f64] {
        &self.contributions
    }

    /// Takes the next row in; `None` if it cannot be judged, because a column has no number in it.
    pub(super) fn observe(&mut self, row: &[f64], mark: i64) -> Option<RowStep> {
        let (distance, limit, contributions, what) = match &mut self.detector {
            RowChart::Rows(detector) => {
                let verdict = detector.observe(row, mark);
                let limit = detector.alarm_limit();
                self.score = verdict.score / limit;
                for (to, score) in self.contributions.iter_mut().zip(detector.scores()) {
                    *to = score / limit;
                }
                let change = verdict.change.map(|change| (change.column, change.shift));
                return Some(RowStep { place: verdict.column, what: What::Mean, step: verdict.step, change });
            }
            RowChart::Mewma(chart) => (chart.observe(row)?, chart.threshold(), chart.contributions(), What::Distance),
            RowChart::T2(chart) => (chart.observe(row)?, chart.limit(), chart.contributions(), What::Distance),
            RowChart::Pca(chart) => {
                let at = chart.observe(row)?;
                // Rounding alone is left where the components leave nothing.
                let leaves = chart.spe_limit() > 0.0;
                if leaves && at.spe / chart.spe_limit() > at.t2 / chart.t2_limit() {
                    (at.spe, chart.spe_limit(), chart.spe_contributions(), What::Residual)
                } else {
                    (at.t2, chart.t2_limit(), chart.t2_contributions(), What::Distance)
                }
            }
        };
        self.score = distance / limit;
        for (to, contribution) in self.contributions.iter_mut().zip(contributions) {
            *to = contribution / limit;
        }
        let place = (0..contributions.len()).max_by(|&a, &b| contributions[a].total_cmp(&contributions[b]))?;
        let size = if what == What::Distance { distance.sqrt() } else { self.score };
        let step = self.step(self.ordinary(limit), size, mark);
        Some(RowStep { place, what, step, change: None })
    }

    /// The score up to which a row is nothing out of the ordinary: an alarm stands as long as it is over that. A smoothed
    /// row comes back slowly; its distance in control is on average the number of columns.
    fn ordinary(&self, limit: f64) -> f64 {
        match &self.detector {
            RowChart::Mewma(_) => (self.contributions.len() as f64 / limit).min(1.0),
            _ => RowDetector::CLEAR_SHARE,
        }
    }

    fn step(&mut self, ordinary: f64, size: f64, mark: i64) -> Step {
        let before = self.standing.take();
        let stood = before.is_some_and(|run| run.is_alarm);
        if self.score <= ordinary {
            return if stood { Step::Cleared } else { Step::Quiet };
        }
        let Run { onset_mark, rows, .. } = before.unwrap_or(Run { onset_mark: mark, rows: 0, is_alarm: false });
        let run = Run { onset_mark, rows: rows.saturating_add(1), is_alarm: stood || self.score > 1.0 };
        self.standing = Some(run);
        let shift = Shift { direction: Direction::Up, statistic: self.score, onset_mark, run: run.rows, size };
        match (stood, run.is_alarm) {
            (false, true) => Step::Raised(shift),
            (true, _) => Step::Standing(shift),
            (false, false) => Step::Quiet,
        }
    }
}
