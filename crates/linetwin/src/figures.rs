//! What the daemon counts, as metrics, and how it is, as health.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use contract::{HealthSchema, HealthV1, StateV1};
use tokio::sync::watch;
use web::{Metric, MetricKind};

use crate::engine::Gauges;
use crate::links::LinkCounters;
use crate::parts::PartsGauges;
use crate::reload::Reloads;
use crate::shadow::ShadowGauges;

/// All that figures are taken from.
#[derive(Clone)]
pub struct Figures {
    /// The line as last told.
    pub state: watch::Receiver<Arc<StateV1>>,
    /// The links' counters.
    pub links: LinkCounters,
    /// What became of changes of the configuration, if they are taken over while the daemon runs.
    pub reloads: Option<Arc<Reloads>>,
    /// The notifier's counters, if alerts go over MQTT.
    pub notify: Option<Arc<notify::Counters>>,
    /// The edge node's counters, if there is one.
    pub sparkplug: Option<Arc<notify::SparkplugCounters>>,
    /// What the engine tells of itself.
    pub gauges: Arc<Gauges>,
    /// What the store of the records of parts tells of itself, if they are kept.
    pub parts: Option<Arc<PartsGauges>>,
    /// What the shadow tells of itself, if there is one.
    pub shadow: Option<Arc<ShadowGauges>>,
    /// The historian's counters, if there is one.
    pub historian: Option<Arc<historian::Counters>>,
}

impl Figures {
    /// Everything that is counted.
    pub fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        let state = self.state.borrow().clone();
        let mut add = |name: String, help: &'static str, kind, labels, value: f64| {
            metrics.push(Metric { name: name.into(), help: help.into(), kind, labels, value });
        };
        for (link, counters) in self.links.of_all() {
            for (name, help, value) in counters.snapshot().named() {
                let labels = vec![("link", link.clone())];
                add(format!("linetwin_link_{name}"), help, MetricKind::Counter, labels, value as f64);
            }
        }
        for link in &state.links {
            let up = f64::from(u8::from(link.state == contract::LinkStateName::Up));
            let labels = vec![("link", link.name.clone())];
            add("linetwin_link_up".into(), "1 while the link delivers.", MetricKind::Gauge, labels, up);
        }
        for (name, help, value) in self.reloads.iter().flat_map(|reloads| reloads.named()) {
            add(format!("linetwin_configuration_{name}"), help, MetricKind::Counter, Vec::new(), value as f64);
        }
        for (name, help, value) in self.notify.iter().flat_map(|counters| counters.snapshot().named()) {
            add(format!("linetwin_notify_{name}"), help, MetricKind::Counter, Vec::new(), value as f64);
        }
        for (name, help, value) in self.sparkplug.iter().flat_map(|counters| counters.snapshot().named()) {
            add(format!("linetwin_sparkplug_{name}"), help, MetricKind::Counter, Vec::new(), value as f64);
        }
        // The counts' own names and order, as the API gives them.
        if let Ok(serde_json::Value::Object(counts)) = serde_json::to_value(state.counts) {
            for (name, value) in &counts {
                let help = "What the twin has counted since the log began; see counts in /api/v1/state.";
                let value = value.as_f64().unwrap_or_default();
                add(format!("linetwin_twin_{name}"), help, MetricKind::Counter, Vec::new(), value);
            }
        }
        for station in &state.stations {
            let help = "1 for the state that the station is in.";
            let labels = vec![("station", station.name.clone()), ("state", station.state.name().to_owned())];
            add("linetwin_station_state".into(), help, MetricKind::Gauge, labels, 1.0);
        }
        let shift = state.flow.as_ref().and_then(|flow| flow.shift.as_ref());
        for shift in shift.iter().flat_map(|shift| &shift.stations) {
            for (name, value) in shift.kpis.named() {
                let labels = vec![("station", shift.station.clone())];
                let help = "Of the shift so far, after ISO 22400-2; see flow.shift in /api/v1/state.";
                if let Some(value) = value {
                    add(format!("linetwin_shift_{name}"), help, MetricKind::Gauge, labels, value);
                }
            }
        }
        let open = state.alerts.len() as f64;
        add("linetwin_open_alerts".into(), "Incidents that are not closed.", MetricKind::Gauge, Vec::new(), open);
        let lost = self.gauges.inputs_lost.load(Ordering::Relaxed) as f64;
        let help = "Inputs that could not be recorded.";
        add("linetwin_recording_lost_inputs".into(), help, MetricKind::Counter, Vec::new(), lost);
        let keeper = self.gauges.keeper.lock().map(|keeper| keeper.clone()).unwrap_or_default();
        for (name, help, kind, value) in [
            ("segments", "Segments of the recording.", MetricKind::Gauge, keeper.segments),
            ("size_bytes", "What the segments of the recording take.", MetricKind::Gauge, keeper.size_bytes),
            ("closed_segments", "Segments turned into Parquet.", MetricKind::Counter, keeper.closed),
            ("expired_segments", "Segments removed for age or size.", MetricKind::Counter, keeper.expired),
            (
                "segments_removed_for_space",
                "Segments removed because the disk was too full.",
                MetricKind::Counter,
                keeper.removed_for_space,
            ),
        ] {
            add(format!("linetwin_recording_{name}"), help, kind, Vec::new(), value as f64);
        }
        for (name, help, kind, value) in self.parts.iter().flat_map(|parts| parts.named()) {
            add(format!("linetwin_parts_{name}"), help, kind, Vec::new(), value as f64);
        }
        for (name, help, kind, value) in self.shadow.iter().flat_map(|shadow| shadow.named()) {
            add(format!("linetwin_shadow_{name}"), help, kind, Vec::new(), value as f64);
        }
        for (name, help, value) in self.historian.iter().flat_map(|historian| historian.totals()) {
            add(format!("linetwin_historian_{name}"), help, MetricKind::Counter, Vec::new(), value as f64);
        }
        for (name, help, value) in self.historian.iter().flat_map(|historian| historian.levels()) {
            add(format!("linetwin_historian_{name}"), help, MetricKind::Gauge, Vec::new(), value as f64);
        }
        metrics
    }

    /// How the daemon is. A link that is down is the plant's problem and does not make the daemon unhealthy.
    pub fn health(&self) -> HealthV1 {
        let recording = self.gauges.recording_problem.lock().ok().and_then(|problem| problem.clone());
        let parts = self.parts.as_ref().and_then(|parts| parts.problem.lock().ok()?.clone());
        let mut problems: Vec<String> = recording.into_iter().chain(parts).collect();
        let ok = problems.is_empty();
        for link in &self.state.borrow().links {
            if link.state == contract::LinkStateName::Down {
                problems.push(format!("link {} is down: {}", link.name, link.reason.as_deref().unwrap_or("no reason")));
            }
        }
        if self.notify.as_ref().is_some_and(|notify| !notify.is_connected()) {
            problems.push("the broker for alerts is not connected".to_owned());
        }
        if self.sparkplug.as_ref().is_some_and(|sparkplug| !sparkplug.is_connected()) {
            problems.push("the Sparkplug edge node is not connected".to_owned());
        }
        problems.extend(self.reloads.as_ref().and_then(|reloads| reloads.problem()));
        problems.extend(self.historian.as_ref().and_then(|historian| historian.problem()));
        HealthV1 { schema: HealthSchema::V1, ok, problems }
    }
}
