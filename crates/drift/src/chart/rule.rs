use core::fmt;

use serde::{Deserialize, Serialize};

/// A sign that a Shewhart chart can show, in the words of those who taught it. A sigma is a standard deviation of what
/// the chart plots.
///
/// Western Electric Company, Statistical Quality Control Handbook (1956); L. S. Nelson, Journal of Quality Technology 16
/// (1984) 237.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// One point beyond the control limits: Western Electric 1, Nelson 1.
    BeyondLimits,
    /// Two of three points in a row beyond two sigma on the same side: Western Electric 2, Nelson 5.
    TwoOfThreeBeyondTwoSigma,
    /// Four of five points in a row beyond one sigma on the same side: Western Electric 3, Nelson 6.
    FourOfFiveBeyondOneSigma,
    /// Eight points in a row on the same side of the centre line: Western Electric 4.
    EightOnOneSide,
    /// Nine points in a row on the same side of the centre line: Nelson 2.
    NineOnOneSide,
    /// Six points in a row, each higher than the one before, or each lower: Nelson 3.
    SixRisingOrFalling,
    /// Fourteen points in a row going up and down in turn: Nelson 4.
    FourteenAlternating,
    /// Fifteen points in a row within one sigma, on either side: Nelson 7.
    FifteenWithinOneSigma,
    /// Eight points in a row beyond one sigma, on either side: Nelson 8.
    EightBeyondOneSigma,
}

impl Rule {
    /// The four zone tests, in their order.
    pub const WESTERN_ELECTRIC: [Self; 4] =
        [Self::BeyondLimits, Self::TwoOfThreeBeyondTwoSigma, Self::FourOfFiveBeyondOneSigma, Self::EightOnOneSide];

    /// Nelson's eight tests, in their order.
    pub const NELSON: [Self; 8] = [
        Self::BeyondLimits,
        Self::NineOnOneSide,
        Self::SixRisingOrFalling,
        Self::FourteenAlternating,
        Self::TwoOfThreeBeyondTwoSigma,
        Self::FourOfFiveBeyondOneSigma,
        Self::FifteenWithinOneSigma,
        Self::EightBeyondOneSigma,
    ];

    /// All of them, the plainest first.
    pub(crate) const ALL: [Self; 9] = [
        Self::BeyondLimits,
        Self::TwoOfThreeBeyondTwoSigma,
        Self::FourOfFiveBeyondOneSigma,
        Self::EightOnOneSide,
        Self::NineOnOneSide,
        Self::SixRisingOrFalling,
        Self::FourteenAlternating,
        Self::FifteenWithinOneSigma,
        Self::EightBeyondOneSigma,
    ];

    pub(crate) fn pattern(self) -> Pattern {
        let (mark, need, of) = match self {
            Self::BeyondLimits => (Mark::BeyondLimit, 1, 1),
            Self::TwoOfThreeBeyondTwoSigma => (Mark::BeyondTwo, 2, 3),
            Self::FourOfFiveBeyondOneSigma => (Mark::BeyondOne, 4, 5),
            Self::EightOnOneSide => (Mark::OffCentre, 8, 8),
            Self::NineOnOneSide => (Mark::OffCentre, 9, 9),
            // Six points are five moves; fourteen points are thirteen moves, and twelve turns between them.
            Self::SixRisingOrFalling => (Mark::Moved, 5, 5),
            Self::FourteenAlternating => (Mark::Turned, 12, 12),
            Self::FifteenWithinOneSigma => (Mark::Within, 15, 15),
            Self::EightBeyondOneSigma => (Mark::Outside, 8, 8),
        };
        Pattern { mark, need, of }
    }
}

/// In words, such as `two of three points beyond two sigma`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeyondLimits => "a point beyond the limits",
            Self::TwoOfThreeBeyondTwoSigma => "two of three points beyond two sigma",
            Self::FourOfFiveBeyondOneSigma => "four of five points beyond one sigma",
            Self::EightOnOneSide => "eight points in a row on one side",
            Self::NineOnOneSide => "nine points in a row on one side",
            Self::SixRisingOrFalling => "six points in a row rising or falling",
            Self::FourteenAlternating => "fourteen points in a row up and down in turn",
            Self::FifteenWithinOneSigma => "fifteen points in a row within one sigma",
            Self::EightBeyondOneSigma => "eight points in a row beyond one sigma",
        })
    }
}

