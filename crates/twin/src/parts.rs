//! The history of the parts: what of each cycle goes into the record of its part, and when that is closed.

use alarms::{Incident, Intervention};
use genealogy::{Action, Closed, Expectation, IncidentMark, PartCycle, PartValue, Rules};
use plant::{Plant, Role, StationId};
use process::{BoundFeature, CycleData};
use telemetry::{SignalId, Timestamp, Value};

use crate::feature::FeatureState;
use crate::output::Output;
use crate::twin::{Step, Twin, as_symbol};

impl Twin {
    /// The features of a station's cycles, in the order in which cycles and the records of parts give their values.
    pub fn features(&self, station: StationId) -> &[BoundFeature] {
        &self.model.stations[station.index()].features
    }

    /// What was expected of the latest values of a station's features, in the same order, and how far values usually are
    /// from that, one standard deviation; `None` while that is not learnt.
    pub fn expected(&self, station: StationId) -> impl Iterator<Item = Option<(f64, f64)>> {
        self.state.stations[station.index()].features.iter().map(FeatureState::expected)
    }

    /// The lowest and the highest good value of a station's features for a variant, in the same order.
    pub fn good_ranges(
        &self,
        station: StationId,
        variant: Option<usize>,
    ) -> impl Iterator<Item = (Option<f64>, Option<f64>)> {
        (0..self.features(station).len()).map(move |place| self.model.good_range(station, place, variant))
    }

    /// A signal tells something of its station besides a measurement.
    pub(crate) fn label(&mut self, signal: SignalId, value: Value, at: Timestamp) {
        let told = self.model.plant.signal(signal);
        let labels = &mut self.state.stations[told.station.index()].labels;
        let text = as_symbol(value);
        match told.role {
            Role::MaterialLot => labels.lot(signal, text, at),
            Role::PartChild => labels.child(signal, text, at),
            Role::ToolId => labels.tool(text, at),
            Role::OperatorId if self.model.plant.genealogy.operators => labels.operator(text, at),
            Role::ToolLife => value.as_f64().into_iter().for_each(|life| labels.tool_life(life, at)),
            _ => {}
        }
    }

    /// Something was done at a station: the next part's record tells of it.
    pub(crate) fn note_action(&mut self, intervention: &Intervention) {
        let Intervention { kind, station, signal, at, by, comment } = intervention;
        let by = by.clone().filter(|_| self.model.plant.genealogy.operators);
        let action = Action { kind: *kind, signal: *signal, at: *at, by, comment: comment.clone() };
        self.state.stations[station.index()].labels.action(action);
    }

    /// A cycle is complete: the record of its part grows by it.
    pub(crate) fn record_cycle(
        &mut self,
        station: StationId,
        cycle: &CycleData,
        values: &[Option<f64>],
        step: &mut Step<'_>,
    ) {
        if !self.model.stations[station.index()].has_cycles {
            return;
        }
        let worked_on = self.state.stations[station.index()].worked_on;
        let Some(part) = worked_on.part else {
            self.state.counts.cycles_without_part += 1;
            return;
        };
        let of_part = PartCycle {
            station,
            start: cycle.start,
            end: cycle.end,
            variant: worked_on.variant,
            program: worked_on.program,
            labels: self.state.stations[station.index()].labels.take(),
            values: self.part_values(station, cycle, values),
            incidents: Vec::new(),
        };
        let of_part = self.with_incidents(of_part);
        let is_last = self.model.plant.is_last(station, worked_on.variant.map(usize::from));
        let (now, rules, mut closed) = (self.state.now, rules(&self.model.plant), Vec::new());
        self.state.parts.take(part, of_part, is_last, now, rules, &mut closed);
        self.tell_parts(closed, step);
    }

    /// Time has passed: parts may have left, or been out of sight for too long.
    pub(crate) fn pass_parts(&mut self, step: &mut Step<'_>) {
        let (now, rules, mut closed) = (self.state.now, rules(&self.model.plant), Vec::new());
        self.state.parts.pass(now, rules, &mut closed);
        self.tell_parts(closed, step);
    }

    /// An incident began before it was raised: the cycles since then that are on record are part of it.
    pub(crate) fn mark_parts(&mut self, incident: &Incident) {
        let stations: Vec<StationId> = incident.station.iter().chain(&incident.affected).copied().collect();
        self.state.parts.mark(&stations, incident.onset, mark(incident));
    }

    fn tell_parts(&mut self, closed: Closed, step: &mut Step<'_>) {
        for record in closed {
            let counts = &mut self.state.counts;
            counts.parts_closed += 1;
            counts.parts_incomplete += u64::from(record.ending.is_incomplete());
            counts.parts_late += u64::from(record.ending == genealogy::Ending::Late);
            step.push(Output::Part(Box::new(record)));
        }
    }

    fn with_incidents(&self, mut cycle: PartCycle) -> PartCycle {
        let station = cycle.station;
        let stands = |incident: &&Incident| {
            incident.returned.is_none() && incident.onset <= cycle.end && concerns(incident, station)
        };
        cycle.incidents = self.state.book.open().filter(stands).take(PartCycle::INCIDENTS_MAX).map(mark).collect();
        cycle
    }

    fn part_values(&self, station: StationId, cycle: &CycleData, values: &[Option<f64>]) -> Vec<PartValue> {
        let model = &self.model.stations[station.index()];
        let state = &self.state.stations[station.index()];
        // What is measured while something was done is neither of before nor of after.
        let is_judged = state.interrupted != Some(cycle.start);
        let variant = state.worked_on.variant.map(usize::from);
        let recipe = self.model.plant.recipe(station, variant);
        let measured = values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
        measured
            .map(|(place, value)| {
                let sensor = model.features[place].sensor();
                let input = sensor.and_then(|signal| model.inputs.iter().position(|&(_, input)| input == signal));
                let bound = &model.features[place];
                let carried = |(lowest, highest)| {
                    Some((bound.from_sensor(lowest, &recipe)?, bound.from_sensor(highest, &recipe)?))
                };
                let extremes = input.and_then(|input| cycle.extremes(input)).and_then(carried);
                let (lowest, highest) = extremes.unwrap_or((value, value));
                let (low, high) = self.model.good_range(station, place, variant);
                let expected = state.features[place].expected().filter(|_| is_judged);
                let expected = expected.map(|(value, sigma)| Expectation { value, sigma });
                PartValue { feature: place as u16, value, lowest, highest, expected, low, high }
            })
            .collect()
    }
}

fn rules(plant: &Plant) -> Rules {
    let genealogy = &plant.genealogy;
    Rules { on_line_max: genealogy.on_line_max as usize, lost_after_s: genealogy.lost_after_h * 3600.0 }
}

fn concerns(incident: &Incident, station: StationId) -> bool {
    incident.station == Some(station) || incident.affected.contains(&station)
}

fn mark(incident: &Incident) -> IncidentMark {
    IncidentMark { incident: incident.id, cause: incident.cause() }
}
