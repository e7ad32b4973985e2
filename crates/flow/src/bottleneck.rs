//! Which station holds the line up, by the active period method.
//!
//! Roser, Nakano, Tanaka, "A practical bottleneck detection method", Winter Simulation Conference 2001, and "Shifting
//! bottleneck detection", Winter Simulation Conference 2002: of the stations that are active at a moment, the momentary
//! bottleneck is the one whose uninterrupted active period is the longest, all of it, what is still to come included.
//! While two bottlenecks' periods overlap, the bottleneck shifts from one to the other; else it is the sole one. Of
//! periods of equal length the station that comes first in the configuration counts.

use std::collections::VecDeque;

use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{NANOS_PER_SECOND, Timestamp};

/// Bins of the last hour, and how long each is.
const BINS: usize = 12;
const BIN_NS: i64 = 300 * NANOS_PER_SECOND;

/// An uninterrupted time in which a station was active, in nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Active {
    station: u16,
    start: i64,
    end: i64,
    /// Whether it was the longest at some moment that is final.
    reigned: bool,
}

/// How long a station was the bottleneck, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Held {
    sole: i64,
    shifting: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bin {
    start: i64,
    held: Vec<Held>,
}

/// Follows the bottleneck of a line.
///
/// A moment is final when every active period about it has ended. What is final is added up; of what is not, only periods
/// are kept that no longer one covers: at most two a station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bottlenecks {
    /// Since when a station is active.
    open: Vec<Option<i64>>,
    /// Ended, not final, none within another; by start, which is also by end.
    ended: Vec<Active>,
    final_to: i64,
    now: i64,
    bins: VecDeque<Bin>,
    since: i64,
    /// Since that moment.
    held: Vec<Held>,
}

/// How much of a time a station was the bottleneck, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BottleneckShare {
    /// The station.
    pub station: StationId,
    /// As the only one.
    pub sole: f64,
    /// While the bottleneck shifted to it or away from it; both count then.
    pub shifting: f64,
}

impl BottleneckShare {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.sole + self.shifting
    }
}

/// Where the bottleneck is, and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct BottleneckView {
    /// The station that has now been active the longest without a wait.
    pub now: Option<StationId>,
    /// Shares of the last hour, largest first; its first 55 to 60 minutes, by bins of five minutes.
    pub last_hour: Vec<BottleneckShare>,
    /// Shares of the last 25 to 30 minutes of it.
    pub later_half: Vec<BottleneckShare>,
    /// Shares of the 30 minutes before these.
    pub earlier_half: Vec<BottleneckShare>,
}

impl BottleneckView {
    /// The station that was the bottleneck most in the last hour.
    pub fn primary(&self) -> Option<StationId> {
        self.last_hour.first().map(|share| share.station)
    }

    /// Where it is moving: the main bottleneck of the later half hour, if it was another one before.
    pub fn moving_to(&self) -> Option<StationId> {
        let (earlier, later) = (self.earlier_half.first()?, self.later_half.first()?);
        (earlier.station != later.station).then_some(later.station)
    }
}

impl Bottlenecks {
    /// Of so many stations, from that moment on.
    pub(crate) fn new(stations: usize, at: Timestamp) -> Self {
        let now = at.as_nanos();
        Self {
            open: vec![None; stations],
            ended: Vec::new(),
            final_to: now,
            now,
            bins: VecDeque::new(),
            since: now,
            held: vec![Held::default(); stations],
        }
    }

    /// A station begins or ends to be active. Times that go back are taken as the latest one known.
    pub(crate) fn set_active(&mut self, station: usize, active: bool, at: Timestamp) {
        if self.open[station].is_some() == active {
            return;
        }
        self.now = self.now.max(at.as_nanos());
        match (self.open[station], active) {
            (None, true) => self.open[station] = Some(self.now),
            (Some(start), false) => {
                self.open[station] = None;
                self.end(Active { station: station as u16, start, end: self.now, reigned: false });
            }
            _ => {}
        }
        if let Some(&first) = self.open.iter().flatten().min() {
            self.settle(first);
        } else {
            self.settle(self.now);
        }
    }

