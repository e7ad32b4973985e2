use serde::{Deserialize, Serialize};
use telemetry::{InterventionKind, Timestamp};

use crate::changeover::Changeovers;
use crate::handover::{Handovers, Usual};
use crate::judge::{Judged, Ready};
use crate::ledger::Ledger;
use crate::model::PlaceKind;
use crate::{Activity, Loss, Source, StateWatch, StationState};

/// All that is remembered of one station's flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StationFlow {
    pub(crate) watch: StateWatch,
    /// Whether a cycle has begun since it came into sight; before that nothing tells what it waits for.
    pub(crate) has_cycled: bool,
    /// Whether a buffer has parts.
    pub(crate) has_parts: bool,
    pub(crate) activity: Activity,
    /// What it was last seen to do.
    pub(crate) judged: Judged,
    /// The state that a person sees.
    pub(crate) shown: StationState,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Up to when its time is accounted for.
    pub(crate) accounted: Timestamp,
    /// Since when its finished part could go into a buffer.
    pub(crate) done_since: Option<Timestamp>,
    /// The deadline that the tracker waits for.
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) outlook: Outlook,
    /// What was reported or seen to be done since its last cycle began.
    pub(crate) reason: Option<InterventionKind>,
    /// Whether it is being set up for another variant, as was reported.
    pub(crate) is_set_up: bool,
    /// Of parts that were waiting, and of parts that came while it waited.
    pub(crate) handovers: [Handovers; 2],
    pub(crate) ledger: Ledger,
    /// Time that it was held or set up since its last cycle, nanoseconds.
    pub(crate) held_ns: i64,
    /// Of this, what stands as held in this ledger.
    pub(crate) held_in_ledger_ns: i64,
    /// The same of the gap before the cycle under way.
    pub(crate) gap: (i64, i64),
    pub(crate) last_variant: Option<u16>,
    pub(crate) changeovers: Changeovers,
}

/// What a station is to its neighbours at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outlook {
    /// It has a finished part to give.
    pub(crate) offers: bool,
    /// It could take a part.
    pub(crate) takes: bool,
    /// Who is to blame if it offers none.
    pub(crate) dearth: Source,
    /// Who is to blame if it takes none.
    pub(crate) holdup: Source,
}

/// More than this at once is a clock that leapt and not time that anything took; the next look at the clock begins the
/// period anew.
const LEAP_NS: i64 = 400 * 86_400 * 1_000_000_000;

impl StationFlow {
    pub(crate) fn new(place: usize, variants: usize) -> Self {
        let itself = Source::Station(plant::StationId(place as u16));
        Self {
            watch: StateWatch::new(),
            has_cycled: false,
            has_parts: false,
            activity: Activity::Lost(Loss::Unseen),
            judged: Judged::plain(Activity::Lost(Loss::Unseen)),
            shown: StationState::Unknown,
            since: Timestamp::EPOCH,
            accounted: Timestamp::EPOCH,
            done_since: None,
            deadline: None,
            outlook: Outlook { offers: false, takes: false, dearth: itself, holdup: itself },
            reason: None,
            is_set_up: false,
            handovers: Default::default(),
            ledger: Ledger::new(variants),
            held_ns: 0,
            held_in_ledger_ns: 0,
            gap: (0, 0),
            last_variant: None,
            changeovers: Changeovers::default(),
        }
    }

    /// Whether it has a finished part to give.
    pub(crate) fn offers(&self, kind: PlaceKind) -> bool {
        match kind {
            PlaceKind::Cycles => {
                let is_done = self.watch.holds_part() && !self.watch.is_working();
                is_done && !self.watch.is_faulted() && self.watch.is_seen() && self.has_cycled
            }
            PlaceKind::Buffer => self.has_parts,
            PlaceKind::Utility => false,
        }
    }

    /// Its time up to that moment goes into what it is doing. Returns the moment, not before what is accounted for.
    pub(crate) fn account(&mut self, at: Timestamp) -> Timestamp {
        let at = at.max(self.accounted);
        let nanos = at.as_nanos().saturating_sub(self.accounted.as_nanos()).min(LEAP_NS);
        self.ledger.spend(self.activity, nanos);
        match self.activity {
            Activity::Lost(Loss::Held(_)) => {
                self.held_ns += nanos;
                self.held_in_ledger_ns += nanos;
            }
            Activity::Lost(Loss::Changeover) => self.held_ns += nanos,
            _ => {}
        }
        self.accounted = at;
        at
    }

    /// What is usual for a handover into it.
    pub(crate) fn usual(&self, is_entry: bool, ready: Ready) -> Usual {
        let handovers = &self.handovers[usize::from(ready.part_came)];
        if is_entry { handovers.at_entry() } else { handovers.usual() }
    }

    /// It is free, and a part is there from now on.
    pub(crate) fn ready_now(&self, at: Timestamp) -> Ready {
        Ready { since: at, part_came: matches!(self.judged.activity, Activity::Lost(Loss::Starved(_))) }
    }

    /// The handover under way has taken longer than it may: what it took beyond what is usual was lost.
    pub(crate) fn exceed_handover(&mut self, loss: Loss, usual: Usual) {
        let late_ns = usual.limit_ns - usual.usual_ns;
        self.ledger.turn_handover_into(loss, late_ns);
        if matches!(loss, Loss::Held(_)) {
            self.held_ns += late_ns;
            self.held_in_ledger_ns += late_ns;
        }
    }

    /// Work on a part begins: what is known of the time since the last one is kept for when its variant is known.
    pub(crate) fn begin(&mut self, at: Timestamp) {
        if let Some(Ready { since, part_came }) = self.judged.ready.take() {
            let nanos = at.as_nanos().saturating_sub(since.as_nanos()).max(0);
            self.handovers[usize::from(part_came)].learn(nanos);
        }
        self.has_cycled = true;
        self.done_since = None;
        self.account(at);
        self.gap = (std::mem::take(&mut self.held_ns), std::mem::take(&mut self.held_in_ledger_ns));
        self.reason = None;
        self.is_set_up = false;
    }

    /// A part of a variant is made. If it is the first of that variant, what the gap before it cost was a changeover.
    pub(crate) fn made(&mut self, variant: Option<u16>) {
        let (gap_ns, in_ledger_ns) = std::mem::take(&mut self.gap);
        let Some(variant) = variant else { return };
        let Some(last) = self.last_variant.replace(variant).filter(|&last| last != variant) else { return };
        self.changeovers.add(last, variant, gap_ns as f64 / crate::kpi::NANOS);
        self.ledger.turn_into_changeover(in_ledger_ns);
    }
}
