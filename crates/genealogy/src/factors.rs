//! What bad parts have in common: lots, tools, programs, variants, stations and, where they may be kept, operators.
//!
//! For each value of a factor the question is whether it is over-represented among the bad parts: Fisher's exact test,
//! one-sided (R. A. Fisher, The Design of Experiments, 1935), with the false-discovery rate of all questions together
//! held by the procedure of Benjamini and Hochberg (Journal of the Royal Statistical Society B 57, 1995, 289-300).

use std::collections::BTreeMap;

use plant::{ChangeKind, StationId};
use serde::{Deserialize, Serialize};
use telemetry::Symbol;

use crate::Labels;
use crate::record::Label;

/// Something that parts can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Factor {
    /// A lot of material, by the signal that told it.
    Lot(Label),
    /// A tool that a station used.
    Tool(StationId, Symbol),
    /// A program that a station ran.
    Program(StationId, Symbol),
    /// The variant, by index into the plant's list.
    Variant(u16),
    /// Somebody who worked at a station.
    Operator(StationId, Symbol),
    /// A station that worked on the part: it tells parallel stations apart.
    Station(StationId),
}

impl Factor {
    /// The kind of change by which it comes into use; `None` of what is no change to a station.
    pub const fn change_kind(&self) -> Option<ChangeKind> {
        match self {
            Self::Lot(_) => Some(ChangeKind::Lot),
            Self::Tool(..) => Some(ChangeKind::Tool),
            Self::Program(..) => Some(ChangeKind::Program),
            Self::Variant(_) | Self::Operator(..) | Self::Station(_) => None,
        }
    }

    /// Those of a cycle; the variant is the part's, not the cycle's.
    pub fn of_cycle(station: StationId, program: Option<Symbol>, labels: &Labels) -> impl Iterator<Item = Self> {
        let lots = labels.lots.iter().copied().map(Self::Lot);
        let tool = labels.tool.map(|tool| Self::Tool(station, tool));
        let program = program.map(|program| Self::Program(station, program));
        let operator = labels.operator.map(|operator| Self::Operator(station, operator));
        lots.chain(tool).chain(program).chain(operator).chain([Self::Station(station)])
    }
}

/// How parts split by one value of a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Bad parts that have it.
    pub bad_with: u64,
    /// Bad parts that do not.
    pub bad_without: u64,
    /// Good parts that have it.
    pub good_with: u64,
    /// Good parts that do not.
    pub good_without: u64,
}

/// What speaks for one value of a factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Association<F> {
    /// The factor's value.
    pub factor: F,
    /// How the parts split by it.
    pub table: Table,
    /// How probable it is, without any connection, that at least so many of the bad parts have it; 0 to 1.
    pub p: f64,
    /// The false-discovery rate at which it is among what is found, 0 to 1: at most that share of all with a `q` so small
    /// is there by chance, on average.
    pub q: f64,
}

/// What the bad ones among the parts have in common, what speaks most for a connection first; ties in the factors' order.
///
/// A value that all parts have says nothing, and neither does one that no bad part has: they are left out. `parts` gives
/// for each part its factors, each once, and whether it is bad.
pub fn associate<F: Ord + Clone>(parts: &[(Vec<F>, bool)]) -> Vec<Association<F>> {
    let mut counts: BTreeMap<&F, (u64, u64)> = BTreeMap::new();
    for (factors, is_bad) in parts {
        for factor in factors {
            let (bad, good) = counts.entry(factor).or_default();
            *(if *is_bad { bad } else { good }) += 1;
        }
    }
    let all_bad = parts.iter().filter(|(_, is_bad)| *is_bad).count() as u64;
    let all_good = parts.len() as u64 - all_bad;
    let tables = counts.into_iter().map(|(factor, (bad_with, good_with))| {
        (
            factor.clone(),
            Table { bad_with, bad_without: all_bad - bad_with, good_with, good_without: all_good - good_with },
        )
    });
    rank(tables)
}

/// As [`associate`], of values whose tables are known.
pub(crate) fn rank<F>(tables: impl Iterator<Item = (F, Table)>) -> Vec<Association<F>> {
    let asked = tables.filter(|(_, table)| table.bad_with > 0 && table.bad_without + table.good_without > 0);
    let mut found: Vec<Association<F>> = asked
        .map(|(factor, table)| {
            let p = table.over_representation();
            Association { factor, table, p, q: p }
        })
        .collect();
    found.sort_by(|a, b| a.p.total_cmp(&b.p));
    let tests = found.len() as f64;
    let mut q = 1.0_f64;
    for (rank, association) in found.iter_mut().enumerate().rev() {
        q = q.min(association.p * (tests / (rank + 1) as f64));
        association.q = q;
    }
    found
}

impl Table {
    /// Fisher's exact test: the probability, given the table's margins, of at least `bad_with` bad parts that have it, which
    /// is the upper tail of the hypergeometric distribution.
    ///
    /// With the functions of `libm`, because an incident may come to say it and must do so in the same bits everywhere.
    pub fn over_representation(&self) -> f64 {
        let Self { bad_with, bad_without, good_with, good_without } = *self;
        let (with, without, bad) = (bad_with + good_with, bad_without + good_without, bad_with + bad_without);
        let most = with.min(bad);
        let first = ln_choose(with, bad_with) + ln_choose(without, bad_without) - ln_choose(with + without, bad);
        // Each further term follows from the one before.
        let (mut term, mut tail) = (1.0_f64, 1.0_f64);
        for x in bad_with..most {
            let (x, bad_without_at_x) = (x as f64, (bad - x) as f64);
            term *= (with as f64 - x) * bad_without_at_x / ((x + 1.0) * (without as f64 - bad_without_at_x + 1.0));
            tail += term;
        }
        (libm::exp(first) * tail).min(1.0)
    }
}

/// Natural logarithm of the number of ways to choose `k` of `n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    let ln_factorial = |n: u64| libm::lgamma(n as f64 + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

#[cfg(test)]
mod tests;
