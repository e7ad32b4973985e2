use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use telemetry::SignalId;

use crate::entries::Entries;
use crate::keys::{LimitKeys, LinkKeys, VariantKeys};
use crate::named::{NAME_WORDS, Named, is_name};
use crate::problem::{Findings, Place};
use crate::sampling::{DEADBAND_WORDS, Deadband, Sampling};
use crate::stations::StationEntries;
use crate::tags::{TagLists, TagRow};
use crate::tree::Tree;
use crate::{DataType, Limit, Origin, Role, Signal, StationId, WordOrder};

/// How long a signal may be silent that must not be silent for ever, seconds.
const STALE_AFTER_S: std::ops::RangeInclusive<f64> = 1.0..=604_800.0;

/// What the rows of the tag lists say, as far as it can be read.
pub(crate) struct Signals {
    /// The signals that are not broken, by id; sorted by station, then name.
    pub(crate) sound: Vec<Signal>,
    /// Every path that a row has, sound or not, with its place.
    paths: BTreeMap<String, Origin>,
}

impl Signals {
    /// The signal of that path, if it is sound; a path that no row has is reported at `place`.
    pub(crate) fn find(&self, path: &str, tags: &TagLists, place: Place, findings: &mut Findings) -> Option<&Signal> {
        if tags.whole && !self.paths.contains_key(path) {
            let known = self.paths.keys().map(String::as_str);
            findings.add_unknown(place, path, "signal of this plant", known);
        }
        self.sound.iter().find(|signal| signal.path == path)
    }
}

/// Checks every row and builds the signals.
pub(crate) fn resolve(
    tags: &TagLists,
    stations: &StationEntries,
    links: &Entries<LinkKeys>,
    findings: &mut Findings,
) -> Signals {
    let mut paths = BTreeMap::new();
    let mut sound = Vec::new();
    for (place, row) in &tags.rows {
        let row = Row { place, row };
        if let Some(other) = paths.get(&row.row.signal) {
            let message = format!("{:?} is already in {other}", row.row.signal);
            findings.add(row.column("signal"), message, "each signal once");
        } else {
            paths.insert(row.row.signal.clone(), place.origin.clone());
        }
        sound.extend(row.resolve(stations, links, findings));
    }
    sound.sort_by(|a: &Signal, b| (a.station, &a.path).cmp(&(b.station, &b.path)));
    for (index, signal) in sound.iter_mut().enumerate() {
        signal.id = SignalId(index as u32);
    }
    Signals { sound, paths }
}

/// A row and its place.
struct Row<'a> {
    place: &'a Place,
    row: &'a TagRow,
}

/// What may be asked of an OPC UA server for one value, as for its link.
const SAMPLING_MS: RangeInclusive<f64> = 0.0..=3_600_000.0;
const QUEUE_SIZE: RangeInclusive<u32> = 1..=10_000;