    /// Keeps a period that has just ended, unless a longer one covers it, and drops those that it covers.
    fn end(&mut self, period: Active) {
        let covers = |other: &Active| {
            let same = (other.start, other.end) == (period.start, period.end) && other.station > period.station;
            other.start <= period.start && other.end >= period.end && !same
        };
        // One that is still active ends later, or at the same moment.
        let goes_on = |(station, start): (usize, &Option<i64>)| {
            start.is_some_and(|start| (start, station) < (period.start, usize::from(period.station)))
        };
        let is_covered = self.open.iter().enumerate().any(goes_on) || self.ended.iter().any(covers);
        if period.start == period.end || is_covered {
            return;
        }
        self.ended.retain(|other| other.start < period.start);
        self.ended.push(period);
    }

    /// Adds up what is final, given that every period about moments before `known_to` has ended.
    fn settle(&mut self, known_to: i64) {
        let unresolved = self.ended.iter().filter(|period| period.end > known_to).map(|period| period.start).min();
        let final_to = unresolved.unwrap_or(known_to).min(known_to);
        if final_to <= self.final_to {
            return;
        }
        crown(&mut self.ended, self.final_to, known_to);
        let from = std::mem::replace(&mut self.final_to, final_to);
        let (since, held, bins) = (self.since, &mut self.held, &mut self.bins);
        for_each_reign(&self.ended, from, final_to, |station, from, to, sole| {
            add(&mut held[station], from.max(since), to, sole);
            add_to_bins(bins, held.len(), station, (from, to), sole);
        });
        self.ended.retain(|period| period.end > final_to);
        let oldest = oldest_bin(self.now);
        self.bins.retain(|bin| bin.start >= oldest);
    }

    /// What would be final if all that is active ended now.
    fn as_if_ended(&self) -> Self {
        let mut copy = self.clone();
        for station in 0..copy.open.len() {
            if let Some(start) = copy.open[station].take() {
                copy.end(Active { station: station as u16, start, end: copy.now, reigned: false });
            }
        }
        copy.settle(copy.now);
        copy
    }

    /// The shares since the last call, up to that moment, largest first; from there on they are counted anew.
    pub(crate) fn close(&mut self, at: Timestamp) -> Vec<BottleneckShare> {
        let shares = self.shares(at);
        self.now = self.now.max(at.as_nanos());
        self.since = self.now;
        self.held = vec![Held::default(); self.open.len()];
        shares
    }

    /// The shares since the last call of [`Self::close`], up to that moment, largest first.
    pub(crate) fn shares(&self, at: Timestamp) -> Vec<BottleneckShare> {
        let mut copy = self.clone();
        copy.now = copy.now.max(at.as_nanos());
        shares(&copy.as_if_ended().held, copy.now - copy.since)
    }

    /// Where the bottleneck is at that moment, and where it goes.
    pub(crate) fn view(&self, at: Timestamp) -> BottleneckView {
        let mut copy = self.clone();
        copy.now = copy.now.max(at.as_nanos());
        let ended = copy.as_if_ended();
        let oldest = oldest_bin(copy.now);
        let half = oldest + BIN_NS * BINS as i64 / 2;
        let sum = |from: i64, to: i64| {
            let mut held = vec![Held::default(); copy.open.len()];
            for bin in ended.bins.iter().filter(|bin| (from..to).contains(&bin.start)) {
                for (sum, bin) in held.iter_mut().zip(&bin.held) {
                    sum.sole += bin.sole;
                    sum.shifting += bin.shifting;
                }
            }
            shares(&held, to.min(copy.now) - from)
        };
        let open = self.open.iter().enumerate().filter_map(|(station, start)| Some((start.as_ref()?, station)));
        BottleneckView {
            now: open.min().map(|(_, station)| StationId(station as u16)),
            last_hour: sum(oldest, i64::MAX),
            later_half: sum(half, i64::MAX),
            earlier_half: sum(oldest, half),
        }
    }
}

/// The start of the oldest bin of the hour before `now`.
fn oldest_bin(now: i64) -> i64 {
    now.div_euclid(BIN_NS).saturating_sub(BINS as i64 - 1).saturating_mul(BIN_NS)
}

/// Marks the periods that are the longest at some moment between two.
fn crown(periods: &mut [Active], from: i64, to: i64) {
    // Those about a moment stand next to each other; those of them that may still become the longest, longest first.
    let mut longest: VecDeque<usize> = VecDeque::new();
    let key = |period: &Active| (period.end - period.start, std::cmp::Reverse(period.station));
    for place in 0..periods.len() {
        let (start, next) = (periods[place].start, periods.get(place + 1).map_or(i64::MAX, |next| next.start));
        while longest.back().is_some_and(|&back| key(&periods[back]) < key(&periods[place])) {
            longest.pop_back();
        }
        longest.push_back(place);
        // From this start to the next, or until all of them have ended.
        let mut at = start;
        while let Some(&front) = longest.front().filter(|_| at < next) {
            let end = periods[front].end.min(next);
            if at.max(from) < end.min(to) {
                periods[front].reigned = true;
            }
            at = at.max(end);
            if periods[front].end <= at {
                longest.pop_front();
            }
        }
    }
}

