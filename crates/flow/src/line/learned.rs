use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::line::learned_place::{LearnedPlace, OfLine};
use crate::line::random::{Purpose, Random};
use crate::line::{LineModel, Station};

/// What was learnt of how a line works, from the cycles that were seen: as much memory after a year as after an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedLine {
    places: Vec<LearnedPlace>,
    /// Parts that came to the entries, by variant, as they weigh.
    entered: Vec<f64>,
    /// Of these, parts of another variant than the one before.
    changes: f64,
    last_entered: Option<usize>,
}

/// A cycle of a station as it was seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleSeen {
    /// The station, as the index of its place in the model.
    pub place: usize,
    /// The part's variant, if known.
    pub variant: Option<usize>,
    /// When work began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// The time at work, without stops, s.
    pub work_s: f64,
    /// The time stopped since the cycle before, s.
    pub stopped_s: f64,
    /// Whether the line was to work all the time since the cycle before. If not, it says nothing of how long things take.
    pub is_planned: bool,
}

impl LearnedLine {
    /// Nothing yet, of a line with these places and variants.
    pub fn new(model: &LineModel) -> Self {
        Self {
            places: vec![LearnedPlace::new(model.variants.len()); model.places.len()],
            entered: vec![0.0; model.variants.len()],
            changes: 0.0,
            last_entered: None,
        }
    }

    /// Learns from a cycle; those of each station come in order of time.
    pub fn learn(&mut self, model: &LineModel, seen: &CycleSeen) {
        let Some(place) = model.places.get(seen.place) else { return };
        let others = self.places.get(seen.place).and_then(LearnedPlace::last);
        let others = others.and_then(|last| self.ready_by_others(model, seen.place, last.at));
        if let Some(known) = self.places.get_mut(seen.place) {
            known.learn_wait(others);
            known.learn(seen);
        }
        if let Some(variant) = seen.variant.filter(|_| place.upstream.is_empty()) {
            self.entered.get_mut(variant).into_iter().for_each(|entered| *entered += 1.0);
            let changed = self.last_entered.replace(variant).is_some_and(|last| last != variant);
            self.changes += f64::from(u8::from(changed));
        }
    }

    /// From now on what was learnt weighs only that share of what it did, 0 to 1, so that a line that changes is learnt
    /// anew.
    pub fn fade(&mut self, share: f64) {
        self.places.iter_mut().for_each(|place| place.fade(share));
        self.entered.iter_mut().for_each(|entered| *entered *= share);
        self.changes *= share;
    }

    /// When the latest cycle of a place ended, by the moments that were told.
    pub fn last_end(&self, place: usize) -> Option<Timestamp> {
        self.places.get(place)?.last_end_by(Timestamp::from_nanos(i64::MAX))
    }

    /// When, by `moment`, the station before a place last had a part done, or the one after it took one from it. That
    /// only the cycles tell, so it is asked a cycle later, when all neighbours have told theirs.
    fn ready_by_others(&self, model: &LineModel, place: usize, moment: Timestamp) -> Option<Timestamp> {
        let is_station = |&other: &usize| model.places[other].station().is_some();
        let before = model.places[place].upstream.iter().copied().filter(is_station);
        let handed_on = before.filter_map(|before| self.places.get(before)?.last_end_by(moment)).max();
        let is_after = |&other: &usize| model.places[other].upstream.contains(&place);
        let after = (place + 1..model.places.len()).filter(is_station).filter(is_after);
        let taken = after.filter_map(|after| self.places.get(after)?.last_taken_by(moment)).max();
        handed_on.max(taken)
    }

    /// What was learnt of a place, by index.
    pub fn place(&self, place: usize) -> Option<&LearnedPlace> {
        self.places.get(place)
    }

    /// The model with what was learnt in the place of what was designed, wherever enough was seen; without doubt.
    pub fn fit(&self, model: &LineModel) -> LineModel {
        self.applied(model, LearnedPlace::fit)
    }

    /// As [`Self::fit`], with every parameter drawn from what the cycles that were seen leave open.
    pub(crate) fn draw(&self, model: &LineModel, seed: u64, replication: u64) -> LineModel {
        let mut place = 0;
        self.applied(model, |known, station, of_line| {
            place += 1;
            known.draw(station, of_line, &mut Random::new(seed, replication, place, Purpose::Learnt))
        })
    }

    fn applied(&self, model: &LineModel, mut apply: impl FnMut(&LearnedPlace, &mut Station, &OfLine)) -> LineModel {
        let mut model = model.clone();
        let of_line = self.places.iter().fold(OfLine::default(), |all, known| OfLine {
            repairs: all.repairs.with(known.repairs()),
            worked_s: all.worked_s + known.worked_s(),
        });
        for (place, known) in model.places.iter_mut().zip(&self.places) {
            place.transfer_s = known.transfer_s().unwrap_or(place.transfer_s);
            let (transfer_s, is_entry) = (place.transfer_s, place.upstream.is_empty());
            if let Some(station) = place.station_mut() {
                apply(known, station, &of_line);
                if is_entry {
                    station.supply = known.supply(transfer_s).or(station.supply.take());
                }
            }
        }
        self.apply_mix(&mut model);
        model
    }

    /// The shares of the variants, and how many of one come in a row: where the next part's variant is drawn anew with
    /// probability a, it is another one with probability a × (1 − sum of the squared shares).
    fn apply_mix(&self, model: &mut LineModel) {
        let total: f64 = self.entered.iter().sum();
        if total < PARTS_MIN {
            return;
        }
        for (mix, &count) in model.variants.iter_mut().zip(&self.entered) {
            mix.weight = count;
        }
        let other = 1.0 - self.entered.iter().map(|&count| (count / total) * (count / total)).sum::<f64>();
        if self.changes > 0.0 {
            model.run_parts = (other * (total - 1.0) / self.changes).clamp(1.0, total);
        }
    }
}

/// Parts before the mix of variants is taken from what came.
const PARTS_MIN: f64 = 20.0;