impl Row<'_> {
    fn column(&self, name: &str) -> Place {
        Place { origin: self.place.origin.clone(), key: name.to_owned() }
    }

    /// The signal, unless something is wrong; every cell is looked at.
    fn resolve(&self, stations: &StationEntries, links: &Entries<LinkKeys>, findings: &mut Findings) -> Option<Signal> {
        let row = self.row;
        let station = self.station(stations, findings);
        let role = self.named("role", &row.role, Some(Role::Other), findings);
        let link = links.find(&row.link, self.column("link"), findings);
        let data_type = self.named::<DataType>("type", &row.data_type, None, findings);
        let word_order = self.named("order", &row.order, Some(WordOrder::default()), findings);
        let scale = self.number("scale", &row.scale, findings);
        let offset = self.number("offset", &row.offset, findings);
        let range_low = self.number("low", &row.low, findings);
        let range_high = self.number("high", &row.high, findings);
        let stale_after_s = self.number("stale_after_s", &row.stale_after_s, findings);
        if row.address.is_empty() {
            findings.add(self.column("address"), "is empty", "where the device has the value");
        }
        if scale == Some(0.0) {
            findings.add(
                self.column("scale"),
                "0 would make every value the same",
                "a number that is not 0, or nothing for 1",
            );
        }
        if stale_after_s.is_some_and(|seconds| !STALE_AFTER_S.contains(&seconds)) {
            let message = format!("{} is no such time", row.stale_after_s);
            let expected = format!("from {} s to {} s, or nothing", STALE_AFTER_S.start(), STALE_AFTER_S.end());
            findings.add(self.column("stale_after_s"), message, expected);
        }
        if let (Some(low), Some(high)) = (range_low, range_high)
            && low >= high
        {
            findings.add(self.column("low"), format!("{low} is not below high, {high}"), "the sensor's lowest value");
        }
        if !row.order.is_empty()
            && let Some(keys) = link.and_then(|link| links.get(link)?.keys.as_ref())
            && !matches!(keys, LinkKeys::Modbus(_))
            && !matches!(keys, LinkKeys::Mqtt(keys) if keys.has_order())
        {
            let message = format!("is set, but link {:?} is neither Modbus nor MQTT with binary payloads", row.link);
            findings.add(self.column("order"), message, "nothing: this protocol fixes the order");
        }
        let poll = self.poll_group(link.and_then(|link| links.get(link)?.keys.as_ref()), findings);
        let sampling = self.sampling(link.and_then(|link| links.get(link)?.keys.as_ref()), data_type, findings);
        let data_type = data_type?;
        self.check_arithmetic(data_type, findings);
        Some(Signal {
            id: SignalId(0),
            path: row.signal.clone(),
            station: StationId(station? as u16),
            role: role?,
            link: telemetry::LinkId(link? as u16),
            address: row.address.clone(),
            data_type,
            word_order: word_order?,
            poll,
            sampling,
            unit: row.unit.clone(),
            scale: scale.unwrap_or(1.0),
            offset: offset.unwrap_or(0.0),
            range_low,
            range_high,
            stale_after_s,
            origin: self.place.origin.clone(),
        })
    }

    fn station(&self, stations: &StationEntries, findings: &mut Findings) -> Option<usize> {
        let place = self.column("signal");
        match self.row.signal.split_once('/') {
            Some((station, name)) if is_name(name) => stations.find(station, place, findings),
            _ => {
                let message = format!("{:?} is not a signal path", self.row.signal);
                findings.add(place, message, format!("station/name, each a {NAME_WORDS}"));
                None
            }
        }
    }

    /// How an OPC UA server is to look at the value.
    fn sampling(&self, link: Option<&LinkKeys>, data_type: Option<DataType>, findings: &mut Findings) -> Sampling {
        let row = self.row;
        let columns = [("sampling_ms", &row.sampling_ms), ("queue", &row.queue), ("deadband", &row.deadband)];
        for (column, _) in columns.into_iter().filter(|(_, text)| !text.is_empty()) {
            if link.is_some_and(|keys| !matches!(keys, LinkKeys::Opcua(_))) {
                let message = format!("is set, but link {:?} is not OPC UA", row.link);
                findings.add(self.column(column), message, "nothing: this protocol knows no such thing");
            }
        }
        let interval_ms = self.number("sampling_ms", &row.sampling_ms, findings);
        if interval_ms.is_some_and(|ms| !SAMPLING_MS.contains(&ms)) {
            let expected =
                format!("from {} to {} ms, 0 for the server's fastest", SAMPLING_MS.start(), SAMPLING_MS.end());
            findings.add(self.column("sampling_ms"), format!("{} is no such time", row.sampling_ms), expected);
        }
        let queue_size = row.queue.parse().ok().filter(|size| QUEUE_SIZE.contains(size));
        if queue_size.is_none() && !row.queue.is_empty() {
            let expected = format!("a whole number from {} to {}", QUEUE_SIZE.start(), QUEUE_SIZE.end());
            findings.add(self.column("queue"), format!("{:?} is no length of a queue", row.queue), expected);
        }
        let deadband: Option<Deadband> = row.deadband.parse().ok();
        if deadband.is_none() && !row.deadband.is_empty() {
            findings.add(self.column("deadband"), format!("{:?} is no deadband", row.deadband), DEADBAND_WORDS);
        }
        if deadband.is_some() && matches!(data_type, Some(DataType::Bool | DataType::Text)) {
            findings.add(self.column("deadband"), "is set, but the signal is no number", "nothing");
        }
        Sampling { interval_s: interval_ms.map(|ms| ms / 1000.0), queue_size, deadband }
    }

    /// The poll group that the row names, if it names one.
    fn poll_group(&self, link: Option<&LinkKeys>, findings: &mut Findings) -> Option<String> {
        let name = &self.row.poll;
        match link? {
            _ if name.is_empty() => return None,
            LinkKeys::Modbus(keys) => {
                let known = keys.poll_groups().iter().map(|group| group.name.as_str());
                if !known.clone().any(|known| known == name) {
                    let what = format!("poll group of link {:?}", self.row.link);
                    findings.add_unknown(self.column("poll"), name, &what, known);
                }
            }
            _ => {
                let message = format!("is set, but link {:?} is not Modbus", self.row.link);
                findings.add(self.column("poll"), message, "nothing: this protocol is not polled");
            }
        }
        Some(name.clone())
    }

    /// What a cell names; `empty` is what an empty cell means.
    fn named<T: Named>(&self, column: &str, text: &str, empty: Option<T>, findings: &mut Findings) -> Option<T> {
        let named = if text.is_empty() { empty } else { T::by_name(text) };
        if named.is_none() {
            findings.add_unknown(self.column(column), text, T::WHAT, T::names());
        }
        named
    }

    /// The number in a cell, if there is one.
    fn number(&self, column: &str, text: &str, findings: &mut Findings) -> Option<f64> {
        if text.is_empty() {
            return None;
        }
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            findings.add(self.column(column), format!("{text:?} is not a number"), "a number such as -0.5, or nothing");
        }
        number
    }

    /// A text is not scaled and has no range; a condition neither.
    fn check_arithmetic(&self, data_type: DataType, findings: &mut Findings) {
        if !matches!(data_type, DataType::Bool | DataType::Text) {
            return;
        }
        let row = self.row;
        let cells =
            [("scale", &row.scale, "1"), ("offset", &row.offset, "0"), ("low", &row.low, ""), ("high", &row.high, "")];
        for (column, text, harmless) in cells {
            if !text.is_empty() && text != harmless {
                let message = format!("{text:?} means nothing for type {}", data_type.name());
                findings.add(self.column(column), message, "nothing");
            }
        }
    }
}

