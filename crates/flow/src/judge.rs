//! From what each station's signals say to what each station waits for.

use std::collections::BTreeSet;

use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::model::{FlowModel, PlaceKind};
use crate::station::StationFlow;
use crate::{Activity, Loss, Source};

/// What a station is doing, as its neighbours let it be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) activity: Activity,
    /// Whom it waits for next to it; the root of the chain is in the activity.
    pub(crate) neighbour: Option<Source>,
    /// The handover into it under way, in time or not.
    pub(crate) ready: Option<Ready>,
    /// When the handover under way, into the station or out of it, will have taken longer than it may.
    pub(crate) deadline: Option<Timestamp>,
}

/// A station is free and a part is there; at an entry of the line: it is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) since: Timestamp,
    /// Whether the part came to a station that waited, from its neighbour's hands or into its buffer: then it may still
    /// be on its way, and takes longer than one that was waiting.
    pub(crate) part_came: bool,
}

impl Judged {
    pub(crate) fn plain(activity: Activity) -> Self {
        Self { activity, neighbour: None, ready: None, deadline: None }
    }

    fn waiting(loss: Loss, neighbour: Source) -> Self {
        Self { neighbour: Some(neighbour), ..Self::plain(Activity::Lost(loss)) }
    }
}

fn itself(place: usize) -> Source {
    Source::Station(StationId(place as u16))
}

/// Lets the stations at those ranks of the model's order see what their neighbours do, and those that it matters to:
/// [`StationFlow::judged`] and [`StationFlow::outlook`]. Returns the ranks of all that may have changed.
///
/// Who offers parts follows from each station alone; who takes them, and who is to blame for what is not taken, from the
/// line's ends to its entries; who is to blame for what does not come, from its entries to its ends. So each station is
/// looked at once each way.
pub(crate) fn look_about(
    model: &FlowModel,
    stations: &mut [StationFlow],
    told: BTreeSet<usize>,
    is_planned: bool,
    at: Timestamp,
) -> BTreeSet<usize> {
    let ranks = |places: &[usize]| places.iter().map(|&place| model.rank[place]).collect::<Vec<_>>();
    let mut queue = told.clone();
    for rank in told {
        let place = model.order[rank];
        let offers = stations[place].offers(model.places[place].kind);
        if std::mem::replace(&mut stations[place].outlook.offers, offers) != offers {
            queue.extend(ranks(&model.places[place].downstream));
        }
    }
    let mut seen = BTreeSet::new();
    while let Some(rank) = queue.pop_last() {
        let place = model.order[rank];
        let judged = judge(model, stations, place, is_planned, at);
        let (takes, holdup) = takes(model, stations, place, judged.activity);
        let station = &mut stations[place];
        station.judged = judged;
        if (station.outlook.takes, station.outlook.holdup) != (takes, holdup) {
            (station.outlook.takes, station.outlook.holdup) = (takes, holdup);
            queue.extend(ranks(&model.places[place].upstream).into_iter().filter(|&before| before < rank));
        }
        seen.insert(rank);
    }
    queue.clone_from(&seen);
    while let Some(rank) = queue.pop_first() {
        let place = model.order[rank];
        let before = model.places[place].upstream.first().map(|&before| stations[before].outlook.dearth);
        let station = &mut stations[place];
        let dearth = match (model.places[place].kind, &mut station.judged.activity, before) {
            (PlaceKind::Cycles, Activity::Lost(Loss::Starved(root)), before) => {
                *root = before.unwrap_or(*root);
                *root
            }
            (PlaceKind::Buffer, _, Some(before)) => before,
            _ => itself(place),
        };
        if std::mem::replace(&mut station.outlook.dearth, dearth) != dearth {
            queue.extend(ranks(&model.places[place].downstream).into_iter().filter(|&next| next > rank));
        }
        seen.insert(rank);
    }
    seen
}

