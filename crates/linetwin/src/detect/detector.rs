//! The detectors that can be asked for, and how many false alarms they may have.

use drift::Rule;

/// The shortest run between false alarms that thresholds are solved for, observations.
const RUN_LENGTH_MIN: f64 = 50.0;

/// `--detector`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Detector {
    /// Each column: a shift of its mean of any size (FOCuS), or a wider spread; goes on learning.
    Monitor,
    /// All columns: rows that differ from the training rows, and change points.
    Rows,
    /// Each column: cumulative sums.
    Cusum,
    /// Each column: cumulative sums with a head start, for a line that was set up anew after the training rows.
    CusumFir,
    /// Each column: an exponentially weighted moving average.
    Ewma,
    /// Each column: single values beyond control limits.
    Shewhart,
    /// Each column: the four zone rules, at 3 sigma; their false alarms cannot be chosen.
    WesternElectric,
    /// Each column: Nelson's eight rules, at 3 sigma; their false alarms cannot be chosen.
    Nelson,
    /// Each column: a mean beyond what the training rows allow, whatever its distribution.
    EDetector,
    /// Each column of whole numbers, or of true and false: a rate that rises or falls.
    Counts,
    /// All columns: a multivariate exponentially weighted moving average.
    Mewma,
    /// All columns: Hotelling's T² of single rows.
    T2,
    /// All columns: T² within the principal components, and the distance from them (SPE).
    Pca,
}

impl Detector {
    /// Whether it judges all columns together.
    pub(super) fn is_of_rows(self) -> bool {
        matches!(self, Self::Rows | Self::Mewma | Self::T2 | Self::Pca)
    }

    /// Whether what follows its own past misleads it: it takes values for independent of those before them.
    pub(super) fn needs_independence(self) -> bool {
        !matches!(self, Self::Monitor | Self::Rows)
    }

    /// The rules of a chart that has no threshold to solve for.
    pub(super) fn rules(self) -> Option<&'static [Rule]> {
        match self {
            Self::WesternElectric => Some(&Rule::WESTERN_ELECTRIC),
            Self::Nelson => Some(&Rule::NELSON),
            _ => None,
        }
    }
}

/// How many false alarms are accepted, on average, in so many rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Budget {
    pub(super) rows: f64,
    pub(super) false_alarms: f64,
}

impl Budget {
    /// Observations between false alarms of each of so many charts that share the budget.
    pub(super) fn run_length(self, charts: usize) -> anyhow::Result<f64> {
        let run_length = self.rows * charts as f64 / self.false_alarms;
        if run_length < RUN_LENGTH_MIN {
            anyhow::bail!(
                "--false-alarms is more than one in {RUN_LENGTH_MIN} values, which is no detection; expected less, or \
                 more rows"
            );
        }
        Ok(run_length)
    }
}
