use std::collections::{BTreeMap, VecDeque};
use std::mem::discriminant;

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::factors::{Association, Factor, Table, rank};

/// The last cycles of a station, and which of them had which lots, tools, programs, variants, operators and stations
/// before.
///
/// For each value it keeps the set of the cycles that had it, a bit a cycle. With [`CycleMemory::FACTORS_MAX`] values of
/// about 96 bytes and a moment for each cycle it takes at most 50 KiB a station; the example plant's stations have some
/// thirty values, 4 KiB.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CycleMemory {
    /// When the cycles began, the latest last.
    begins: VecDeque<Timestamp>,
    known: BTreeMap<Factor, Known>,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Known {
    /// Begin of the first cycle in which it was told.
    since: Timestamp,
    had: CycleSet,
}

/// Cycles by age: bit 0 is the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct CycleSet(u128);

/// How a value belongs to the cycles that show something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Relation {
    /// Values have alternated since the onset, and the cycles that show it are those with this one.
    GoesWith,
    /// It was there for the first time about when it began. So was everything else that changed then.
    BegunWith,
}

/// Something that the cycles that show it have in common.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Common {
    /// The value.
    pub factor: Factor,
    /// How it belongs to them.
    pub relation: Relation,
    /// Begin of the first cycle in which it was told, as far as the station remembers.
    pub since: Timestamp,
    /// How the cycles split by it: of [`Relation::GoesWith`] those since the onset, of [`Relation::BegunWith`] all that are
    /// remembered.
    pub table: Table,
    /// As [`Association::p`].
    pub p: f64,
    /// As [`Association::q`].
    pub q: f64,
    /// How probable it is that it looks like that without any connection, 0 to 1: of [`Relation::GoesWith`] `q`; of
    /// [`Relation::BegunWith`] that a kind of value that changes so often does so about the onset.
    pub chance: f64,
}

/// A value that a station has come to use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Recent {
    /// The value.
    pub factor: Factor,
    /// Begin of the first cycle in which it was told.
    pub since: Timestamp,
}

/// Cycles before the onset in which a change is about the onset. The onset is an estimate: of a change of one standard
/// deviation it is good to some ten cycles (D. V. Hinkley, Biometrika 57, 1970, 1-17), and what comes gradually, as when a
/// feeder still holds what was there before, is seen later.
const BEFORE_ONSET: usize = 12;
/// As [`BEFORE_ONSET`], after it: a cause comes before its effect, so only the estimate can be to blame.
const AFTER_ONSET: usize = 4;
/// The false-discovery rate up to which something is called in common.
const Q_MAX: f64 = 0.01;
/// In how many separate runs of cycles a value must go with what is shown, to be told from a single episode that is over.
const RUNS_MIN: u32 = 2;

impl CycleMemory {
    /// The most cycles that are remembered: about an hour and a half at a takt of 40 s. As many as a feature keeps its
    /// departures of: a change is found some 5 to 40 cycles after it began, and most must be left to compare them with.
    pub const CYCLES_MAX: usize = 128;
    /// The most values that are remembered; then the one that was not seen for longest is forgotten early.
    pub const FACTORS_MAX: usize = 512;
    /// The most that is said to be in common.
    pub const COMMON_MAX: usize = 6;

    /// Remembers a cycle, with its values, each with the begin of the cycle in which it was told.
    pub fn remember(&mut self, begin: Timestamp, factors: impl IntoIterator<Item = (Factor, Timestamp)>) {
        if self.begins.len() == Self::CYCLES_MAX {
            self.begins.pop_front();
        }
        self.begins.push_back(begin);
        self.known.values_mut().for_each(|known| known.had.age());
        for (factor, since) in factors {
            self.known.entry(factor).or_insert(Known { since, had: CycleSet::default() }).had.add(0);
        }
        self.known.retain(|_, known| !known.had.is_empty());
        while self.known.len() > Self::FACTORS_MAX {
            let Some((&oldest, _)) = self.known.iter().max_by_key(|(_, known)| known.had.latest()) else { return };
            self.known.remove(&oldest);
        }
    }