/// Whether a station that does that could take a part, and who is to blame if it cannot.
fn takes(model: &FlowModel, stations: &[StationFlow], place: usize, activity: Activity) -> (bool, Source) {
    match (model.places[place].kind, activity) {
        // That a buffer is full shows at the station before it, whose part stays.
        (PlaceKind::Buffer | PlaceKind::Utility, _) => {
            let next = model.places[place].downstream.first().map(|&next| stations[next].outlook);
            (true, next.filter(|next| !next.takes).map_or(itself(place), |next| next.holdup))
        }
        (_, Activity::Handover | Activity::Lost(Loss::Starved(_) | Loss::Idle)) => (true, itself(place)),
        (_, Activity::Lost(Loss::Blocked(root))) => (false, root),
        (_, Activity::Working | Activity::Lost(_)) => (false, itself(place)),
    }
}

/// What a station is doing. Whom it is starved by is only known when those upstream are judged.
fn judge(model: &FlowModel, stations: &[StationFlow], place: usize, is_planned: bool, at: Timestamp) -> Judged {
    let station = &stations[place];
    let lost = |loss| Judged::plain(Activity::Lost(loss));
    if !station.watch.is_seen() {
        return lost(Loss::Unseen);
    }
    if station.watch.is_working() && !station.watch.is_faulted() {
        return Judged::plain(Activity::Working);
    }
    if !is_planned {
        return lost(Loss::Break);
    }
    if station.watch.is_faulted() {
        return lost(Loss::Down(station.reason));
    }
    if !station.has_cycled {
        return lost(Loss::Idle);
    }
    let release = if station.watch.holds_part() { release(model, stations, place, at) } else { Release::Done };
    match release {
        _ if station.is_set_up => lost(Loss::Changeover),
        Release::Blocked { by, root } => Judged::waiting(Loss::Blocked(root), by),
        Release::Done => free(model, stations, place, at),
        Release::Until(deadline) => {
            let free = free(model, stations, place, at);
            Judged { deadline: Some(free.deadline.map_or(deadline, |other| other.min(deadline))), ..free }
        }
    }
}

/// What becomes of a finished part.
enum Release {
    /// It has gone, or goes at once.
    Done,
    /// It goes into a buffer, unless it is still there then.
    Until(Timestamp),
    Blocked {
        by: Source,
        root: Source,
    },
}

fn release(model: &FlowModel, stations: &[StationFlow], place: usize, at: Timestamp) -> Release {
    let downstream = &model.places[place].downstream;
    let Some(&first) = downstream.first() else { return Release::Done };
    if let Some(&buffer) = downstream.iter().find(|&&next| model.places[next].kind == PlaceKind::Buffer) {
        let deadline =
            stations[place].done_since.unwrap_or(at).plus_nanos(stations[place].handovers[0].usual().limit_ns);
        return match at < deadline {
            true => Release::Until(deadline),
            false => Release::Blocked { by: itself(buffer), root: stations[buffer].outlook.holdup },
        };
    }
    if downstream.iter().any(|&next| stations[next].outlook.takes) {
        return Release::Done;
    }
    Release::Blocked { by: itself(first), root: stations[first].outlook.holdup }
}

/// A station that could work on a part, if one came.
fn free(model: &FlowModel, stations: &[StationFlow], place: usize, at: Timestamp) -> Judged {
    let station = &stations[place];
    let upstream = &model.places[place].upstream;
    let is_offered = upstream.is_empty() || upstream.iter().any(|&before| stations[before].outlook.offers);
    let deadline = |ready: Ready| ready.since.plus_nanos(station.usual(upstream.is_empty(), ready).limit_ns);
    // A part that is no longer offered may be on its way in: the begin of work on it is seen later.
    let under_way = station.judged.ready.filter(|&ready| is_offered || at < deadline(ready));
    let Some(ready) = under_way.or_else(|| is_offered.then(|| station.ready_now(at))) else {
        let first = upstream.first().map_or(Source::Supply, |&first| itself(first));
        return Judged::waiting(Loss::Starved(first), first);
    };
    let judged = match (at < deadline(ready), upstream.is_empty()) {
        (true, _) => Judged { deadline: Some(deadline(ready)), ..Judged::plain(Activity::Handover) },
        (false, true) => Judged::waiting(Loss::Starved(Source::Supply), Source::Supply),
        (false, false) => Judged::plain(Activity::Lost(Loss::Held(station.reason))),
    };
    Judged { ready: Some(ready), ..judged }
}
