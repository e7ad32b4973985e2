//! What was done at a station, reported or seen, and what then still holds of what the twin has learnt.

use alarms::{Intervention, Source};
use plant::{Cause, Locus, Plant, Role, StationId};
use process::BoundFeature;
use telemetry::{InterventionKind, SignalId, Symbol, Timestamp};

use crate::output::Output;
use crate::station::StationState;
use crate::twin::{Step, Twin};

/// How late an intervention can be reported, seconds.
const REPORT_MAX_S: f64 = 24.0 * 3600.0;
/// How long before the onset of an incident an intervention is still worth a look, seconds.
pub(crate) const RECENT_S: f64 = 4.0 * 3600.0;

/// What an intervention does to a feature that it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Its charts begin anew; what is expected of it stays.
    Restart,
    /// All that was learnt of it is forgotten, and it warms up anew.
    Relearn,
}

/// Which features an intervention concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concerned {
    /// All of the station, and what depends on it elsewhere.
    All,
    /// Those of the station that sensors measure; not those that only say when something happened.
    Measured,
    /// Those that show one of these causes: at the station, or where that is the utility.
    Showing(&'static [Cause]),
}

/// What a worn tool shows as.
const TOOL: &[Cause] = &[Cause::ElectrodeWear, Cause::TighteningTool, Cause::NozzleClog, Cause::GearboxWear];
/// What a clogged filter or strainer shows as.
const FILTER: &[Cause] =
    &[Cause::WeldWaterRestriction, Cause::LoopRestriction, Cause::ChillerFouling, Cause::CoolingSupply];
/// What dirt shows as.
const DIRT: &[Cause] = &[
    Cause::LaserPower,
    Cause::LaserFocus,
    Cause::NozzleClog,
    Cause::LeakTester,
    Cause::WeldWaterRestriction,
    Cause::LoopRestriction,
    Cause::ChillerFouling,
    Cause::CoolingSupply,
];

/// What each kind of intervention means. `None`: it is only remembered.
///
/// What brings a station back to where it was leaves what is expected; what makes another station of it does not.
fn rule(kind: InterventionKind, tells_variant: bool) -> Option<(Effect, Concerned)> {
    match kind {
        InterventionKind::Retool | InterventionKind::ProgramChange => Some((Effect::Relearn, Concerned::All)),
        // Each variant has baselines of its own, where the station tells which it is.
        InterventionKind::Changeover if tells_variant => Some((Effect::Restart, Concerned::All)),
        InterventionKind::Changeover => Some((Effect::Relearn, Concerned::All)),
        InterventionKind::ToolDress | InterventionKind::ToolChange => Some((Effect::Restart, Concerned::Showing(TOOL))),
        InterventionKind::FilterChange => Some((Effect::Restart, Concerned::Showing(FILTER))),
        InterventionKind::Cleaning => Some((Effect::Restart, Concerned::Showing(DIRT))),
        InterventionKind::SensorChange => Some((Effect::Relearn, Concerned::Measured)),
        InterventionKind::Other => None,
    }
}

impl Concerned {
    /// Whether a feature is concerned of the station itself, or of one whose utility the station is.
    fn includes(self, feature: &BoundFeature, locus: Locus) -> bool {
        let shows = |is_meant: &dyn Fn(Cause) -> bool| {
            let causes = feature.spec.rise.iter().chain(feature.spec.fall);
            causes.map(|&(cause, _)| cause).any(|cause| cause.locus() == locus && is_meant(cause))
        };
        match self {
            Self::All => locus == Locus::Station || shows(&|_| true),
            Self::Measured => locus == Locus::Station && feature.spec.quantity.is_measured(),
            Self::Showing(causes) => shows(&|cause| causes.contains(&cause)),
        }
    }
}

impl Twin {
    /// An operator tells that this was done.
    ///
    /// # Errors
    /// In words, if this plant has no such place or it cannot have been done then.
    pub(crate) fn report(
        &mut self,
        by: &str,
        place: &str,
        kind: InterventionKind,
        done: Option<Timestamp>,
        comment: &str,
        step: &mut Step<'_>,
    ) -> Result<(), String> {
        let (station, signal) = self.place(place)?;
        let now = self.state.now;
        let at = done.unwrap_or(now);
        let ago_s = now.seconds_since(at);
        if ago_s < -self.model.plant.detection.clock_off_max_s {
            return Err(format!("{at} is still to come; report what has been done"));
        }
        if ago_s > REPORT_MAX_S {
            let hours = REPORT_MAX_S / 3600.0;
            return Err(format!("{at} is more than {hours} h ago; leave the time out to let the twin begin anew now"));
        }
        let (by, comment) = (Some(by.to_owned()), comment.to_owned());
        let intervention = Intervention { kind, station, signal, at, by, comment };
        self.interrupt(&intervention);
        self.intervene(intervention, now, step);
        Ok(())
    }