/// Calls `take` with station, begin, end and whether it was the sole one, for each time between two moments in which a
/// period that is the longest at some moment was a bottleneck.
fn for_each_reign(periods: &[Active], from: i64, to: i64, mut take: impl FnMut(usize, i64, i64, bool)) {
    let mut reigning = periods.iter().filter(|period| period.reigned).peekable();
    let mut end_before = i64::MIN;
    while let Some(period) = reigning.next() {
        let next_start = reigning.peek().map_or(i64::MAX, |next| next.start);
        let sole = (period.start.max(end_before), period.end.min(next_start));
        let mut tell = |(begin, end): (i64, i64), is_sole| {
            let (begin, end) = (begin.max(from), end.min(to));
            if begin < end {
                take(usize::from(period.station), begin, end, is_sole);
            }
        };
        if sole.0 < sole.1 {
            tell((period.start, sole.0), false);
            tell(sole, true);
            tell((sole.1, period.end), false);
        } else {
            tell((period.start, period.end), false);
        }
        end_before = period.end;
    }
}

fn add(held: &mut Held, from: i64, to: i64, sole: bool) {
    let nanos = (to - from).max(0);
    if sole { held.sole += nanos } else { held.shifting += nanos }
}

fn add_to_bins(bins: &mut VecDeque<Bin>, stations: usize, station: usize, (from, to): (i64, i64), sole: bool) {
    let first = from.max(oldest_bin(to)).div_euclid(BIN_NS);
    for number in first..=(to - 1).div_euclid(BIN_NS) {
        let start = number * BIN_NS;
        let place = bins.partition_point(|bin| bin.start < start);
        if bins.get(place).is_none_or(|bin| bin.start != start) {
            bins.insert(place, Bin { start, held: vec![Held::default(); stations] });
        }
        if let Some(held) = bins.get_mut(place).and_then(|bin| bin.held.get_mut(station)) {
            add(held, from.max(start), to.min(start + BIN_NS), sole);
        }
    }
    while bins.len() > BINS {
        bins.pop_front();
    }
}