/// Reports stations that lack a role they need or have one twice, and links that nothing comes over.
pub(crate) fn check_coverage(
    tags: &TagLists,
    stations: &StationEntries,
    links: &Entries<LinkKeys>,
    findings: &mut Findings,
) {
    for (_, entry, keys) in stations.sound() {
        let rows =
            tags.rows.iter().filter(|(_, row)| row.signal.split_once('/').is_some_and(|(name, _)| name == entry.name));
        let mut first: BTreeMap<Role, &TagRow> = BTreeMap::new();
        let mut all_known = tags.whole;
        for (place, row) in rows {
            let Some(role) = Role::by_name(&row.role) else {
                all_known &= row.role.is_empty();
                continue;
            };
            match first.get(&role) {
                Some(other) if !role.may_repeat() && other.signal != row.signal => {
                    let place = Place { origin: place.origin.clone(), key: "role".to_owned() };
                    let message = format!("{role} of {} is already {}", entry.name, other.signal);
                    findings.add(place, message, "each role once at a station");
                }
                _ => {
                    first.insert(role, row);
                }
            }
        }
        check_alarms(&entry.name, tags, findings);
        // A role that could not be read may be the one that is missing.
        for role in keys.kind.needed_roles().iter().filter(|role| all_known && !first.contains_key(role)) {
            let kind = keys.kind.name();
            let message = format!("the {kind} {:?} has no signal in the role {role}", entry.name);
            findings.add(entry.place.clone(), message, "a row for it in a list in tags/");
        }
    }
    for entry in links.iter().filter(|entry| tags.whole && !entry.name.is_empty()) {
        if !tags.rows.iter().any(|(_, row)| row.link == entry.name) {
            let message = format!("no signal comes over the link {:?}", entry.name);
            findings.add(entry.place.clone(), message, "at least one row in a list in tags/ with this link");
        }
    }
}

/// Reports signals that say more of an alarm of a station that has no such alarm.
fn check_alarms(station: &str, tags: &TagLists, findings: &mut Findings) {
    let of_station = |row: &TagRow| row.signal.split_once('/').is_some_and(|(name, _)| name == station);
    let role = |row: &TagRow| Role::by_name(&row.role);
    let is_alarm =
        |path: &str| tags.rows.iter().any(|(_, row)| row.signal == path && role(row) == Some(Role::MachineAlarm));
    for (place, row) in tags.rows.iter().filter(|(_, row)| tags.whole && of_station(row)) {
        let Some((role, ending)) = role(row).and_then(|role| Some((role, role.of_alarm()?))) else { continue };
        if !row.signal.strip_suffix(ending).is_some_and(is_alarm) {
            let place = Place { origin: place.origin.clone(), key: "signal".to_owned() };
            let message = format!("{:?} says more of an alarm that is not there", row.signal);
            let expected = format!("the name of a signal in the role alarm with {ending} behind, for the role {role}");
            findings.add(place, message, expected);
        }
    }
}

/// Checks the limits and resolves the names in them. The limits that are not broken come back.
pub(crate) fn limits(
    entries: &Entries<LimitKeys>,
    signals: &Signals,
    tags: &TagLists,
    variants: &Entries<VariantKeys>,
    tree: &Tree,
    findings: &mut Findings,
) -> Vec<Limit> {
    let mut first = BTreeMap::new();
    let mut limits = Vec::new();
    for (_, entry, keys) in entries.sound() {
        let place = |key: &str| tree.place(&format!("{}/{key}", entry.pointer));
        let variant = keys.variant.as_ref().map(|name| variants.find(name, place("variant"), findings));
        match (keys.low, keys.high) {
            (None, None) => findings.add(entry.place.clone(), "limits nothing", "low, high or both"),
            (Some(low), Some(high)) if low >= high => {
                findings.add(place("low"), format!("{low} is not below high, {high}"), "the lowest allowed value");
            }
            _ => {}
        }
        if let Some(other) = first.insert((&keys.signal, &keys.variant), &entry.place) {
            let message = format!("limits the same as {}, {}", other.key, other.origin);
            findings.add(entry.place.clone(), message, "one limit for each signal and variant");
        }
        let Some(signal) = signals.find(&keys.signal, tags, place("signal"), findings) else { continue };
        if matches!(signal.data_type, DataType::Bool | DataType::Text) {
            let message = format!("{:?} is of type {}, which has no limits", signal.path, signal.data_type.name());
            findings.add(place("signal"), message, "a signal with a number");
        }
        limits.push(Limit { signal: signal.id, variant: variant.flatten(), low: keys.low, high: keys.high });
    }
    limits
}
