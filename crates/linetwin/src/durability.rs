//! When the recording is made durable for the sake of sources that keep what they sent until then.

use std::time::Duration;

use adapter::{Durability, DurabilityTeller, durability};
use telemetry::{Event, LinkId};

/// The longest that a source waits, if its events are few.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// From so many events that one source waits for it is as good as held up: a broker sends no more than about twenty
/// messages ahead of the acknowledgements, unless it is told otherwise.
const HELD_UP_EVENTS: u64 = 10;
/// How long such a source waits: long enough that the disk has other things to do.
const HELD_UP_INTERVAL: Duration = Duration::from_millis(5);

/// What of each link's events was taken in, what of that is durable, and who waits for it.
#[derive(Default)]
pub struct LinkDurability {
    links: Vec<LinkEvents>,
    /// Number of the input that the disk was last asked to confirm.
    asked_up_to: u64,
}

struct LinkEvents {
    teller: DurabilityTeller,
    taken: u64,
    /// How many had been taken when the disk was last asked.
    asked: u64,
    durable: u64,
}

impl LinkEvents {
    fn new() -> (Self, Durability) {
        let (teller, end) = durability();
        (Self { teller, taken: 0, asked: 0, durable: 0 }, end)
    }
}

impl LinkDurability {
    /// For so many links; and the end of each.
    pub fn new(links: usize) -> (Self, Vec<Durability>) {
        let (links, ends) = (0..links).map(|_| LinkEvents::new()).unzip();
        (Self { links, asked_up_to: 0 }, ends)
    }

    /// The links of another plant: for each which of those so far it is, if it goes on as it was. Returns the ends of the
    /// others.
    pub fn rearrange(&mut self, kept: &[Option<LinkId>]) -> Vec<Option<Durability>> {
        let mut before: Vec<_> = std::mem::take(&mut self.links).into_iter().map(Some).collect();
        let mut ends = Vec::new();
        for link in kept {
            let (link, end) = match link.and_then(|link| before.get_mut(link.index())?.take()) {
                Some(link) => (link, None),
                None => {
                    let (link, end) = LinkEvents::new();
                    (link, Some(end))
                }
            };
            self.links.push(link);
            ends.push(end);
        }
        ends
    }

    /// An event has been taken in.
    pub fn take(&mut self, event: &Event) {
        let link = match event {
            Event::Samples(batch) => batch.link,
            Event::Link { link, .. } => *link,
            Event::Command(_) | Event::Tick => return,
        };
        if let Some(link) = self.links.get_mut(link.index()) {
            link.taken += 1;
        }
    }

    /// The disk is asked to confirm all that was taken in, up to the input of that number.
    pub fn ask(&mut self, sequence: u64) {
        self.asked_up_to = sequence;
        self.links.iter_mut().for_each(|link| link.asked = link.taken);
    }

    /// All up to the input of that number is durable.
    pub fn tell_durable(&mut self, sequence: u64) {
        if sequence < self.asked_up_to {
            return;
        }
        for link in self.links.iter_mut().filter(|link| link.durable != link.asked) {
            link.durable = link.asked;
            link.teller.tell(link.durable);
        }
    }

