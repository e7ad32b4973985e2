//! What differs between two configurations.

use std::collections::BTreeMap;

use plant::{DaemonSettings, Link, Origin, Plant, Signal, StationId};
use telemetry::{LinkId, SignalId};

use crate::setup::Setup;

/// Why a configuration can be taken over at a restart only.
pub(super) fn must_restart(before: &Setup, after: &Setup) -> Option<String> {
    let names = |setup: &Setup| {
        let Plant { enterprise, site, area, line, .. } = &*setup.plant;
        [enterprise, site, area, line, &setup.daemon.node].map(Clone::clone).join("/")
    };
    let (before, after) = (names(before), names(after));
    (before != after).then(|| {
        format!("it is of {after}, and this daemon tells of {before}, which is part of every topic; restart the daemon")
    })
}

/// What of the daemon's own settings has changed and waits for a restart; in words for a person.
pub(super) fn waits_for_restart(before: &DaemonSettings, after: &DaemonSettings) -> Option<String> {
    let sections = [
        ("http", before.http != after.http),
        ("mqtt", before.mqtt != after.mqtt),
        ("recording", before.recording != after.recording),
        ("queue", before.queue != after.queue),
        ("parts", before.parts != after.parts),
        ("historian", before.historian != after.historian),
    ];
    let changed: Vec<&str> = sections.into_iter().filter(|(_, changed)| *changed).map(|(section, _)| section).collect();
    (!changed.is_empty())
        .then(|| format!("what has changed in linetwin.toml waits for a restart of the daemon: {}", changed.join(", ")))
}

/// For each link of a plant which one it was before, if everything about it is the same: its settings, and the tags that come
/// over it.
pub(super) fn kept_links(before: &Plant, after: &Plant) -> Vec<Option<LinkId>> {
    let is_same = |old: &Link, new: &Link| {
        old.name == new.name && old.settings == new.settings && tags(before, old.id) == tags(after, new.id)
    };
    let old_of = |new: &Link| before.links.iter().find(|old| is_same(old, new)).map(|old| old.id);
    after.links.iter().map(old_of).collect()
}

/// The signals of a link by their paths, without what only this plant's lists give them.
fn tags(plant: &Plant, link: LinkId) -> BTreeMap<&str, Signal> {
    let bare = |signal: &Signal| Signal {
        id: SignalId(0),
        station: StationId(0),
        link: LinkId(0),
        origin: Origin { file: String::new(), line: 0 },
        ..signal.clone()
    };
    let of_link = plant.signals.iter().filter(|signal| signal.link == link);
    of_link.map(|signal| (signal.path.as_str(), bare(signal))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use plant::{Files, Overrides};

    use super::*;
    use crate::example;

    /// The example configuration with a text replaced in one of its files.
    fn changed(file: &str, from: &str, to: &str) -> Setup {
        let files: Vec<(String, String)> = example::files()
            .iter()
            .map(|(name, text)| {
                let text = if name == file { text.replacen(from, to, 1) } else { text.to_owned() };
                (name.to_owned(), text)
            })
            .collect();
        assert!(files.iter().any(|(name, text)| name == file && text.contains(to)), "{file} has no {from}");
        Setup::new(Files::from_pairs(files), Overrides::default()).unwrap()
    }

    fn unchanged() -> Setup {
        Setup::new(example::files(), Overrides::default()).unwrap()
    }

    fn kept_names(after: &Setup) -> Vec<String> {
        let before = unchanged().plant;
        kept_links(&before, &after.plant).into_iter().flatten().map(|link| before.link(link).name.clone()).collect()
    }

    #[test]
    fn a_link_is_touched_if_its_settings_or_its_tags_are_others() {
        let all: Vec<String> = unchanged().plant.links.iter().map(|link| link.name.clone()).collect();
        assert_eq!(kept_names(&unchanged()), all);
        let without = |name: &str| all.iter().filter(|link| *link != name).cloned().collect::<Vec<_>>();

        let other_line = changed("plant.toml", "[[station]]", "# One more line.\n[[station]]");
        assert_eq!(kept_names(&other_line), all, "where something is written touches nothing");
        let other_address = changed("tags/weld-plc.csv", "holding:1,u16", "holding:901,u16");
        assert_eq!(kept_names(&other_address), without("weld-plc"));
    }

    #[test]
    fn the_daemon_keeps_its_names_and_says_what_waits() {
        let (before, other_line) = (unchanged(), changed("plant.toml", "line = \"", "line = \"x"));
        assert!(must_restart(&before, &other_line).unwrap().contains("restart the daemon"));
        assert_eq!(must_restart(&before, &unchanged()), None);
        let mut daemon = before.daemon.clone();
        assert_eq!(waits_for_restart(&before.daemon, &daemon), None);
        (daemon.http.port, daemon.queue.capacity) = (9, 9);
        assert!(waits_for_restart(&before.daemon, &daemon).unwrap().ends_with("http, queue"));
    }
}