    /// What the cycles that show something since `onset` have in common and the others have not, the strongest first;
    /// of what begun with it, what is the station's own before what comes from upstream. `judged` are cycles by their
    /// begin, the earliest first, and whether they show it. `None` if too few cycles before the onset are remembered.
    ///
    /// Fisher's exact test for each value, with the false-discovery rate of Benjamini and Hochberg at most 1 %. All that
    /// changed at the onset belongs to what is shown by time alone, so what goes with it is looked for among the cycles
    /// since the onset only, and must come at least twice.
    pub fn in_common(
        &self,
        judged: impl DoubleEndedIterator<Item = (Timestamp, bool)>,
        onset: Timestamp,
        is_own: impl Fn(&Factor) -> bool,
    ) -> Option<Vec<Common>> {
        let since = self.since(onset);
        let count = since.count() as usize;
        if self.begins.len() < count + BEFORE_ONSET {
            return None;
        }
        let (bad, good) = self.split(judged);
        let (bad_since, good_since) = (bad.and(since), good.and(since));
        let comes_again = |found: &Association<Factor>| {
            let with = self.had(&found.factor);
            with.and(bad_since).runs(bad_since.or(good_since), with) >= RUNS_MIN
        };
        let goes = self.associated(bad_since, good_since).filter(comes_again);
        let mut common: Vec<Common> = goes.map(|found| self.common(found, Relation::GoesWith, found.q)).collect();
        let is_told = |found: &Association<Factor>| common.iter().any(|known| known.factor == found.factor);
        let begun = self.associated(bad, good).filter(|found| self.appeared_about(&found.factor, count));
        let mut begun: Vec<Association<Factor>> = begun.filter(|found| !is_told(found)).collect();
        begun.sort_by_key(|found| !is_own(&found.factor));
        common.extend(begun.into_iter().map(|found| {
            let chance = self.chance(self.changes(&found.factor, &is_own), 0);
            self.common(found, Relation::BegunWith, chance)
        }));
        common.truncate(Self::COMMON_MAX);
        Some(common)
    }

    /// Whether a station told a lot, a tool or a program at all, by `is_meant`, in what is remembered.
    pub fn knows(&self, is_meant: impl Fn(&Factor) -> bool) -> bool {
        self.known.keys().any(is_meant)
    }

    /// The values that the latest cycle had of the station's own, and that the earliest did not have yet.
    pub fn recent(&self, is_own: impl Fn(&Factor) -> bool) -> impl Iterator<Item = Recent> {
        let first = self.begins.len().saturating_sub(1);
        let is_new = move |known: &Known| known.had.has(0) && known.had.earliest() < first;
        let known = self.known.iter().filter(move |(factor, known)| is_own(factor) && is_new(known));
        known.map(|(&factor, known)| Recent { factor, since: known.since })
    }

    /// How probable a change is about an onset that has nothing to do with it, if there are `changes` like it in what is
    /// remembered; `more` cycles before the onset are about it, too.
    pub fn chance(&self, changes: usize, more: usize) -> f64 {
        let share = (changes * (BEFORE_ONSET + 1 + AFTER_ONSET + more)) as f64 / self.begins.len().max(1) as f64;
        share.min(1.0)
    }

    /// The first and the last moment that is about the onset, with `more` cycles before; as far as they are remembered.
    pub fn about(&self, onset: Timestamp, more: usize) -> Option<(Timestamp, Timestamp)> {
        let first = self.begins.iter().position(|&begin| begin >= onset)?;
        let cycle = |place: usize| self.begins.get(place).or(self.begins.back()).copied();
        cycle(first.saturating_sub(BEFORE_ONSET + more)).zip(cycle(first + AFTER_ONSET))
    }

    fn common(&self, found: Association<Factor>, relation: Relation, chance: f64) -> Common {
        let Association { factor, table, p, q } = found;
        let since = self.known.get(&factor).map_or(Timestamp::EPOCH, |known| known.since);
        Common { factor, relation, since, table, p, q, chance }
    }

