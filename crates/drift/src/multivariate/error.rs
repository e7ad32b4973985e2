/// Why a table cannot be learnt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitError {
    /// There are fewer training rows than are needed.
    TooFewRows {
        /// Training rows that can be used.
        rows: usize,
        /// Training rows needed.
        needed: usize,
    },
    /// This training row, counted from 0, has another number of columns than the first.
    UnequalRow(usize),
    /// No column has enough numbers that vary.
    NothingVaries,
    /// Some columns follow from the others, so that no distance is defined; principal components are.
    LinearlyDependent,
}

impl core::fmt::Display for FitError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooFewRows { rows, needed } => {
                write!(f, "{rows} training rows can be used; at least {needed} are needed")
            }
            Self::UnequalRow(row) => write!(f, "training row {row} has another number of columns than the first"),
            Self::NothingVaries => write!(f, "no column has enough numbers that vary in the training rows"),
            Self::LinearlyDependent => write!(f, "some columns follow from the others in the training rows"),
        }
    }
}

impl core::error::Error for FitError {}
