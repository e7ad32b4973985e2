//! Control charts: standardised observations in, a step out. What each says is one [`Step`], so that a bank of them can
//! be read alike.

mod constant;
mod counts;
mod cusum;
mod e_detector;
mod ewma;
mod focus;
mod level;
mod rule;
mod shewhart;
mod spread;

pub use constant::Constant;
pub use counts::{BernoulliCusum, CountCusum, GeometricCusum, PoissonCusum};
pub use cusum::Cusum;
pub use e_detector::{Bounded, EDetector};
pub use ewma::Ewma;
pub use focus::Focus;
pub(crate) use level::Level;
pub use rule::Rule;
pub(crate) use rule::{Marks, Pattern};
use serde::{Deserialize, Serialize};
pub use shewhart::Shewhart;
pub use spread::Spread;

/// Which way a mean shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

/// A shift that the chart holds to be real.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// Which way.
    pub direction: Direction,
    /// The statistic of the chart, in the unit of its threshold.
    pub statistic: f64,
    /// The mark of the observation that the shift is estimated to begin with.
    pub onset_mark: i64,
    /// Observations since then.
    pub run: u32,
    /// Estimated size of the shift, standard deviations, positive.
    pub size: f64,
}

/// What an observation did to a chart, or to another watch that finds a `T`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<T = Shift> {
    /// Nothing stands out.
    Quiet,
    /// The threshold was crossed just now.
    Raised(T),
    /// It had been crossed, and the shift still stands.
    Standing(T),
    /// The shift had stood, and is gone.
    Cleared,
}

impl<T> Step<T> {
    /// The same step about something else.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Self::Quiet => Step::Quiet,
            Self::Raised(found) => Step::Raised(to(found)),
            Self::Standing(found) => Step::Standing(to(found)),
            Self::Cleared => Step::Cleared,
        }
    }
}