    fn associated(&self, bad: CycleSet, good: CycleSet) -> impl Iterator<Item = Association<Factor>> {
        let table = |had: CycleSet| {
            let (bad_with, good_with) = (had.and(bad).count(), had.and(good).count());
            Table { bad_with, bad_without: bad.count() - bad_with, good_with, good_without: good.count() - good_with }
        };
        let judged = bad.or(good);
        let asked =
            self.known.iter().filter(|(factor, known)| !self.is_by_variant(factor, known.had.and(judged), judged));
        let tables = asked.map(|(&factor, known)| (factor, table(known.had)));
        rank(tables).into_iter().filter(|found| found.q <= Q_MAX)
    }

    /// Whether a value is that of one variant, such as its program: then the variant says it all.
    fn is_by_variant(&self, factor: &Factor, had: CycleSet, judged: CycleSet) -> bool {
        let is_variant = |factor: &Factor| matches!(factor, Factor::Variant(_));
        let mut variants = self.known.iter().filter(|(known, _)| is_variant(known));
        !is_variant(factor) && variants.any(|(_, variant)| variant.had.and(judged) == had)
    }

    fn had(&self, factor: &Factor) -> CycleSet {
        self.known.get(factor).map_or(CycleSet::default(), |known| known.had)
    }

    /// Whether the first cycle that had a value is about the onset, of which `since` cycles are not before.
    fn appeared_about(&self, factor: &Factor, since: usize) -> bool {
        let first = self.had(factor).earliest() + 1;
        first <= since + BEFORE_ONSET && first + AFTER_ONSET >= since
    }

    /// Values of that kind that came while cycles are remembered: of a value of the station's own, its own.
    fn changes(&self, factor: &Factor, is_own: &impl Fn(&Factor) -> bool) -> usize {
        let oldest = self.begins.len().saturating_sub(1);
        let of_kind = self.known.iter().filter(|(known, _)| discriminant(*known) == discriminant(factor));
        let asked = of_kind.filter(|(known, _)| is_own(known) || !is_own(factor));
        asked.filter(|(_, known)| known.had.earliest() < oldest).count()
    }

    /// The cycles that show it and those that do not.
    fn split(&self, judged: impl DoubleEndedIterator<Item = (Timestamp, bool)>) -> (CycleSet, CycleSet) {
        let (mut bad, mut good, mut next) = (CycleSet::default(), CycleSet::default(), 0);
        for (begin, is_bad) in judged.rev() {
            // Both are in the order of the cycles, so that each is looked for from the one before on.
            let Some(age) = self.begins.iter().rev().skip(next).position(|&known| known == begin) else { continue };
            if is_bad { &mut bad } else { &mut good }.add(next + age);
            next += age + 1;
        }
        (bad, good)
    }

    /// The cycles from the onset on.
    fn since(&self, onset: Timestamp) -> CycleSet {
        let mut since = CycleSet::default();
        let ages = self.begins.iter().rev().enumerate().filter(|(_, begin)| **begin >= onset);
        ages.for_each(|(age, _)| since.add(age));
        since
    }
}

impl CycleSet {
    fn age(&mut self) {
        self.0 <<= 1;
    }

    fn add(&mut self, age: usize) {
        if age < CycleMemory::CYCLES_MAX {
            self.0 |= 1 << age;
        }
    }

    const fn has(self, age: usize) -> bool {
        age < CycleMemory::CYCLES_MAX && self.0 >> age & 1 == 1
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn count(self) -> u64 {
        self.0.count_ones() as u64
    }

    /// Age of the latest; as many as there can be if there is none.
    const fn latest(self) -> usize {
        self.0.trailing_zeros() as usize
    }

    /// Age of the earliest; 0 if there is none.
    const fn earliest(self) -> usize {
        (u128::BITS - 1).saturating_sub(self.0.leading_zeros()) as usize
    }

    /// Runs of cycles `with` a value, among those `within`, that have one of these.
    fn runs(self, within: Self, with: Self) -> u32 {
        let (mut runs, mut is_counted) = (0, false);
        for age in (0..CycleMemory::CYCLES_MAX).filter(|&age| within.has(age)) {
            match with.has(age) {
                false => is_counted = false,
                true if self.has(age) && !is_counted => (runs, is_counted) = (runs + 1, true),
                true => {}
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests;
