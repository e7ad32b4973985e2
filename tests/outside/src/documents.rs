//! Texts that people write, and messages between the daemon and its clients.

use std::fmt::Debug;

use contract::{
    AuditV1, CommandReplyV1, CommandV1, EventV1, LineV1, LoginV1, Message, PartV1, ReplayCommandV1, StateV1,
};
use plant::{Files, Overrides};
use serde::de::DeserializeOwned;
use telemetry::Command;
use web::Users;

use crate::as_text;

/// Before each file of a configuration, its name stands on a line of its own behind this.
const FILE_MARK: &str = "=== ";

/// A folder of a configuration: each file behind a line such as `=== plant.toml`. What stands behind `=== environment` and
/// `=== command line` is a setting a line over the files.
pub(crate) fn configuration(bytes: &[u8]) {
    as_text(bytes, |text| {
        let (mut files, mut overrides) = (Vec::new(), Overrides::default());
        for (name, text) in text.split(FILE_MARK).filter_map(|file| file.split_once('\n')) {
            match name {
                "environment" => {
                    let settings = text.lines().filter_map(|line| line.split_once('='));
                    overrides.environment.extend(settings.map(|(key, value)| (key.to_owned(), value.to_owned())));
                }
                "command line" => overrides.set.extend(text.lines().map(str::to_owned)),
                _ => files.push((name, text)),
            }
        }
        let _ = plant::load(&Files::from_pairs(files), &overrides);
    });
}

/// The file with those who may log in.
pub(crate) fn users(bytes: &[u8]) {
    as_text(bytes, |text| {
        if let Ok(users) = Users::parse(text) {
            assert_eq!(Users::parse(&users.to_toml()).as_ref(), Ok(&users));
        }
    });
}

/// A command over MQTT or HTTP.
pub(crate) fn command(bytes: &[u8]) {
    match CommandV1::from_json(bytes) {
        Ok(command) => {
            let again = CommandV1::from_json(command.to_json().as_bytes());
            assert_eq!(again.ok().as_ref(), Some(&command));
            let _ = Command::try_from(command);
        }
        Err(error) => {
            let _ = CommandReplyV1::refused(bytes, error.to_string()).to_json();
        }
    }
}

/// A line of one of the daemon's files, or the body of a request: as each message that something reads again.
pub(crate) fn messages(bytes: &[u8]) {
    // What a number of JSON is as a float may be written in another way; the second time it is the same.
    stays_the_same::<EventV1>(bytes);
    stays_the_same::<PartV1>(bytes);
    stays_the_same::<AuditV1>(bytes);
    stays_the_same::<LoginV1>(bytes);
    stays_the_same::<ReplayCommandV1>(bytes);
    stays_the_same::<StateV1>(bytes);
    stays_the_same::<LineV1>(bytes);
}

fn stays_the_same<T: Message + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Ok(message) = serde_json::from_slice::<T>(bytes) else { return };
    let told = message.to_json();
    match serde_json::from_str::<T>(&told) {
        Ok(again) => assert_eq!(again.to_json(), told),
        Err(error) => panic!("{told} was written and cannot be read: {error}"),
    }
}
