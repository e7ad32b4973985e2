//! What of the line's state is told in which metrics.

use std::collections::BTreeMap;

use contract::{AlertV1, KpisV1, PriorityName, StateV1, StationStateName, StationV1, TimeV1};

use mqtt_client::sparkplug::{Metric, PropertySet, Value, datatype};

/// What is told of something, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Metrics(pub(crate) BTreeMap<String, Reading>);

/// A value of a fixed type that may be unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    datatype: u32,
    value: Option<Value>,
    unit: Option<String>,
}

impl Reading {
    /// The metric, without name and alias; with all that only a birth tells, if it is one.
    pub(crate) fn metric(&self, at_ms: u64, is_birth: bool) -> Metric {
        Metric {
            timestamp: Some(at_ms),
            datatype: Some(self.datatype),
            is_null: self.value.is_none().then_some(true),
            properties: self.unit.as_deref().filter(|_| is_birth).map(PropertySet::of_unit),
            value: self.value.clone(),
            ..Metric::default()
        }
    }
}

/// Milliseconds since 1970; 0 for a time before.
pub(crate) fn millis(moment: TimeV1) -> u64 {
    u64::try_from(moment.0.as_millis()).unwrap_or(0)
}

impl Metrics {
    /// What is told of the line as a whole: the node's own metrics.
    pub(crate) fn of_line(state: &StateV1) -> Self {
        let mut metrics = Self::default();
        for (name, value) in [
            ("Line/Enterprise", &state.enterprise),
            ("Line/Site", &state.site),
            ("Line/Area", &state.area),
            ("Line/Name", &state.line),
        ] {
            metrics.text(name, Some(value.clone()));
        }
        metrics.alerts(&state.alerts.iter().collect::<Vec<_>>());
        metrics.count("Alerts/Raised", Some(state.counts.incidents));
        let flow = state.flow.as_ref();
        metrics.boolean("Line/Planned", flow.map(|flow| flow.is_planned));
        metrics.text("Line/Bottleneck", flow.and_then(|flow| flow.bottleneck.now.clone()));
        let shift = flow.and_then(|flow| flow.shift.as_ref());
        metrics.text("Shift/Name", shift.and_then(|shift| shift.name.clone()));
        metrics.moment("Shift/Start", shift.map(|shift| shift.start));
        metrics.moment("Shift/End", shift.map(|shift| shift.end));
        metrics.count("Shift/Produced", shift.map(|shift| shift.produced.into()));
        metrics.count("Shift/Good", shift.and_then(|shift| shift.good).map(u64::from));
        metrics.count("Shift/Scrap", shift.map(|shift| shift.scrap.into()));
        metrics.count("Shift/Planned Output", shift.and_then(|shift| shift.planned_output).map(u64::from));
        metrics.number("Shift/Throughput", Some("1/h"), shift.and_then(|shift| shift.throughput_per_h));
        metrics.number("Shift/OEE", None, shift.and_then(|shift| shift.oee));
        let forecast = flow.and_then(|flow| flow.forecast.as_ref());
        metrics.number("Forecast/P10", None, forecast.map(|forecast| forecast.output.p10));
        metrics.number("Forecast/P50", None, forecast.map(|forecast| forecast.output.p50));
        metrics.number("Forecast/P90", None, forecast.map(|forecast| forecast.output.p90));
        metrics.number("Forecast/Odds", None, forecast.and_then(|forecast| forecast.odds));
        metrics
    }

    /// What is told of a station; `None` while it is not seen.
    pub(crate) fn of_station(station: &StationV1, state: &StateV1) -> Option<Self> {
        if station.state == StationStateName::Unknown {
            return None;
        }
        let mut metrics = Self::default();
        metrics.text("State", Some(station.state.name().to_owned()));
        metrics.moment("Since", station.since);
        metrics.text("Part", station.part.clone());
        metrics.text("Variant", station.variant.clone());
        metrics.count("Cycles", Some(station.cycles));
        metrics.number("Cycle Time", Some("s"), station.last_cycle_s);
        metrics.text("Waits For", station.waits_for.clone());
        let alerts: Vec<&AlertV1> = state.alerts.iter().filter(|alert| station.alerts.contains(&alert.id)).collect();
        metrics.alerts(&alerts);
        for feature in &station.features {
            let name = |what: &str| format!("Features/{}/{what}", feature.name);
            metrics.number(&name("Value"), feature.unit.as_deref(), feature.value);
            metrics.number(&name("Baseline"), feature.unit.as_deref(), feature.baseline);
            metrics.number(&name("Deviation"), Some("sigma"), feature.deviation_sigma);
        }
        metrics.kpis(station, state);
        Some(metrics)
    }

    /// How many alerts somebody should see to, and the most urgent of them; of equal ones the latest. Those that were put
    /// aside do not count.
    fn alerts(&mut self, alerts: &[&AlertV1]) {
        let alerts: Vec<&AlertV1> = alerts.iter().copied().filter(|alert| !alert.state.is_hidden()).collect();
        let worst = alerts.iter().max_by_key(|alert| (alert.priority, alert.raised));
        self.count("Alerts/Open", Some(alerts.len() as u64));
        self.text("Alerts/Worst Priority", worst.map(|alert| priority(alert.priority).to_owned()));
        self.text("Alerts/Worst Id", worst.map(|alert| alert.id.clone()));
        self.text("Alerts/Worst Headline", worst.map(|alert| alert.headline.clone()));
    }

    fn kpis(&mut self, station: &StationV1, state: &StateV1) {
        let shift = state.flow.as_ref().and_then(|flow| flow.shift.as_ref());
        let kpis: Option<&KpisV1> = shift
            .and_then(|shift| shift.stations.iter().find(|known| known.station == station.name))
            .map(|known| &known.kpis);
        self.number("Shift/OEE", None, kpis.and_then(|kpis| kpis.oee));
        self.number("Shift/Availability", None, kpis.and_then(|kpis| kpis.availability));
        self.count("Shift/Produced", kpis.and_then(|kpis| kpis.produced).map(u64::from));
    }

    fn set(&mut self, name: &str, datatype: u32, unit: Option<&str>, value: Option<Value>) {
        self.0.insert(name.to_owned(), Reading { datatype, value, unit: unit.map(str::to_owned) });
    }

    fn text(&mut self, name: &str, value: Option<String>) {
        self.set(name, datatype::STRING, None, value.map(Value::Text));
    }

    fn boolean(&mut self, name: &str, value: Option<bool>) {
        self.set(name, datatype::BOOLEAN, None, value.map(Value::Boolean));
    }

    fn count(&mut self, name: &str, value: Option<u64>) {
        self.set(name, datatype::UINT64, None, value.map(Value::Long));
    }

    fn number(&mut self, name: &str, unit: Option<&str>, value: Option<f64>) {
        self.set(name, datatype::DOUBLE, unit, value.map(Value::Double));
    }

    fn moment(&mut self, name: &str, value: Option<TimeV1>) {
        self.set(name, datatype::DATE_TIME, None, value.map(|moment| Value::Long(millis(moment))));
    }
}

const fn priority(priority: PriorityName) -> &'static str {
    match priority {
        PriorityName::Low => "low",
        PriorityName::Medium => "medium",
        PriorityName::High => "high",
    }
}
