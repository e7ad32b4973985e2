use serde::{Deserialize, Serialize};

use crate::{Activity, Loss};

/// What one station's time of one period went into, and what it made. Times are whole nanoseconds, so that they add up
/// exactly; there are as many losses as there are causes, so it does not grow with time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    working_ns: i64,
    handover_ns: i64,
    /// By loss.
    losses: Vec<(Loss, i64)>,
    /// How often it stopped with a fault of its own.
    failures: u32,
    /// By variant; the last is what is not known to be of one.
    made: Vec<Made>,
}

/// Parts made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Made {
    /// Known to be good.
    pub good: u32,
    /// Known to be scrap or to need rework.
    pub scrap: u32,
    /// Made, and nothing tells whether they are good.
    pub unjudged: u32,
}

/// What is known of a part that a station has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Good, as the station says or as far as its limits tell.
    Good,
    /// Scrap or to be reworked: the station says so, or a limit was left.
    Scrap,
    /// Nothing tells.
    Unjudged,
}

impl Made {
    /// One part.
    pub(crate) fn one(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Good => Self { good: 1, ..Self::default() },
            Judgement::Scrap => Self { scrap: 1, ..Self::default() },
            Judgement::Unjudged => Self { unjudged: 1, ..Self::default() },
        }
    }

    /// All of them: the produced quantity, PQ, of ISO 22400-2.
    pub fn produced(&self) -> u32 {
        self.good + self.scrap + self.unjudged
    }

    /// The good quantity, GQ, of ISO 22400-2, if every part was judged and there are any.
    pub fn good_known(&self) -> Option<u32> {
        (self.unjudged == 0 && self.produced() > 0).then_some(self.good)
    }

    /// Counts more.
    pub fn add(&mut self, more: Self) {
        self.good = self.good.saturating_add(more.good);
        self.scrap = self.scrap.saturating_add(more.scrap);
        self.unjudged = self.unjudged.saturating_add(more.unjudged);
    }
}

impl Ledger {
    /// An empty one for so many variants.
    pub(crate) fn new(variants: usize) -> Self {
        Self { made: vec![Made::default(); variants + 1], ..Self::default() }
    }

    /// Time went into that.
    pub(crate) fn spend(&mut self, activity: Activity, nanos: i64) {
        if nanos <= 0 {
            return;
        }
        match activity {
            Activity::Working => self.working_ns += nanos,
            Activity::Handover => self.handover_ns += nanos,
            Activity::Lost(loss) => *self.entry(loss) += nanos,
        }
    }

    /// It stopped with a fault of its own.
    pub(crate) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// A part was made.
    pub(crate) fn make(&mut self, variant: Option<u16>, judgement: Judgement) {
        let last = self.made.len().saturating_sub(1);
        let Some(made) = self.made.get_mut(variant.map_or(last, usize::from).min(last)) else { return };
        made.add(Made::one(judgement));
    }

    /// So much of the time that it was held turned out to be a changeover.
    pub(crate) fn turn_into_changeover(&mut self, nanos: i64) {
        let mut left = nanos;
        for (loss, spent) in &mut self.losses {
            if matches!(loss, Loss::Held(_)) {
                let taken = left.min(*spent);
                *spent -= taken;
                left -= taken;
            }
        }
        *self.entry(Loss::Changeover) += nanos - left;
    }

    /// So much of the time that passed for a handover turned out to be lost: it took longer than usual.
    pub(crate) fn turn_handover_into(&mut self, loss: Loss, nanos: i64) {
        let taken = nanos.clamp(0, self.handover_ns);
        self.handover_ns -= taken;
        if taken > 0 {
            *self.entry(loss) += taken;
        }
    }

    fn entry(&mut self, loss: Loss) -> &mut i64 {
        let place = self.losses.binary_search_by_key(&loss, |(known, _)| *known).unwrap_or_else(|place| {
            self.losses.insert(place, (loss, 0));
            place
        });
        &mut self.losses[place].1
    }

    /// All of the time, nanoseconds.
    pub(crate) fn total_ns(&self) -> i64 {
        self.productive_ns() + self.losses.iter().map(|(_, nanos)| nanos).sum::<i64>()
    }

    /// Time in which it was seen, nanoseconds.
    pub(crate) fn seen_ns(&self) -> i64 {
        self.total_ns() - self.lost_ns(|loss| loss == Loss::Unseen)
    }

    /// Time in which it produced, handovers included, nanoseconds.
    pub(crate) fn productive_ns(&self) -> i64 {
        self.working_ns + self.handover_ns
    }

    /// Time that parts took on their way in, as far as that is usual, nanoseconds.
    pub(crate) fn handover_ns(&self) -> i64 {
        self.handover_ns
    }

    /// The losses that cost time, nanoseconds, by loss.
    pub(crate) fn losses(&self) -> Vec<(Loss, i64)> {
        self.losses.iter().copied().filter(|&(_, nanos)| nanos != 0).collect()
    }

    /// Time lost by what `is_meant`, nanoseconds.
    pub(crate) fn lost_ns(&self, is_meant: impl Fn(Loss) -> bool) -> i64 {
        self.losses.iter().filter(|(loss, _)| is_meant(*loss)).map(|(_, nanos)| nanos).sum()
    }

    /// How often it stopped with a fault of its own.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// What it made, by variant; the last is what is not known to be of one.
    pub(crate) fn made(&self) -> &[Made] {
        &self.made
    }

    /// What it made of all variants.
    pub(crate) fn made_in_all(&self) -> Made {
        let mut all = Made::default();
        self.made.iter().for_each(|made| all.add(*made));
        all
    }
}
