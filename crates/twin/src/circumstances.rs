//! What the cycles that show something have in common, and what changed about when it began.

use alarms::{Circumstances, Direction};
use genealogy::factors::Factor;
use genealogy::{Common, CycleMemory, Recent};
use plant::{ChangeKind, Plant, StationId};
use process::CycleData;
use telemetry::{InterventionKind, Timestamp};

use crate::intervention::RECENT_S;
use crate::station::StationState;
use crate::twin::Twin;

impl Twin {
    /// A cycle is complete: its lots, tools and programs and those that its part had before are remembered.
    pub(crate) fn remember_cycle(&mut self, station: StationId, cycle: &CycleData) {
        if !self.model.stations[station.index()].has_cycles {
            return;
        }
        let state = &mut self.state.stations[station.index()];
        let worked_on = state.worked_on;
        let before = worked_on.part.map_or(&[][..], |part| self.state.parts.cycles(part));
        let variant = worked_on.variant.or_else(|| before.iter().rev().find_map(|cycle| cycle.variant));
        let own = state.labels.ended().into_iter().flat_map(|labels| {
            Factor::of_cycle(station, worked_on.program, labels).map(|factor| (factor, cycle.start))
        });
        let upstream = before.iter().flat_map(|cycle| {
            let factors = Factor::of_cycle(cycle.station, cycle.program, &cycle.labels);
            factors.map(|factor| (factor, cycle.start))
        });
        let variant = variant.map(|variant| (Factor::Variant(variant), cycle.start));
        state.memory.remember(cycle.start, upstream.chain(own).chain(variant));
    }

    /// What belongs to a change of a feature with that onset besides; up or down, or either way if its values scatter.
    /// `None` if too few cycles before the onset are remembered.
    pub(crate) fn circumstances(
        &self,
        station: StationId,
        place: usize,
        onset_mark: i64,
        direction: Option<Direction>,
    ) -> Option<Circumstances> {
        let (state, plant) = (&self.state.stations[station.index()], &self.model.plant);
        let onset = Timestamp::from_nanos(onset_mark);
        let sign = |by: f64| match direction {
            Some(Direction::Up) => by,
            Some(Direction::Down) => -by,
            None => by.abs(),
        };
        let departures = state.features[place].departures().map(move |(begin, by)| (begin, sign(by)));
        let half = half_of_the_shift(departures.clone(), onset)?;
        let judged = departures.map(move |(begin, by)| (begin, by > half));
        let is_own = |factor: &Factor| told_at(factor, plant) == Some(station);
        let in_common = state.memory.in_common(judged, onset, is_own)?;
        let is_recent = |change: &Recent| onset.seconds_since(change.since) <= RECENT_S;
        Some(Circumstances {
            recent: state.memory.recent(is_own).filter(is_recent).collect(),
            changes: changes(&in_common, state, onset, is_own, self.model.plant.detection.warm_up_cycles as usize),
            in_common,
        })
    }
}

/// The station that tells a value; none tells the variant alone, and a station's own work is no value that it tells.
fn told_at(factor: &Factor, plant: &Plant) -> Option<StationId> {
    match *factor {
        Factor::Lot(label) => Some(plant.signal(label.signal).station),
        Factor::Tool(station, _) | Factor::Program(station, _) | Factor::Operator(station, _) => Some(station),
        Factor::Variant(_) | Factor::Station(_) => None,
    }
}

