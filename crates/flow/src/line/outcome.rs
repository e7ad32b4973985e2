use crate::line::{LineModel, PlaceKind};

/// What of a run counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    /// From the begin of the run until things count, s.
    pub warm_up_s: f64,
    /// How long things count, s; above 0.
    pub length_s: f64,
    /// The parts of the time that output is told for, s; above 0.
    pub interval_s: f64,
}

impl Horizon {
    /// So many hours from the begin on, output by the hour.
    pub fn hours(hours: f64) -> Self {
        Self { warm_up_s: 0.0, length_s: hours * 3600.0, interval_s: 3600.0 }
    }

    pub(crate) fn end_s(&self) -> f64 {
        self.warm_up_s + self.length_s
    }

    /// How much of the time from one moment to another counts, s.
    fn overlap_s(&self, from_s: f64, to_s: f64) -> f64 {
        (to_s.min(self.end_s()) - from_s.max(self.warm_up_s)).max(0.0)
    }

    fn counts(&self, at_s: f64) -> bool {
        at_s >= self.warm_up_s && at_s < self.end_s()
    }

    fn intervals(&self) -> usize {
        (self.length_s / self.interval_s).ceil().max(1.0) as usize
    }
}

/// What one run of a line came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Good parts that left the line in each interval.
    pub output: Vec<u32>,
    /// Good parts that left the line, by variant.
    pub output_of_variant: Vec<u32>,
    /// Parts that were rejected.
    pub scrapped: u32,
    /// What each place did.
    pub places: Vec<PlaceOutcome>,
}

/// What a place did in the time that counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PlaceOutcome {
    /// Parts that left it.
    pub parts: u32,
    /// At work, s; 0 for a buffer, like the three after it.
    pub working_s: f64,
    /// Stopped while it had a part, s.
    pub down_s: f64,
    /// With a finished part that had nowhere to go, or before service because it would have, s.
    pub blocked_s: f64,
    /// Taking a part in, s.
    pub loading_s: f64,
    /// Parts in it times seconds: the mean level of a buffer times the length of the time.
    pub part_seconds: f64,
}

impl PlaceOutcome {
    /// Without a part, s, of a time of that length.
    pub fn starved_s(&self, length_s: f64) -> f64 {
        (length_s - self.working_s - self.down_s - self.blocked_s - self.loading_s).max(0.0)
    }
}

impl Outcome {
    /// Good parts that left the line.
    pub fn total(&self) -> u32 {
        self.output.iter().sum()
    }
}

/// A visit of a part to a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    /// When it came in.
    pub(crate) entered_s: f64,
    /// When work on it could begin; for a buffer, when it could leave again.
    pub(crate) ready_s: f64,
    /// When work on it began.
    pub(crate) began_s: f64,
    /// How much work it was; 0 in a buffer.
    pub(crate) work_s: f64,
    /// When the work was done.
    pub(crate) done_s: f64,
    /// When its last stop began; infinite without one.
    pub(crate) stopped_from_s: f64,
}

/// A part's stay at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stay {
    /// The place, by index.
    pub place: usize,
    /// The part's variant, by index.
    pub variant: usize,
    /// When the part came in, s.
    pub entered_s: f64,
    /// When work on it began, s; in a buffer, when it could leave.
    pub began_s: f64,
    /// When the work was done, s.
    pub done_s: f64,
    /// How much work it was, s; the rest of the time until it was done is stops.
    pub work_s: f64,
    /// When the last stop while the part was there began, s; infinite if there was none.
    pub stopped_from_s: f64,
    /// When the part left, s; may be infinite if that is after the end of the run.
    pub left_s: f64,
}

/// What a run has come to so far.
pub(crate) struct Tally {
    horizon: Horizon,
    is_station: Vec<bool>,
    outcome: Outcome,
    /// Every stay, if asked for.
    stays: Option<Vec<Stay>>,
}

impl Tally {
    pub(crate) fn new(model: &LineModel, horizon: Horizon) -> Self {
        let is_station = |place: &crate::line::Place| matches!(place.kind, PlaceKind::Station(_));
        let outcome = Outcome {
            output: vec![0; horizon.intervals()],
            output_of_variant: vec![0; model.variants.len()],
            scrapped: 0,
            places: vec![PlaceOutcome::default(); model.places.len()],
        };
        Self { horizon, is_station: model.places.iter().map(is_station).collect(), outcome, stays: None }
    }

    /// The same, to keep every stay.
    pub(crate) fn keeping_stays(self) -> Self {
        Self { stays: Some(Vec::new()), ..self }
    }

    /// When the run ends, s.
    pub(crate) fn end_s(&self) -> f64 {
        self.horizon.end_s()
    }

    /// A part went from a place.
    #[inline]
    pub(crate) fn visit(&mut self, place: usize, variant: usize, visit: &Visit, left_s: f64) {
        if let Some(stays) = &mut self.stays {
            let &Visit { entered_s, began_s, done_s, work_s, stopped_from_s, .. } = visit;
            stays.push(Stay { place, variant, entered_s, began_s, done_s, work_s, stopped_from_s, left_s });
        }
        let is_within = visit.entered_s >= self.horizon.warm_up_s && left_s < self.horizon.end_s();
        if !is_within {
            return self.visit_at_edge(place, visit, left_s);
        }
        let known = &mut self.outcome.places[place];
        known.parts += 1;
        known.part_seconds += left_s - visit.entered_s;
        if self.is_station[place] {
            known.working_s += visit.work_s;
            known.down_s += (visit.done_s - visit.began_s - visit.work_s).max(0.0);
            known.loading_s += visit.ready_s - visit.entered_s;
            known.blocked_s += visit.began_s - visit.ready_s + left_s - visit.done_s;
        }
    }

    /// A visit that the begin or the end of the time cuts.
    fn visit_at_edge(&mut self, place: usize, visit: &Visit, left_s: f64) {
        let (horizon, known) = (&self.horizon, &mut self.outcome.places[place]);
        known.parts += u32::from(horizon.counts(left_s));
        known.part_seconds += horizon.overlap_s(visit.entered_s, left_s);
        if !self.is_station[place] {
            return;
        }
        known.loading_s += horizon.overlap_s(visit.entered_s, visit.ready_s);
        known.blocked_s += horizon.overlap_s(visit.ready_s, visit.began_s) + horizon.overlap_s(visit.done_s, left_s);
        let counted_s = horizon.overlap_s(visit.began_s, visit.done_s);
        let taken_s = visit.done_s - visit.began_s;
        // As large a share of its work counts as of its stops.
        let working_s = if taken_s > 0.0 { visit.work_s * counted_s / taken_s } else { 0.0 };
        known.working_s += working_s;
        known.down_s += (counted_s - working_s).max(0.0);
    }

    /// A good part left the line.
    pub(crate) fn output(&mut self, variant: usize, left_s: f64) {
        if self.horizon.counts(left_s) {
            let interval = ((left_s - self.horizon.warm_up_s) / self.horizon.interval_s) as usize;
            let last = self.outcome.output.len() - 1;
            self.outcome.output[interval.min(last)] += 1;
            self.outcome.output_of_variant[variant] += 1;
        }
    }

    /// A part was rejected.
    pub(crate) fn scrap(&mut self, left_s: f64) {
        self.outcome.scrapped += u32::from(self.horizon.counts(left_s));
    }

    /// What the run came to, and the stays if they were kept.
    pub(crate) fn finish(self) -> (Outcome, Vec<Stay>) {
        (self.outcome, self.stays.unwrap_or_default())
    }
}