    /// When the recording must be made durable, that long after it last was; `None` if nobody waits.
    pub fn due_in(&self, since_sync: Duration) -> Option<Duration> {
        let awaited = |link: &LinkEvents| link.teller.wanted().min(link.taken).saturating_sub(link.durable);
        let interval = match self.links.iter().map(awaited).max()? {
            0 => return None,
            HELD_UP_EVENTS.. => HELD_UP_INTERVAL,
            _ => SYNC_INTERVAL,
        };
        Some(interval.saturating_sub(since_sync))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::{Clock, Context};
    use telemetry::{Quality, Sample, SampleBatch, SignalId, Timestamp, Value};
    use tokio::sync::mpsc;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn sample() -> Sample {
        let value = Value::Boolean(true);
        Sample { signal: SignalId(0), source_time: Timestamp::EPOCH, value, quality: Quality::Good }
    }

    fn take(durability: &mut LinkDurability, queue: &mut mpsc::Receiver<Event>) {
        while let Ok(event) = queue.try_recv() {
            durability.take(&event);
        }
    }

    #[tokio::test]
    async fn the_recording_is_hurried_only_for_a_source_that_waits_and_more_if_it_is_held_up() {
        let (mut durability, ends) = LinkDurability::new(2);
        let (sender, mut queue) = adapter::queue(100);
        let context = |link: usize| {
            let clock = Clock::scaled(Timestamp::EPOCH, 1.0);
            let context = Context::new(LinkId(link as u16), clock, CancellationToken::new(), sender.clone());
            context.recorded(ends[link].clone())
        };
        let (patient, waiting) = (context(0), context(1));
        let ms = Duration::from_millis;

        patient.deliver(vec![sample()]).await.unwrap();
        waiting.link_up().await.unwrap();
        take(&mut durability, &mut queue);
        assert_eq!(durability.due_in(ms(0)), None, "nobody waits");

        assert_eq!(waiting.deliver_durably(vec![sample()]).await, Ok(2));
        assert_eq!(*waiting.durable().borrow(), 0);
        take(&mut durability, &mut queue);
        assert_eq!(durability.due_in(ms(30)), Some(ms(70)));
        assert_eq!(durability.due_in(ms(300)), Some(ms(0)));
        for _ in 2..HELD_UP_EVENTS {
            waiting.deliver_durably(vec![sample()]).await.unwrap();
        }
        take(&mut durability, &mut queue);
        assert_eq!(durability.due_in(ms(2)), Some(ms(3)), "held up");

        durability.ask(7);
        waiting.deliver_durably(vec![sample()]).await.unwrap();
        take(&mut durability, &mut queue);
        durability.tell_durable(6);
        assert_eq!(*waiting.durable().borrow(), 0, "the disk has not confirmed what it was asked for");
        durability.tell_durable(7);
        assert_eq!((*patient.durable().borrow(), *waiting.durable().borrow()), (1, HELD_UP_EVENTS));
        assert_eq!(durability.due_in(ms(300)), Some(ms(0)), "one came after the disk was asked");
        durability.ask(8);
        durability.tell_durable(8);
        assert_eq!(*waiting.durable().borrow(), HELD_UP_EVENTS + 1);
        assert_eq!(durability.due_in(ms(300)), None);
    }

    #[test]
    fn links_that_go_on_keep_their_counts_wherever_they_come_to_stand() {
        let (mut durability, ends) = LinkDurability::new(3);
        let samples = |link| Event::Samples(SampleBatch { link: LinkId(link), samples: Vec::new() });
        durability.take(&samples(2));
        let renewed = durability.rearrange(&[None, Some(LinkId(2)), Some(LinkId(0))]);
        assert_eq!(renewed.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
        durability.take(&samples(1));
        durability.take(&samples(0));
        durability.ask(3);
        durability.tell_durable(3);
        let durable = |end: &Durability| {
            let (sender, _) = adapter::queue(1);
            let clock = Clock::scaled(Timestamp::EPOCH, 1.0);
            let context = Context::new(LinkId(0), clock, CancellationToken::new(), sender).recorded(end.clone());
            *context.durable().borrow()
        };
        assert_eq!(ends.iter().map(durable).collect::<Vec<_>>(), [0, 0, 2]);
        assert_eq!(renewed.iter().flatten().map(durable).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_the_engine_takes_from_elsewhere_is_of_no_link() {
        let (mut durability, ends) = LinkDurability::new(1);
        durability.take(&Event::Tick);
        durability.take(&Event::Samples(SampleBatch { link: LinkId(9), samples: Vec::new() }));
        durability.ask(2);
        durability.tell_durable(2);
        assert_eq!((ends.len(), durability.due_in(Duration::ZERO)), (1, None));
    }
}
