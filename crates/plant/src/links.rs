use std::collections::BTreeMap;

use telemetry::LinkId;

use crate::entries::{Entries, Entry};
use crate::keys::{CsvKeys, LinkKeys};
use crate::problem::Findings;
use crate::tree::Tree;
use crate::{Link, LinkSettings, modbus};

/// Checks the links against each other.
pub(crate) fn check(links: &Entries<LinkKeys>, line: &str, tree: &Tree, findings: &mut Findings) {
    links.check_unique_names(tree, findings);
    modbus::check(links, tree, findings);
    let (mut clients, mut places) = (BTreeMap::new(), BTreeMap::new());
    for (_, entry, keys) in links.sound() {
        if let LinkKeys::Opcua(keys) = keys {
            keys.check(tree, &entry.pointer, findings);
        }
        if let LinkKeys::Http(keys) = keys {
            keys.check(tree, &entry.pointer, findings);
            if let Some(other) = places.insert(keys.place(), &entry.name).filter(|other| **other != entry.name) {
                let message = format!("is the same as that of link {other:?}; only one of them can listen there");
                findings.add(
                    tree.place(&format!("{}/port", entry.pointer)),
                    message,
                    "a port of its own for each link",
                );
            }
        }
        if let LinkKeys::Csv(CsvKeys { delimiter, decimal_mark, .. }) = keys
            && delimiter == decimal_mark
        {
            let place = tree.place(&format!("{}/decimal_mark", entry.pointer));
            findings.add(place, format!("is the delimiter {delimiter:?} too"), "two that can be told apart");
        }
        let LinkKeys::Mqtt(keys) = keys else { continue };
        keys.check(tree, &entry.pointer, findings);
        let client = keys.client(&entry.name, line);
        if let Some(other) = clients.insert(client, &entry.name).filter(|other| **other != entry.name) {
            let place = tree.place(&format!("{}/client_id", entry.pointer));
            let message = format!("is the same as that of link {other:?}; the broker would let only one of them stay");
            findings.add(place, message, "a client_id of its own for each link to one broker");
        }
    }
}

/// MQTT 3.1.1 has no password without a user name.
pub(crate) fn check_login(
    tree: &Tree,
    pointer: &str,
    username: Option<&str>,
    password: Option<&str>,
    findings: &mut Findings,
) {
    if password.is_some() && username.is_none() {
        findings.add(tree.place(&format!("{pointer}/password")), "has no username", "a username with it, or neither");
    }
}

/// The number of a version of MQTT.
pub(crate) fn check_version(tree: &Tree, pointer: &str, version: Option<u8>, findings: &mut Findings) {
    if let Some(version) = version.filter(|version| ![3, 5].contains(version)) {
        let place = tree.place(&format!("{pointer}/version"));
        findings.add(place, format!("{version} is no version of MQTT"), "3, for 3.1.1, or 5");
    }
}

/// A certificate proves nothing without its key.
pub(crate) fn check_key(tree: &Tree, pointer: &str, is_half: bool, findings: &mut Findings) {
    if is_half {
        findings.add(tree.place(pointer), "has one of certificate and key", "both, or neither");
    }
}

/// The links that are not broken. Their ids are right if none is.
pub(crate) fn build(links: Entries<LinkKeys>, line: &str) -> Vec<Link> {
    let build_one = |(index, entry): (usize, Entry<LinkKeys>)| {
        let settings = match entry.keys? {
            LinkKeys::Modbus(keys) => LinkSettings::Modbus(keys.into()),
            LinkKeys::Opcua(keys) => LinkSettings::Opcua(keys.into()),
            LinkKeys::Csv(keys) => LinkSettings::Csv(keys.into()),
            LinkKeys::Http(keys) => LinkSettings::Http(keys.into()),
            LinkKeys::OpenProtocol(keys) => LinkSettings::OpenProtocol(keys.into()),
            LinkKeys::Simulated(keys) => LinkSettings::Simulated(keys.into()),
            LinkKeys::Mqtt(keys) => LinkSettings::Mqtt(keys.settings(&entry.name, line)),
        };
        Some(Link { id: LinkId(index as u16), name: entry.name, settings, origin: entry.place.origin })
    };
    links.into_iter().enumerate().filter_map(build_one).collect()
}
