//! The queues that events come over: one, until the configuration is changed while the daemon runs. A link that is not
//! touched then goes on in the ids it was started under, over the queue that it has, and what comes over that is translated.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use plant::Plant;
use recording::{RecordingHeader, Remap};
use telemetry::Event;
use tokio::sync::mpsc::Receiver;

use crate::inputs::LinkChoice;

/// All queues that an engine gets events over.
pub(crate) struct Feeds {
    feeds: Vec<Feed>,
    /// The one to be looked at first, so that none starves another.
    first: usize,
    /// What the ids mean today.
    names: Arc<RecordingHeader>,
}

/// A queue, and what the ids in its events mean.
struct Feed {
    queue: Receiver<Event>,
    names: Arc<RecordingHeader>,
    /// To the ids of today, if these are others.
    remap: Option<Remap>,
}

impl Feed {
    fn translate(&mut self, event: Event) -> Event {
        match &mut self.remap {
            Some(remap) => remap.translate(&self.names, event),
            None => event,
        }
    }
}

impl Feeds {
    /// One queue, in whose events the ids mean this.
    pub(crate) fn new(queue: Receiver<Event>, names: RecordingHeader) -> Self {
        let mut feeds = Self { feeds: Vec::new(), first: 0, names: Arc::new(names) };
        feeds.add_again(queue);
        feeds
    }

    /// One more queue, of a plant that all others are translated to from now on.
    pub(crate) fn add(&mut self, queue: Receiver<Event>, names: RecordingHeader, plant: &Plant) {
        for feed in &mut self.feeds {
            feed.remap = Some(LinkChoice::default().remap_to(plant));
        }
        self.names = Arc::new(names);
        self.add_again(queue);
    }

    /// One more queue, in the ids of today.
    pub(crate) fn add_again(&mut self, queue: Receiver<Event>) {
        self.feeds.push(Feed { queue, names: self.names.clone(), remap: None });
    }

    /// The next event; `None` once all senders of all queues are gone.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut looked_at = 0;
        while looked_at < self.feeds.len() {
            let place = (self.first + looked_at) % self.feeds.len();
            let feed = &mut self.feeds[place];
            match feed.queue.poll_recv(context) {
                Poll::Ready(Some(event)) => {
                    let event = feed.translate(event);
                    self.first = place + 1;
                    return Poll::Ready(Some(event));
                }
                Poll::Ready(None) => {
                    self.feeds.remove(place);
                    (self.first, looked_at) = (0, 0);
                }
                Poll::Pending => looked_at += 1,
            }
        }
        if self.feeds.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }

    /// What waits in all queues now.
    pub(crate) fn waiting(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for feed in &mut self.feeds {
            // No more than was there: those who go on may fill it as fast as it is emptied.
            for _ in 0..feed.queue.len() {
                let Ok(event) = feed.queue.try_recv() else { break };
                events.push(feed.translate(event));
            }
        }
        events
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use plant::Overrides;
    use telemetry::{LinkId, LinkState, Timestamp};
    use tokio::sync::mpsc::channel;

    use super::*;
    use crate::example;

    pub(crate) fn names(links: &[(u16, &str)]) -> RecordingHeader {
        RecordingHeader {
            program_version: String::new(),
            created: Timestamp::EPOCH,
            signals: BTreeMap::new(),
            links: links.iter().map(|&(id, name)| (LinkId(id), name.to_owned())).collect(),
            configuration: BTreeMap::new(),
            overrides: BTreeMap::new(),
        }
    }

    fn up(link: u16) -> Event {
        Event::Link { link: LinkId(link), state: LinkState::Up }
    }

    #[tokio::test]
    async fn the_queues_take_turns_and_older_ones_are_translated() {
        let plant = plant::load(&example::files(), &Overrides::default()).unwrap().plant;
        let (first, second) = (plant.links[0].name.clone(), plant.links[1].name.clone());
        let (old, queue) = channel(8);
        let mut feeds = Feeds::new(queue, names(&[(0, &second), (1, "gone")]));
        old.send(up(0)).await.unwrap();
        assert_eq!(feeds.next().await, Some(up(0)), "nothing has changed yet");

        old.send(up(1)).await.unwrap();
        assert_eq!(feeds.waiting(), [up(1)]);
        let (new, queue) = channel(8);
        feeds.add(queue, names(&[(0, &first), (1, &second)]), &plant);
        for _ in 0..2 {
            old.send(up(0)).await.unwrap();
            new.send(up(0)).await.unwrap();
        }
        old.send(up(1)).await.unwrap();
        drop((old, new));
        let mut events = Vec::new();
        while let Some(event) = feeds.next().await {
            events.push(event);
        }
        assert_eq!(events, [up(0), up(1), up(0), up(1), Event::Tick], "the new one was next");
    }
}