/// The departure that is half way from what was usual before the onset to what has been since, where that is so: a cycle
/// beyond it shows the change. `None` if nothing is beyond.
///
/// Where good cycles alternate with bad ones since the onset, their mean is that of neither. So the mean is taken of those
/// beyond half way, and half way found again, until it stays: two-means with one centre held (S. Lloyd, IEEE Transactions on
/// Information Theory 28, 1982, 129-137).
fn half_of_the_shift(departures: impl Iterator<Item = (Timestamp, f64)> + Clone, onset: Timestamp) -> Option<f64> {
    const ROUNDS: usize = 8;
    let mut before: Vec<f64> = departures.clone().filter(|(begin, _)| *begin < onset).map(|(_, by)| by).collect();
    before.sort_by(f64::total_cmp);
    let usual = before.get(before.len() / 2).copied().unwrap_or(0.0);
    let mean_beyond = |least: f64| {
        let beyond = departures.clone().filter(|&(begin, by)| begin >= onset && by > least);
        let (count, sum) = beyond.fold((0_u32, 0.0), |(count, sum), (_, by)| (count + 1, sum + by));
        (count > 0).then(|| sum / f64::from(count))
    };
    let mut half = f64::NEG_INFINITY;
    for _ in 0..ROUNDS {
        half = 0.5 * (usual + mean_beyond(half)?);
    }
    (half > usual).then_some(half)
}

/// For each kind of change that the station tells, how probable it would be by chance that as much was found of it.
///
/// That nothing was done is not told, so maintenance only ever speaks for a cause. What it changes is often learnt anew, and
/// what it has left wrong is seen after that.
fn changes(
    in_common: &[Common],
    state: &StationState,
    onset: Timestamp,
    is_own: impl Fn(&Factor) -> bool,
    warm_up_cycles: usize,
) -> Vec<(ChangeKind, Option<f64>)> {
    let of_kind = |kind: ChangeKind| {
        let is_meant = |factor: &Factor| factor.change_kind() == Some(kind);
        let found = in_common.iter().filter(|common| is_meant(&common.factor)).map(|common| common.chance);
        let least = found.min_by(f64::total_cmp);
        let is_told = least.is_some() || state.memory.knows(|factor| is_meant(factor) && is_own(factor));
        is_told.then_some((kind, least))
    };
    let told = [ChangeKind::Lot, ChangeKind::Tool, ChangeKind::Program].into_iter().filter_map(of_kind);
    let done =
        maintenance(&state.memory, state, onset, warm_up_cycles).map(|chance| (ChangeKind::Maintenance, Some(chance)));
    told.chain(done).collect()
}

/// If something was done at the station about the onset: how probable that is by chance. Dressing is routine and sets
/// nothing else.
fn maintenance(memory: &CycleMemory, state: &StationState, onset: Timestamp, warm_up_cycles: usize) -> Option<f64> {
    let (first, last) = memory.about(onset, warm_up_cycles)?;
    let all = state.interventions.iter().filter(|done| {
        !matches!(
            done.kind,
            InterventionKind::ToolDress | InterventionKind::Changeover | InterventionKind::ProgramChange
        )
    });
    let about = all.filter(|done| (first..=last).contains(&done.at)).count();
    (about > 0).then(|| memory.chance(about, warm_up_cycles))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(values: &[f64], onset: i64) -> Option<f64> {
        let departures = values.iter().enumerate().map(|(place, &by)| (Timestamp::from_nanos(place as i64), by));
        half_of_the_shift(departures, Timestamp::from_nanos(onset))
    }

    #[test]
    fn half_of_the_shift_is_that_of_the_bad_cycles_where_good_ones_alternate() {
        assert_eq!(half(&[0.0, 0.0, 0.0, 2.0, 2.0, 2.0], 3), Some(1.0));
        assert_eq!(half(&[0.0, 0.0, 0.0, 4.0, 0.0, 4.0, 0.0, 0.0], 3), Some(2.0));
        assert_eq!(half(&[1.0, 1.0, 1.0, 3.0, 3.0], 3), Some(2.0), "from what was usual");
        assert_eq!(half(&[3.0, 3.0], 0), Some(1.5), "nothing before is nothing departed");
        assert_eq!(half(&[0.0, 0.0, -2.0, -2.0], 2), None, "it went the other way");
        assert_eq!(half(&[0.0, 0.0], 5), None);
    }
}
