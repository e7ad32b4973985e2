//! What the line is planned to do: when it works, and how long a part may take.

use std::collections::BTreeMap;

use jiff::civil::{Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::StationId;
use crate::entries::Entries;
use crate::keys::{CalendarKeys, ShiftKeys, StationKeys, VariantKeys};
use crate::problem::Findings;
use crate::tree::{Tree, child};

/// What the line is planned to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// When the line works; `None`: always, in shifts of [`crate::Detection::shift_h`] that follow each other from
    /// midnight UTC.
    pub calendar: Option<Calendar>,
    /// Cycle times that a variant has by design other than [`crate::Station::ideal_cycle_s`], seconds, by station and by
    /// index into [`crate::Plant::variants`].
    pub variant_cycle_s: BTreeMap<(StationId, usize), f64>,
}

/// When the line works.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Whose clock the shifts follow. Of the database that is part of the program, so that every machine agrees.
    pub time_zone: TimeZone,
    /// The shifts, in configuration order; no two are at the same time.
    pub shifts: Vec<Shift>,
}

/// A shift, as it comes again each week.
#[derive(Debug, Clone, PartialEq)]
pub struct Shift {
    /// Its name, unique in the calendar.
    pub name: String,
    /// The days on which it begins.
    pub days: Vec<Weekday>,
    /// When it begins, by the clock of the time zone.
    pub start: Time,
    /// When it ends; on the next day if that is not after its start.
    pub end: Time,
    /// Its breaks, in order, from and to; one before the shift's start is on the next day.
    pub breaks: Vec<(Time, Time)>,
    /// Good parts it is to make, by index into [`crate::Plant::variants`].
    pub planned_output: BTreeMap<usize, u32>,
}

const MINUTES_PER_DAY: i32 = 24 * 60;
const MINUTES_PER_WEEK: i32 = 7 * MINUTES_PER_DAY;

/// Minutes from the start of a shift to a time of day in it, 0 to 1439.
fn minutes_after(start: Time, time: Time) -> i32 {
    let minutes = |time: Time| i32::from(time.hour()) * 60 + i32::from(time.minute());
    (minutes(time) - minutes(start)).rem_euclid(MINUTES_PER_DAY)
}

/// Minutes that a shift lasts by the clock, 1 to 1440.
fn length_minutes(start: Time, end: Time) -> i32 {
    match minutes_after(start, end) {
        0 => MINUTES_PER_DAY,
        minutes => minutes,
    }
}

/// Checks the plan and resolves the names in it.
pub(crate) fn resolve(
    calendar: Option<&CalendarKeys>,
    stations: &Entries<StationKeys>,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> Plan {
    let mut variant_cycle_s = BTreeMap::new();
    for (index, entry, keys) in stations.sound() {
        for (name, &seconds) in &keys.variant_cycle_s {
            let place = tree.place(&child(&format!("{}/variant_cycle_s", entry.pointer), name));
            if keys.ideal_cycle_s.is_none() {
                findings.add(place, "is set for a station without cycles", "no such key here");
            } else if let Some(variant) = variants.find(name, place, findings) {
                variant_cycle_s.insert((StationId(index as u16), variant), seconds);
            }
        }
    }
    let calendar = calendar.and_then(|keys| resolve_calendar(keys, variants, tree, findings));
    Plan { calendar, variant_cycle_s }
}

fn resolve_calendar(
    keys: &CalendarKeys,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> Option<Calendar> {
    let time_zone = time_zone(&keys.time_zone, tree, findings);
    let mut shifts: Vec<Shift> = Vec::new();
    for (index, shift) in keys.shift.iter().enumerate() {
        let pointer = format!("/calendar/shift/{index}");
        if shifts.iter().any(|known| known.name == shift.name) {
            let message = format!("{:?} is already the name of another shift", shift.name);
            findings.add(tree.place(&format!("{pointer}/name")), message, "a name of its own");
        }
        shifts.push(Shift {
            name: shift.name.clone(),
            days: shift.days.iter().map(|day| day.weekday()).collect(),
            start: time_of_day(&shift.start)?,
            end: time_of_day(&shift.end)?,
            breaks: breaks(shift, &pointer, tree, findings)?,
            planned_output: planned_output(shift, &pointer, variants, tree, findings),
        });
    }
    report_overlaps(&shifts, tree, findings);
    Some(Calendar { time_zone: time_zone?, shifts })
}

fn time_zone(name: &str, tree: &Tree, findings: &mut Findings) -> Option<TimeZone> {
    let database = TimeZoneDatabase::bundled();
    let found = database.get(name).ok();
    if found.is_none() {
        let known: Vec<_> = database.available().collect();
        let known = known.iter().map(|name| name.as_str());
        findings.add_unknown(tree.place("/calendar/time_zone"), name, "time zone of the IANA database", known);
    }
    found
}

/// The schema has checked its form.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn breaks(shift: &ShiftKeys, pointer: &str, tree: &Tree, findings: &mut Findings) -> Option<Vec<(Time, Time)>> {
    let (start, end) = (time_of_day(&shift.start)?, time_of_day(&shift.end)?);
    let length = length_minutes(start, end);
    let (mut breaks, mut free_from) = (Vec::new(), 0);
    for (index, text) in shift.breaks.iter().enumerate() {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (time_of_day(from)?, time_of_day(to)?);
        let begin = minutes_after(start, from);
        let end = begin + length_minutes(from, to);
        let place = || tree.place(&format!("{pointer}/breaks/{index}"));
        if end > length {
            let message = format!("{text:?} is not within the shift from {} to {}", shift.start, shift.end);
            findings.add(place(), message, "a break within its shift");
        } else if begin < free_from {
            findings.add(place(), format!("{text:?} begins before the break before it ends"), "breaks in order");
        }
        free_from = end;
        breaks.push((from, to));
    }
    Some(breaks)
}

fn planned_output(
    shift: &ShiftKeys,
    pointer: &str,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> BTreeMap<usize, u32> {
    let place = |name: &String| tree.place(&child(&format!("{pointer}/planned_output"), name));
    let planned = shift.planned_output.iter();
    planned.filter_map(|(name, &parts)| Some((variants.find(name, place(name), findings)?, parts))).collect()
}

/// Reports shifts of which one begins before another has ended, a week being a circle.
fn report_overlaps(shifts: &[Shift], tree: &Tree, findings: &mut Findings) {
    let mut weekly: Vec<(i32, i32, usize)> = Vec::new();
    for (index, shift) in shifts.iter().enumerate() {
        let begin = |day: &Weekday| {
            i32::from(day.to_monday_zero_offset()) * MINUTES_PER_DAY + minutes_after(Time::midnight(), shift.start)
        };
        let length = length_minutes(shift.start, shift.end);
        weekly.extend(shift.days.iter().map(begin).map(|begin| (begin, begin + length, index)));
    }
    weekly.sort_unstable();
    let next = weekly.iter().skip(1).copied();
    let again = weekly.first().map(|&(begin, end, index)| (begin + MINUTES_PER_WEEK, end, index));
    for (&(_, end, earlier), (begin, _, later)) in weekly.iter().zip(next.chain(again)) {
        if begin < end {
            let place = tree.place(&format!("/calendar/shift/{later}/start"));
            let message = format!("{:?} begins before {:?} has ended", shifts[later].name, shifts[earlier].name);
            findings.add(place, message, "one shift at a time");
        }
    }
}
