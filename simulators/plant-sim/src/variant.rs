use telemetry::Symbol;

use crate::board::symbol;
use crate::random::Random;

/// What the line builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant {
    /// Electric, standard range.
    EvStd,
    /// Electric, long range: thicker sheets, a larger pack.
    EvLong,
    /// Electric, for the city: thinner sheets, a smaller pack.
    EvCity,
    /// With a combustion engine: leaves the line before the pack is built in.
    Ice,
}

impl Variant {
    const ALL: [Self; 4] = [Self::EvStd, Self::EvLong, Self::EvCity, Self::Ice];

    pub(crate) fn code(self) -> u32 {
        match self {
            Self::EvStd => 1,
            Self::EvLong => 2,
            Self::Ice => 3,
            Self::EvCity => 4,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::EvStd => "ev-std",
            Self::EvLong => "ev-long",
            Self::EvCity => "ev-city",
            Self::Ice => "ice",
        }
    }

    pub(crate) fn symbol(self) -> Symbol {
        symbol(self.name())
    }

    /// Share of all parts.
    fn share(self) -> f64 {
        match self {
            Self::EvStd => 0.4,
            Self::EvLong => 0.25,
            Self::EvCity => 0.15,
            Self::Ice => 0.2,
        }
    }

    /// A variant by chance, in proportion to the shares.
    fn drawn(random: &mut Random) -> Self {
        let mut left = random.uniform();
        let is_drawn = |variant: &Self| {
            left -= variant.share();
            left < 0.0
        };
        Self::ALL.into_iter().find(is_drawn).unwrap_or(Self::Ice)
    }
}

/// A part on its way through the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Its number, from 1; the serial is made of it.
    pub(crate) number: u64,
    pub(crate) variant: Variant,
    /// Whether it is spoilt, known to the plant or not.
    pub(crate) scrapped: bool,
}

impl Part {
    pub(crate) fn serial(self) -> Symbol {
        symbol(&format!("EV1-{:06}", self.number))
    }
}

/// The order of parts: runs of one variant of 1 to 12 parts.
pub(crate) struct Sequence {
    next_number: u64,
    variant: Variant,
    left_in_run: u32,
    random: Random,
}

impl Sequence {
    const LONGEST_RUN: f64 = 12.0;

    pub(crate) fn new(seed: u64) -> Self {
        Self { next_number: 1, variant: Variant::EvStd, left_in_run: 0, random: Random::new(seed, "sequence") }
    }

    pub(crate) fn next(&mut self) -> Part {
        if self.left_in_run == 0 {
            self.variant = Variant::drawn(&mut self.random);
            self.left_in_run = 1 + self.random.between(0.0, Self::LONGEST_RUN) as u32;
        }
        self.left_in_run -= 1;
        let number = self.next_number;
        self.next_number += 1;
        Part { number, variant: self.variant, scrapped: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_as_planned_and_comes_in_runs() {
        let mut sequence = Sequence::new(3);
        let parts: Vec<Part> = (0..20_000).map(|_| sequence.next()).collect();
        for variant in Variant::ALL {
            let share = parts.iter().filter(|part| part.variant == variant).count() as f64 / parts.len() as f64;
            assert!((share - variant.share()).abs() < 0.04, "{variant:?}: {share}");
        }
        let changes = parts.windows(2).filter(|pair| pair[0].variant != pair[1].variant).count();
        assert!(changes < parts.len() / 6, "{changes}");
        assert_eq!(parts[122].serial().as_str(), "EV1-000123");
    }
}