    /// The station of that name, or the signal of that path with its station.
    fn place(&self, place: &str) -> Result<(StationId, Option<SignalId>), String> {
        let plant = &self.model.plant;
        if let Some(station) = plant.stations.iter().find(|station| station.name == place) {
            return Ok((station.id, None));
        }
        match plant.signals.iter().find(|signal| signal.path == place) {
            Some(signal) => Ok((signal.station, Some(signal.id))),
            None => Err(format!(
                "there is no station {place:?} and no signal of that path; expected the name of a station, or \
                 station/signal for what concerns only that signal"
            )),
        }
    }

    /// A tool's life that falls back means that it was dressed or changed.
    pub(crate) fn tool_life(&mut self, station: StationId, life: f64, at: Timestamp, step: &mut Step<'_>) {
        let before = self.state.stations[station.index()].tool_life.replace(life);
        if let Some(before) = before.filter(|&before| life < before) {
            let comment = format!("tool life fell from {before} to {life}");
            self.intervene(seen(InterventionKind::ToolDress, station, at, comment), at, step);
        }
    }

    /// A program that nothing was learnt of yet has begun; its baselines begin by themselves.
    pub(crate) fn new_program(&mut self, station: StationId, program: Symbol, at: Timestamp, step: &mut Step<'_>) {
        let learnt = || self.state.stations[station.index()].features.iter().filter(|feature| feature.has_learnt());
        if learnt().next().is_some() && learnt().all(|feature| !feature.knows_program(program)) {
            let comment = format!("program {program} for the first time");
            self.remember(seen(InterventionKind::ProgramChange, station, at, comment), step);
        }
    }

    /// Something was done: lets what was learnt begin anew as far as that says, and ends what stood by it.
    fn intervene(&mut self, intervention: Intervention, at: Timestamp, step: &mut Step<'_>) {
        self.remember(intervention.clone(), step);
        let mut ended = match intervention.kind {
            InterventionKind::SensorChange => self.forget_sensors(intervention.station, intervention.signal),
            _ => Vec::new(),
        };
        for (station, place, effect) in self.effects(&intervention) {
            let feature = &mut self.state.stations[station.index()].features[place];
            let stood = match effect {
                Effect::Restart => feature.reset(),
                Effect::Relearn => feature.relearn(),
            };
            if stood {
                ended.push(Source::Feature { station, feature: place as u16 });
            }
        }
        for source in ended {
            self.clear(source, at, Some(&intervention), step);
        }
    }

    /// What was going on while it was done is neither of before nor of after: that cycle is measured, not judged.
    fn interrupt(&mut self, intervention: &Intervention) {
        for (station, ..) in self.effects(intervention) {
            let state = &mut self.state.stations[station.index()];
            state.interrupted = state.builder.under_way();
        }
    }

    /// The features that an intervention concerns, by station and place, each with what it does to it.
    fn effects(&self, intervention: &Intervention) -> Vec<(StationId, usize, Effect)> {
        let plant = &self.model.plant;
        let tells_variant = plant.signal_in_role(intervention.station, Role::Variant).is_some();
        let Some((effect, concerned)) = rule(intervention.kind, tells_variant) else { return Vec::new() };
        let is_concerned = |station: StationId, feature: &BoundFeature| match intervention.signal {
            Some(signal) => feature.needs.contains(&signal),
            None if station == intervention.station => concerned.includes(feature, Locus::Station),
            None => {
                plant.station(station).utilities.contains(&intervention.station)
                    && concerned.includes(feature, Locus::Utility)
            }
        };
        let stations = plant.stations.iter().map(|station| station.id).zip(&self.model.stations);
        stations
            .flat_map(|(station, model)| model.features.iter().enumerate().map(move |(at, bound)| (station, at, bound)))
            .filter(|&(station, _, bound)| is_concerned(station, bound))
            .map(|(station, place, _)| (station, place, effect))
            .collect()
    }

    fn remember(&mut self, intervention: Intervention, step: &mut Step<'_>) {
        self.state.stations[intervention.station.index()].remember(intervention.clone());
        self.note_action(&intervention);
        self.explain(&intervention, step);
        step.push(Output::Intervention(intervention));
    }
}

fn seen(kind: InterventionKind, station: StationId, at: Timestamp, comment: String) -> Intervention {
    Intervention { kind, station, signal: None, at, by: None, comment }
}

/// What was done shortly before `onset`, or since, at a station and at its utilities.
pub(crate) fn recent<'a>(
    station: StationId,
    onset: Timestamp,
    plant: &'a Plant,
    stations: &'a [StationState],
) -> impl Iterator<Item = Intervention> + 'a {
    let places = std::iter::once(station).chain(plant.station(station).utilities.iter().copied());
    places
        .flat_map(|place| &stations[place.index()].interventions)
        .filter(move |intervention| onset.seconds_since(intervention.at) <= RECENT_S)
        .cloned()
}
