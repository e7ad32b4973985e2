//! What the twin tells the book of incidents, and what people do about them.

use alarms::{Change, Changed, IncidentBook, Intervention, Place, Removed, Situation, Source, Verdict};
use plant::{Condition, Plant, StationId};
use telemetry::{Command, CommandAction, IncidentAction, IncidentId, Sample, Timestamp};

use crate::intervention;
use crate::model::Model;
use crate::output::Output;
use crate::station::StationState;
use crate::twin::{State, Step, Twin};

impl Twin {
    /// Something is not as expected.
    pub(crate) fn raise(&mut self, verdict: Verdict, step: &mut Step<'_>) {
        let (source, onset) = (verdict.evidence.source, verdict.evidence.onset);
        let told = self.with_book(|book, stations, situation| {
            let station = source.station().into_iter();
            let recent = station.flat_map(|station| intervention::recent(station, onset, situation.plant, stations));
            book.take(verdict, recent, &mut step.ids, situation)
        });
        self.tell_changes(told, step);
    }

    /// What was not as expected is so no longer: of itself, or because of what was done.
    pub(crate) fn clear(&mut self, source: Source, at: Timestamp, because: Option<&Intervention>, step: &mut Step<'_>) {
        let told = self.with_book(|book, _, situation| book.clear(source, at, because, situation));
        self.tell_changes(told, step);
    }

    /// What time, the state of the plant and what people did make of the open incidents.
    pub(crate) fn follow_incidents(&mut self, step: &mut Step<'_>) {
        let mut changes = Vec::new();
        self.with_book(|book, _, situation| book.pass_time(situation, &mut changes));
        self.tell_changes(changes, step);
    }

    /// Somebody wants something; whether it was done is told behind what it did.
    pub(crate) fn command(&mut self, command: &Command, step: &mut Step<'_>) {
        let Command { by, action, comment } = command;
        let done = match action {
            CommandAction::OnIncident { incident, action } => self.on_incident(*incident, *action, by, comment, step),
            CommandAction::ReportIntervention { place, kind, done } => {
                self.report(by, place, *kind, *done, comment, step)
            }
            CommandAction::RemoveFromService { place } => self.remove_from_service(place, by, comment),
            CommandAction::PlaceInService { place } => self.place_in_service(place),
        };
        step.push(Output::Command { command: command.clone(), refused: done.err() });
    }

    fn on_incident(
        &mut self,
        id: IncidentId,
        action: IncidentAction,
        by: &str,
        comment: &str,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let planned = match action {
            IncidentAction::MarkPlanned(kind) => Some((self.planned_place(id)?, kind)),
            _ => None,
        };
        let told = self.with_book(|book, _, situation| book.command(id, action, by, comment, situation));
        self.tell_changes([told.map_err(|refusal| refusal.to_string())?], step);
        match planned {
            Some((place, kind)) => self.report(by, &place, kind, None, comment, step),
            None => Ok(()),
        }
    }

    /// The name of the station that a planned change was made at.
    fn planned_place(&self, id: IncidentId) -> Result<String, String> {
        let incident = self.state.book.open().find(|incident| incident.id == id);
        let station = incident.ok_or_else(|| alarms::Refusal::NoSuchIncident(id).to_string())?.station;
        let station = station.ok_or_else(|| format!("incident {id} is at no station; acknowledge it instead"))?;
        Ok(self.model.plant.station(station).name.clone())
    }

    fn remove_from_service(&mut self, name: &str, by: &str, comment: &str) -> Result<(), String> {
        let place = self.service_place(name)?;
        let (name, by, comment) = (name.to_owned(), by.to_owned(), comment.to_owned());
        let removed = Removed { place, name, by, at: self.state.now, comment };
        self.state.book.remove_from_service(removed).map_err(|refusal| refusal.to_string())
    }

    fn place_in_service(&mut self, name: &str) -> Result<(), String> {
        let place = self.service_place(name)?;
        self.state.book.place_in_service(place, name).map_err(|refusal| refusal.to_string())
    }

    /// The station, link, signal or feature of that name.
    fn service_place(&self, name: &str) -> Result<Place, String> {
        let Model { plant, stations, .. } = &self.model;
        if let Some(station) = plant.stations.iter().find(|station| station.name == name) {
            return Ok(Place::Station(station.id));
        }
        if let Some(link) = plant.links.iter().find(|link| link.name == name) {
            return Ok(Place::Link(link.id));
        }
        if let Some(signal) = plant.signals.iter().find(|signal| signal.path == name) {
            return Ok(Place::Sensor(signal.id));
        }
        let feature = name.split_once('/').and_then(|(station, feature)| {
            let station = plant.stations.iter().find(|known| known.name == station)?.id;
            let place = stations[station.index()].features.iter().position(|bound| bound.spec.name == feature)?;
            Some(Place::Feature { station, feature: place as u16 })
        });
        feature.ok_or_else(|| {
            format!(
                "there is no station, link, signal or feature {name:?}; expected the name of a station or link, \
                 or station/name for a signal or a feature of its cycles"
            )
        })
    }

    fn tell_changes(&mut self, changes: impl IntoIterator<Item = Changed>, step: &mut Step<'_>) {
        for (change, incident) in changes {
            if change == Change::Raised {
                self.state.counts.incidents += 1;
                self.mark_parts(&incident);
            }
            step.push(Output::Incident { change, incident: Box::new(incident) });
        }
    }

    /// Has something done with the book, in the situation that the line is in.
    fn with_book<T>(&mut self, act: impl FnOnce(&mut IncidentBook, &[StationState], Situation<'_>) -> T) -> T {
        let State { book, stations, flow, signals, now, .. } = &mut self.state;
        let Model { plant, flow: model, .. } = &self.model;
        let holds = |condition: &Condition, station: Option<StationId>| match condition {
            Condition::States(states) => station.is_some_and(|station| states.contains(&flow.state(model, station))),
            Condition::Signal(signal) => is_true(signals[signal.index()].as_ref()),
        };
        let suppression = |station: Option<StationId>| first_suppression(plant, station, &holds);
        let situation = Situation { plant, now: *now, shift: flow.shift(), suppression: &suppression };
        act(book, stations, situation)
    }
}

/// The first of the plant's suppressions that holds at a station.
fn first_suppression(
    plant: &Plant,
    station: Option<StationId>,
    holds: &dyn Fn(&Condition, Option<StationId>) -> bool,
) -> Option<u16> {
    let is_there = |stations: &[StationId]| match station {
        Some(station) => stations.is_empty() || stations.contains(&station),
        None => stations.is_empty(),
    };
    let mut suppressions = plant.alarms.suppressions.iter();
    let place = suppressions.position(|rule| is_there(&rule.stations) && holds(&rule.condition, station))?;
    Some(place as u16)
}

/// Whether a signal is known to be true, or a number other than 0. What cannot be trusted suppresses nothing.
fn is_true(sample: Option<&Sample>) -> bool {
    let usable = sample.filter(|sample| sample.quality.is_usable());
    let value = usable.map(|sample| sample.value);
    value.is_some_and(|value| value.as_bool().unwrap_or_else(|| value.as_f64().is_some_and(|number| number != 0.0)))
}