/// What a rule asks: that `need` of the latest `of` points bear the mark, the newest among them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) mark: Mark,
    need: u32,
    of: u32,
}

/// What a point can be seen as, on the side that it is looked at from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    BeyondLimit,
    BeyondTwo,
    BeyondOne,
    OffCentre,
    /// Further out on this side than the point before.
    Moved,
    /// Moved the other way than the point before; the same on both sides, as the next two are.
    Turned,
    Within,
    Outside,
}

impl Mark {
    const ALL: [Self; 8] = [
        Self::BeyondLimit,
        Self::BeyondTwo,
        Self::BeyondOne,
        Self::OffCentre,
        Self::Moved,
        Self::Turned,
        Self::Within,
        Self::Outside,
    ];

    /// Whether the mark depends on the zone of a point alone, not on the points before.
    pub(crate) fn is_of_zone(self) -> bool {
        !matches!(self, Self::Moved | Self::Turned)
    }

    /// Points before the first marked one that belong to what the mark tells.
    fn points_before(self) -> u32 {
        match self {
            Self::Moved => 1,
            Self::Turned => 2,
            _ => 0,
        }
    }
}

impl Pattern {
    /// Whether these points, the newest in the lowest bit, fulfil it.
    pub(crate) fn is_in(self, points: u16) -> bool {
        points & 1 == 1 && (points & lowest(self.of)).count_ones() >= self.need
    }

    /// How many points, back from the newest, make it up.
    pub(crate) fn length(self, points: u16) -> u32 {
        u16::BITS - (points & lowest(self.of)).leading_zeros() + self.mark.points_before()
    }

    /// Those of the points that can still help to fulfil it.
    pub(crate) fn useful(self, points: u16) -> u16 {
        let mut kept = points & lowest(self.of - 1);
        while kept != 0 {
            let oldest = u16::BITS - kept.leading_zeros();
            if kept.count_ones() + self.of - oldest >= self.need {
                break;
            }
            kept &= lowest(oldest - 1);
        }
        kept
    }
}

fn lowest(bits: u32) -> u16 {
    ((1u32 << bits) - 1) as u16
}

/// For each mark and side, up and down, which of the latest points bore it: the newest in the lowest bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) struct Marks([[u16; 2]; Mark::ALL.len()]);

impl Marks {
    pub(crate) const SIGNS: [f64; 2] = [1.0, -1.0];

    pub(crate) fn of(&self, mark: Mark, side: usize) -> u16 {
        self.0[mark as usize][side]
    }

    /// Takes a point in. `before` is the one before it, `limit` the control limit.
    pub(crate) fn push(&mut self, z: f64, before: Option<f64>, limit: f64) {
        let previous = *self;
        for (side, sign) in Self::SIGNS.into_iter().enumerate() {
            let moved = |side: usize| before.is_some_and(|before| Self::SIGNS[side] * (z - before) > 0.0);
            let moved_before = |side: usize| previous.of(Mark::Moved, side) & 1 == 1;
            for mark in Mark::ALL {
                let bears = match mark {
                    Mark::BeyondLimit => sign * z > limit,
                    Mark::BeyondTwo => sign * z > 2.0,
                    Mark::BeyondOne => sign * z > 1.0,
                    Mark::OffCentre => sign * z > 0.0,
                    Mark::Moved => moved(side),
                    Mark::Turned => moved(0) && moved_before(1) || moved(1) && moved_before(0),
                    Mark::Within => z.abs() < 1.0,
                    Mark::Outside => z.abs() > 1.0,
                };
                let points = &mut self.0[mark as usize][side];
                *points = *points << 1 | u16::from(bears);
            }
        }
    }

    /// Forgets what cannot help any of the patterns.
    pub(crate) fn keep_useful(&mut self, patterns: &[Pattern]) {
        for mark in Mark::ALL {
            for points in &mut self.0[mark as usize] {
                let useful =
                    patterns.iter().filter(|pattern| pattern.mark == mark).map(|pattern| pattern.useful(*points));
                *points = useful.fold(0, |all, some| all | some);
            }
        }
    }
}
