//! The way from the devices to the twin, and what goes wrong on it.

use std::collections::{BTreeMap, VecDeque};

use plant::{LinkSettings, Plant};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use telemetry::{Event, LinkId, LinkState, Sample, SampleBatch, SignalId, Timestamp};

/// All chance of a run.
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        self.0.next_u32() as f64 / f64::from(u32::MAX)
    }

    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0.next_u32() as usize % count
    }
}

/// What goes wrong on the way, and how often.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// Share of samples that never arrive.
    dropped: f64,
    /// Share of samples that arrive twice.
    doubled: f64,
    /// Share of samples that arrive up to `delay_s` later.
    delayed: f64,
    delay_s: f64,
    /// Share of batches in no order.
    shuffled: f64,
    /// From one loss of a link to the next, and the longest, seconds.
    link_loss_every_s: f64,
    link_loss_s: f64,
    /// From one step of the host's clock to the next, and the largest, seconds.
    pub(crate) clock_step_every_s: f64,
    pub(crate) clock_step_s: f64,
    /// From one restart of the daemon to the next, seconds.
    pub(crate) restart_every_s: f64,
    /// What goes wrong in the plant itself, for a while.
    pub(crate) faults: Vec<&'static str>,
}

impl Trouble {
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let faults = ["micro-stops@40m+30m", "sensor-flat-line@50m+20m", "link-loss:pack-opcua@45m+30m"];
        Self {
            dropped: chance.between(0.0, 0.05),
            doubled: chance.between(0.0, 0.1),
            delayed: chance.between(0.0, 0.1),
            delay_s: chance.between(0.5, 8.0),
            shuffled: chance.between(0.0, 0.5),
            link_loss_every_s: chance.between(200.0, 1000.0),
            link_loss_s: chance.between(5.0, 60.0),
            clock_step_every_s: chance.between(300.0, 1200.0),
            clock_step_s: 10.0_f64.powf(chance.between(0.0, 7.0)),
            restart_every_s: chance.between(300.0, 1500.0),
            faults: faults.into_iter().filter(|_| chance.happens(0.5)).collect(),
        }
    }
}

/// The way from the devices to the twin.
pub(crate) struct Way {
    pub(crate) trouble: Trouble,
    pub(crate) chance: Chance,
    links: Vec<Cable>,
    /// The links whose devices give no time, so that the host's clock is their samples'.
    stamped_here: Vec<LinkId>,
    under_way: VecDeque<(Timestamp, LinkId, Sample)>,
    /// How far the host's clock is ahead.
    pub(crate) ahead_s: f64,
    pub(crate) is_disturbed: bool,
}

/// A link on its way.
#[derive(Default)]
struct Cable {
    /// Whether the plant's end of it is up.
    is_up: bool,
    broken_until: Option<Timestamp>,
    /// What its devices gave last, by signal: a device gives that again to whoever connects.
    held: BTreeMap<SignalId, Sample>,
}

impl Way {
    pub(crate) fn new(trouble: Trouble, chance: Chance, plant: &Plant) -> Self {
        let is_modbus = |link: &&plant::Link| matches!(link.settings, LinkSettings::Modbus(_));
        Self {
            trouble,
            chance,
            links: plant.links.iter().map(|_| Cable::default()).collect(),
            stamped_here: plant.links.iter().filter(is_modbus).map(|link| link.id).collect(),
            under_way: VecDeque::new(),
            ahead_s: 0.0,
            is_disturbed: false,
        }
    }

    /// Whether something happens in this step of the plant that happens every so many seconds.
    pub(crate) fn is_time(&mut self, every_s: f64) -> bool {
        self.is_disturbed && self.chance.happens(plant_sim::STEP_S / every_s)
    }

    /// What of a step's events arrives, and what had been under way.
    pub(crate) fn carry(&mut self, now: Timestamp, events: Vec<Event>) -> Vec<Event> {
        let mut arrived = self.mend(now);
        arrived.extend(self.cut(now));
        for event in events {
            match event {
                Event::Link { link, state } => {
                    let cable = &mut self.links[link.index()];
                    cable.is_up = state == LinkState::Up;
                    if cable.broken_until.is_none() {
                        arrived.push(Event::Link { link, state });
                    }
                }
                Event::Samples(batch) => arrived.extend(self.carry_batch(now, batch)),
                other => arrived.push(other),
            }
        }
        while self.under_way.front().is_some_and(|(at, ..)| *at <= now) {
            let Some((_, link, sample)) = self.under_way.pop_front() else { break };
            if self.links[link.index()].broken_until.is_none() {
                arrived.push(Event::Samples(SampleBatch { link, samples: vec![sample] }));
            }
        }
        arrived
    }

    fn cut(&mut self, now: Timestamp) -> Option<Event> {
        if !self.is_time(self.trouble.link_loss_every_s) {
            return None;
        }
        let place = self.chance.below(self.links.len());
        let lasts_s = self.chance.between(1.0, self.trouble.link_loss_s);
        self.links[place].broken_until = Some(now.plus_seconds(lasts_s));
        Some(down(place, "the test has cut the cable"))
    }

    fn mend(&mut self, now: Timestamp) -> Vec<Event> {
        let mut told = Vec::new();
        for (place, cable) in self.links.iter_mut().enumerate() {
            if cable.broken_until.is_some_and(|until| until <= now) {
                cable.broken_until = None;
                if cable.is_up {
                    let link = LinkId(place as u16);
                    let samples = cable.held.values().copied().collect();
                    told.push(Event::Link { link, state: LinkState::Up });
                    told.push(Event::Samples(SampleBatch { link, samples }));
                }
            }
        }
        told
    }

    fn carry_batch(&mut self, now: Timestamp, batch: SampleBatch) -> Option<Event> {
        let link = batch.link;
        let cable = &mut self.links[link.index()];
        cable.held.extend(batch.samples.iter().map(|sample| (sample.signal, *sample)));
        if cable.broken_until.is_some() {
            return None;
        }
        let mut samples = Vec::new();
        for mut sample in batch.samples {
            if self.stamped_here.contains(&link) {
                sample.source_time = sample.source_time.plus_seconds(self.ahead_s);
            }
            let is = |chance: &mut Chance, share: f64| self.is_disturbed && chance.happens(share);
            if is(&mut self.chance, self.trouble.dropped) {
                continue;
            }
            if is(&mut self.chance, self.trouble.doubled) {
                samples.push(sample);
            }
            if is(&mut self.chance, self.trouble.delayed) {
                let arrives = now.plus_seconds(self.chance.between(0.0, self.trouble.delay_s));
                let place = self.under_way.partition_point(|(at, ..)| *at <= arrives);
                self.under_way.insert(place, (arrives, link, sample));
            } else {
                samples.push(sample);
            }
        }
        if self.is_disturbed && self.chance.happens(self.trouble.shuffled) {
            for place in 1..samples.len() {
                samples.swap(place, self.chance.below(place + 1));
            }
        }
        (!samples.is_empty()).then_some(Event::Samples(SampleBatch { link, samples }))
    }

    /// The daemon is started anew: what was under way is lost, and every link is down until it is connected.
    pub(crate) fn restart(&mut self, now: Timestamp) -> Vec<Event> {
        self.under_way.clear();
        for cable in &mut self.links {
            cable.broken_until = cable.broken_until.max(Some(now.plus_seconds(3.0)));
        }
        (0..self.links.len()).map(|place| down(place, "not connected yet")).collect()
    }
}

fn down(place: usize, reason: &str) -> Event {
    Event::Link { link: LinkId(place as u16), state: LinkState::Down { reason: reason.to_owned() } }
}