fn shares(held: &[Held], span_ns: i64) -> Vec<BottleneckShare> {
    let share = |nanos: i64| if span_ns > 0 { nanos as f64 / span_ns as f64 } else { 0.0 };
    let mut shares: Vec<BottleneckShare> = held
        .iter()
        .enumerate()
        .filter(|(_, held)| held.sole + held.shifting > 0)
        .map(|(station, held)| BottleneckShare {
            station: StationId(station as u16),
            sole: share(held.sole),
            shifting: share(held.shifting),
        })
        .collect();
    shares.sort_by(|one, other| other.total().total_cmp(&one.total()));
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kpi::NANOS;

    const SECOND: i64 = NANOS_PER_SECOND;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * SECOND)
    }

    /// The definition itself, over a whole log: at each second the longest of the periods about it, and which of those
    /// that are ever the longest are about it.
    fn by_definition(periods: &[Active], stations: usize, end: i64) -> Vec<Held> {
        let about = |second: i64| periods.iter().filter(move |period| (period.start..period.end).contains(&second));
        let longest = |second: i64| {
            about(second).max_by_key(|period| (period.end - period.start, std::cmp::Reverse(period.station)))
        };
        let reigning: Vec<&Active> = (0..end).filter_map(longest).collect();
        let mut held = vec![Held::default(); stations];
        for second in 0..end {
            let now: Vec<_> = about(second).filter(|period| reigning.contains(period)).collect();
            for period in &now {
                add(&mut held[usize::from(period.station)], 0, SECOND, now.len() == 1);
            }
        }
        held
    }

    /// Ends and begins of random activity: for each station, lengths of time active and not.
    fn logs() -> impl Strategy<Value = Vec<Vec<(i64, i64)>>> {
        let station = proptest::collection::vec((1..12_i64, 1..60_i64), 1..12);
        proptest::collection::vec(station, 1..6)
    }

    fn periods(logs: &[Vec<(i64, i64)>]) -> Vec<Active> {
        let of = |(station, log): (usize, &Vec<(i64, i64)>)| {
            let mut now = 0;
            let mut one = move |&(wait, work): &(i64, i64)| {
                let start = now + wait;
                now = start + work;
                Active { station: station as u16, start, end: now, reigned: false }
            };
            log.iter().map(&mut one).collect::<Vec<_>>()
        };
        logs.iter().enumerate().flat_map(of).collect()
    }

    #[test]
    fn the_figure_of_two_overlapping_bottlenecks() {
        // Station 0 for 10 s, station 1 from 8 to 22, station 2 shortly within: sole, shifting for 2 s, sole.
        let mut watch = Bottlenecks::new(3, at(0));
        for (second, station, active) in
            [(0, 0, true), (3, 2, true), (6, 2, false), (8, 1, true), (10, 0, false), (22, 1, false)]
        {
            watch.set_active(station, active, at(second));
        }
        let held = |sole: i64, shifting: i64| Held { sole: sole * SECOND, shifting: shifting * SECOND };
        assert_eq!(watch.held, [held(8, 2), held(12, 2), held(0, 0)]);
    }

    #[test]
    fn the_hour_shows_where_the_bottleneck_moves() {
        let mut watch = Bottlenecks::new(2, at(0));
        for minute in 0..60 {
            let busy = usize::from(minute >= 35);
            for (station, work_s) in [(busy, 55), (1 - busy, 40)] {
                watch.set_active(station, true, at(minute * 60));
                watch.set_active(station, false, at(minute * 60 + work_s));
            }
        }
        let view = watch.view(at(3600));
        assert_eq!(view.moving_to(), Some(StationId(1)));
        assert_eq!(view.now, None);
        assert_eq!(view.primary(), Some(StationId(0)), "35 of 60 minutes: {view:?}");
    }

    proptest! {
        #[test]
        fn what_is_added_up_is_the_definition_over_the_whole_log(logs in logs()) {
            let all = periods(&logs);
            let end = all.iter().map(|period| period.end).max().unwrap_or(0);
            let mut events: Vec<(i64, bool, usize)> = all
                .iter()
                .flat_map(|period| {
                    let station = usize::from(period.station);
                    [(period.start, true, station), (period.end, false, station)]
                })
                .collect();
            events.sort_unstable();
            let mut watch = Bottlenecks::new(logs.len(), at(0));
            for &(second, active, station) in &events {
                watch.set_active(station, active, at(second));
                prop_assert!(watch.ended.len() <= 2 * logs.len(), "{watch:?}");
            }
            let expected = by_definition(&all, logs.len(), end);
            prop_assert_eq!(&watch.held, &expected);
            prop_assert_eq!(&watch.as_if_ended().held, &expected);
            // The hour holds all of it.
            let view = watch.view(at(end));
            for share in view.last_hour {
                let held = expected[share.station.index()];
                let span = (end * SECOND - oldest_bin(end * SECOND)) as f64;
                prop_assert!((share.sole * span - held.sole as f64).abs() < 1e3);
                prop_assert!((share.shifting * span - held.shifting as f64).abs() < 1e3);
            }
        }

        /// In mid-log, what is not final counts as if it ended now.
        #[test]
        fn at_any_moment_what_is_open_counts_as_if_it_ended_now(logs in logs(), cut in 1..300_i64) {
            let all = periods(&logs);
            let seen: Vec<Active> = all
                .iter()
                .filter(|period| period.start < cut)
                .map(|period| Active { end: period.end.min(cut), ..*period })
                .collect();
            let mut watch = Bottlenecks::new(logs.len(), at(0));
            let mut events: Vec<(i64, bool, usize)> = all
                .iter()
                .flat_map(|period| {
                    let station = usize::from(period.station);
                    [(period.start, true, station), (period.end, false, station)]
                })
                .filter(|&(second, ..)| second < cut)
                .collect();
            events.sort_unstable();
            for (second, active, station) in events {
                watch.set_active(station, active, at(second));
            }
            let expected = by_definition(&seen, logs.len(), cut);
            let shares = watch.shares(at(cut));
            for (station, held) in expected.iter().enumerate() {
                let share = shares.iter().find(|share| share.station.index() == station);
                let total = share.map_or(0.0, BottleneckShare::total) * (cut * SECOND) as f64 / NANOS;
                prop_assert!((total - (held.sole + held.shifting) as f64 / NANOS).abs() < 1e-6);
            }
        }
    }
}
