//! Whom the daemon tells of its alerts, as whom, and what an earlier life has left untold.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use mqtt_client::{Broker, MqttVersion};
use notify::{Ledger, Notifier, NotifySettings, Publication, SparkplugNode, SparkplugSettings, Topics};
use tls_files::Own;

use crate::recorder::{ALERTS_FILE, events_after, last_event};
use crate::setup::Setup;

/// The file in a recording's folder that says up to which event of `alerts.jsonl` the broker has them.
const LEDGER_FILE: &str = "alerts.told";
/// The file in a recording's folder that says how often the edge node was born.
const BIRTH_NUMBER_FILE: &str = "sparkplug.bdseq";

/// The broker of the configuration.
///
/// # Errors
/// If a file for its encryption cannot be used.
pub(crate) fn broker(setup: &Setup) -> anyhow::Result<Broker> {
    let settings = &setup.daemon.mqtt;
    let tls = settings.tls.as_ref().map(|tls| {
        let own = Own::of(tls.certificate.as_deref(), tls.key.as_deref());
        tls_files::client(tls.ca.as_deref(), own).context("mqtt.tls")
    });
    let version = settings.version.map(|number| if number == 3 { MqttVersion::V3 } else { MqttVersion::V5 });
    let password = settings.password.clone().unwrap_or_default();
    Ok(Broker {
        host: settings.host.clone(),
        port: settings.port,
        version,
        login: settings.username.clone().map(|username| (username, password)),
        tls: tls.transpose()?,
    })
}

/// The broker of the configuration, for a client of that name.
///
/// # Errors
/// As [`broker`].
pub(crate) fn settings(setup: &Setup, client_id: String) -> anyhow::Result<NotifySettings> {
    Ok(NotifySettings {
        broker: broker(setup)?,
        client_id,
        node: setup.daemon.node.clone(),
        retain: true,
        history_after: Some(NotifySettings::HISTORY_AFTER),
        farewell: NotifySettings::FAREWELL,
    })
}

/// The edge node that tells the line, if there is to be one.
///
/// # Errors
/// As [`broker`].
pub(crate) fn sparkplug(setup: &Setup) -> anyhow::Result<Option<SparkplugNode>> {
    let settings = &setup.daemon.mqtt;
    let Some(sparkplug) = settings.sparkplug.as_ref().filter(|_| settings.enabled) else { return Ok(None) };
    let node = sparkplug.node.as_ref().unwrap_or(&setup.daemon.node);
    Ok(Some(SparkplugNode::new(SparkplugSettings {
        broker: broker(setup)?,
        client_id: format!("linetwin-{node}-{}-sparkplug", setup.plant.line),
        group: sparkplug.group.clone(),
        node: node.clone(),
        primary_host: sparkplug.primary_host.clone(),
        interval: Duration::from_secs_f64(sparkplug.interval_s),
        birth_number: setup.daemon.recording.folder.join(BIRTH_NUMBER_FILE),
    })))
}

/// The daemon's notifier, with what is open, and with what stands in the recording's folder and was not told, if there is
/// one.
///
/// # Errors
/// As [`broker`], and if what is untold cannot be read.
pub(crate) fn notifier(setup: &Setup, open: Vec<Publication>, recording: Option<&Path>) -> anyhow::Result<Notifier> {
    let node = &setup.daemon.node;
    let topics = Topics::new(&setup.plant, node);
    let client_id = format!("linetwin-{node}-{}", setup.plant.line);
    let mut notifier = Notifier::new(settings(setup, client_id)?, topics, open);
    if let Some(recording) = recording {
        take_untold(&mut notifier, recording)?;
    }
    Ok(notifier)
}

/// Gives the notifier the events that the broker has not got, as history: who could have acted on them did without.
fn take_untold(notifier: &mut Notifier, recording: &Path) -> anyhow::Result<()> {
    let (path, alerts) = (recording.join(LEDGER_FILE), recording.join(ALERTS_FILE));
    let (mut ledger, told) = Ledger::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let last = last_event(&alerts)?.unwrap_or_default();
    match told {
        // Alerts are told some milliseconds before the disk has their inputs, and others take their numbers now.
        Some(told) if last.is_before(&told) => {
            tracing::warn!("the broker has events up to {told} that the recording has lost, as a power cut does");
            ledger.note(&last.id);
        }
        Some(told) => {
            let mut untold = 0_u64;
            events_after(&alerts, &told, |event| {
                untold += 1;
                notifier.take(Publication::Event((&event.told_late()).into()));
            })?;
            if untold > 0 {
                tracing::info!("{untold} events have not been told to the broker yet");
            }
        }
        // Nobody has been told anything from this recording, and what is old by now is nothing to begin with.
        None => ledger.note(&last.id),
    }
    notifier.keep(ledger);
    Ok(())
}
