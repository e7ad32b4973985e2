//! A link's polls, from the first answer to the loss of its unit.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use adapter::{Context, LinkError};
use telemetry::{Reason, Sample};
use tokio::time::{Instant, sleep_until};

use crate::bus::ReadError;
use crate::poll::Poller;
use crate::schedule::Slots;
use crate::{Group, ModbusAdapter};

/// Polls in a row without an answer after which a unit is demoted.
const UNANSWERED_MAX: u32 = 2;
/// How long a unit that does not answer is left alone at first, on the clock of the plant.
const DEMOTED_MIN_S: f64 = 2.0;
/// The longest that it is left alone, if it shares its connection; else it is the shortest.
const DEMOTED_MAX_S: f64 = 60.0;

/// What a link remembers from one session to the next.
pub(crate) struct Memory<'a> {
    pollers: Vec<Poller<'a>>,
    demotion: Option<Demotion>,
}

/// A unit that does not answer is asked less often, so that others have their turns.
#[derive(Clone, Copy)]
struct Demotion {
    until: Instant,
    pause_s: f64,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(adapter: &'a ModbusAdapter) -> Self {
        let poller = |group: &Group| Poller::new(&adapter.tags, group.members.clone(), adapter.merging);
        Self { pollers: adapter.groups.iter().map(poller).collect(), demotion: None }
    }

    /// Polls until the unit or the connection is lost.
    pub(crate) async fn session(
        &mut self,
        adapter: &ModbusAdapter,
        context: &Context,
    ) -> Result<Infallible, LinkError> {
        self.wait_out_demotion(adapter, context).await?;
        let mut slots: Vec<Slots> = adapter
            .groups
            .iter()
            .map(|group| {
                Slots::new(context.clock.duration(group.interval_s), &format!("{}/{}", adapter.link, group.name))
            })
            .collect();
        let (mut up, mut unanswered) = (false, 0);
        loop {
            let next = (0..slots.len()).min_by_key(|&group| slots[group].due()).unwrap_or(0);
            sleep_until(slots[next].due()).await;
            let mut samples = Vec::new();
            let poller = &mut self.pollers[next];
            let polled = poller.poll(&adapter.device, &context.clock, &context.counters, &mut samples).await;
            match polled {
                Ok(()) => {
                    (self.demotion, unanswered) = (None, 0);
                    if !up {
                        self.tell_up(adapter);
                        context.link_up().await?;
                        up = true;
                    }
                    context.deliver(samples).await?;
                }
                Err(ReadError::Unanswered(problem)) => {
                    unanswered += 1;
                    let has_answered = !samples.is_empty();
                    fill_up(&mut samples, self.pollers[next].all_bad(&context.clock, Reason::Timeout));
                    context.deliver(samples).await?;
                    // One that is demoted already needs no second silence.
                    if !has_answered && (unanswered >= UNANSWERED_MAX || self.demotion.is_some()) {
                        return Err(LinkError::Lost(self.demote(problem, adapter, context)));
                    }
                }
                Err(ReadError::Lost(problem)) => {
                    if up {
                        context.deliver(samples).await?;
                    } else {
                        context.counters.add_unusable(samples.len() as u64);
                    }
                    return Err(LinkError::Lost(problem));
                }
                Err(ReadError::Refused(exception)) => return Err(LinkError::Lost(exception.to_string())),
            }
            context.counters.add_lost_at_source(slots[next].advance());
        }
    }

    fn tell_up(&self, adapter: &ModbusAdapter) {
        let (signals, requests) = (adapter.tags.len(), self.pollers.iter().map(Poller::requests).sum::<usize>());
        tracing::info!(link = adapter.link, "{}: up, reads {signals} signals in {requests} requests", adapter.device);
    }

    /// Leaves the unit alone for longer than the last time. Returns what to tell.
    fn demote(&mut self, problem: String, adapter: &ModbusAdapter, context: &Context) -> String {
        let longest_s = if adapter.device.bus.is_shared() { DEMOTED_MAX_S } else { DEMOTED_MIN_S };
        let pause_s = self.demotion.map_or(DEMOTED_MIN_S, |last| (2.0 * last.pause_s).min(longest_s));
        let until = Instant::now() + context.clock.duration(pause_s);
        if self.demotion.replace(Demotion { until, pause_s }).is_none() {
            context.counters.add_demotion();
        }
        format!("{problem}; it is asked less often until it answers, so that it holds up nobody else")
    }

    /// While a unit is demoted, its signals are told to be bad at every slot.
    async fn wait_out_demotion(&self, adapter: &ModbusAdapter, context: &Context) -> Result<(), LinkError> {
        let Some(Demotion { until, .. }) = self.demotion else { return Ok(()) };
        let fastest_s = adapter.groups.iter().map(|group| group.interval_s).fold(f64::INFINITY, f64::min);
        let interval = context.clock.duration(fastest_s);
        let mut slot = Instant::now() + interval;
        while slot < until {
            sleep_until(slot).await;
            let bad = self.pollers.iter().flat_map(|poller| poller.all_bad(&context.clock, Reason::Timeout)).collect();
            context.deliver(bad).await?;
            slot += interval.max(Duration::from_millis(1));
        }
        sleep_until(until).await;
        Ok(())
    }
}

/// Adds the samples of signals that have none.
fn fill_up(samples: &mut Vec<Sample>, all: Vec<Sample>) {
    let known: BTreeSet<_> = samples.iter().map(|sample| sample.signal).collect();
    samples.extend(all.into_iter().filter(|sample| !known.contains(&sample.signal)));
}
