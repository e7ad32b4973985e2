use std::borrow::Cow;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

/// The content type of [`encode`]'s text, after the OpenMetrics specification.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// One figure of the daemon at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name in OpenMetrics' alphabet, unit last: `linetwin_link_samples`. Without `_total`, which is added to counters.
    pub name: Cow<'static, str>,
    /// What it says, in one line. Of several metrics of one name the first one's counts.
    pub help: Cow<'static, str>,
    /// How it may change. The same for all metrics of one name.
    pub kind: MetricKind,
    /// What tells it from others of its name, such as `("link", "weld-plc")`.
    pub labels: Vec<(&'static str, String)>,
    /// The figure, in the unit that the name says.
    pub value: f64,
}

/// How a metric may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only grows, until the daemon starts again.
    Counter,
    /// It goes up and down.
    Gauge,
}

impl MetricKind {
    fn type_name(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge => MetricType::Gauge,
        }
    }
}

/// The metrics in the OpenMetrics text format; those of one name together, in the order in which the names first come.
///
/// # Errors
/// None in practice: the text goes to memory.
pub(crate) fn encode(metrics: Vec<Metric>) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot { metrics }));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

#[derive(Debug)]
struct Snapshot {
    metrics: Vec<Metric>,
}

impl Snapshot {
    /// OpenMetrics wants a family's lines together, callers want to list a link's figures together.
    fn families(&self) -> Vec<Vec<&Metric>> {
        let mut families: Vec<Vec<&Metric>> = Vec::new();
        for metric in &self.metrics {
            match families.iter_mut().find(|family| family[0].name == metric.name) {
                Some(family) => family.push(metric),
                None => families.push(vec![metric]),
            }
        }
        families
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in self.families() {
            let first = family[0];
            let mut lines = encoder.encode_descriptor(&first.name, &first.help, None, first.kind.type_name())?;
            for metric in family {
                // An empty set of labels would be written as `{}`.
                if metric.labels.is_empty() {
                    encode_value(&mut lines, first.kind, metric.value)?;
                } else {
                    encode_value(&mut lines.encode_family(&metric.labels)?, first.kind, metric.value)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_value(line: &mut MetricEncoder<'_>, kind: MetricKind, value: f64) -> fmt::Result {
    match kind {
        MetricKind::Counter => line.encode_counter::<NoLabelSet, f64, f64>(&value, None),
        MetricKind::Gauge => line.encode_gauge(&value),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn metric(name: &'static str, kind: MetricKind, labels: &[(&'static str, &str)], value: f64) -> Metric {
        let labels = labels.iter().map(|&(name, value)| (name, value.to_owned())).collect();
        Metric { name: name.into(), help: format!("About {name}.").into(), kind, labels, value }
    }

    fn check(metrics: &[Metric], expected: &str) {
        assert_eq!(encode(metrics.to_vec()).unwrap(), expected);
    }

    #[test]
    fn nothing_is_still_a_complete_text() {
        check(&[], "# EOF\n");
    }

    #[test]
    fn metrics_of_one_name_come_together() {
        use MetricKind::{Counter, Gauge};
        check(
            &[
                metric("linetwin_link_samples", Counter, &[("link", "weld-plc")], 1200.0),
                metric("linetwin_link_up", Gauge, &[("link", "weld-plc")], 1.0),
                metric("linetwin_link_samples", Counter, &[("link", "pack-opcua")], 0.0),
                metric("linetwin_link_up", Gauge, &[("link", "pack-opcua")], 0.0),
                metric("linetwin_queue_batches", Gauge, &[], 17.5),
            ],
            "# HELP linetwin_link_samples About linetwin_link_samples.\n\
             # TYPE linetwin_link_samples counter\n\
             linetwin_link_samples_total{link=\"weld-plc\"} 1200.0\n\
             linetwin_link_samples_total{link=\"pack-opcua\"} 0.0\n\
             # HELP linetwin_link_up About linetwin_link_up.\n\
             # TYPE linetwin_link_up gauge\n\
             linetwin_link_up{link=\"weld-plc\"} 1.0\n\
             linetwin_link_up{link=\"pack-opcua\"} 0.0\n\
             # HELP linetwin_queue_batches About linetwin_queue_batches.\n\
             # TYPE linetwin_queue_batches gauge\n\
             linetwin_queue_batches 17.5\n\
             # EOF\n",
        );
    }

    #[test]
    fn a_label_may_hold_any_text() {
        check(
            &[metric("x", MetricKind::Gauge, &[("link", "a\"b\\c\nd")], 1.0)],
            "# HELP x About x.\n# TYPE x gauge\nx{link=\"a\\\"b\\\\c\\nd\"} 1.0\n# EOF\n",
        );
    }
}
