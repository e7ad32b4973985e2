use std::time::Duration;

use adapter::{Clock, Counters, bad_sample};
use telemetry::{Quality, Reason, Sample, Timestamp};
use tokio::time::{Instant, sleep};

use crate::bus::ReadError;
use crate::decode::decode;
use crate::device::Device;
use crate::frame::Exception;
use crate::plan::{Block, Merging, Walls, alone, is_between, merged};
use crate::tag::{Span, Tag};

/// From one attempt at a hole to the next, on the clock of the plant.
const HOLE_RETRY_S: f64 = 60.0;
/// How long a busy device is left alone before it is asked again.
const BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Tags that are polled together, and what has been learnt of where the device has them.
pub(crate) struct Poller<'a> {
    tags: &'a [Tag],
    /// Those polled here, by index.
    members: Vec<usize>,
    merging: Merging,
    blocks: Vec<Block>,
    /// What the device refuses even alone.
    holes: Vec<Hole>,
    /// Places that the device does not let one request read over, though it gives both sides.
    walls: Walls,
    /// Whether the log has been told that the tag gives no value.
    reported: Vec<bool>,
}

/// Cells that the device refuses.
struct Hole {
    block: Block,
    reason: Reason,
    retry: Instant,
}

/// One poll as far as it went: all samples have the time at which the first answer arrived.
struct Poll<'a> {
    device: &'a Device,
    clock: &'a Clock,
    counters: &'a Counters,
    at: Option<Timestamp>,
    samples: &'a mut Vec<Sample>,
}

impl Poll<'_> {
    fn time(&mut self) -> Timestamp {
        *self.at.get_or_insert_with(|| self.clock.now())
    }

    /// Asks for a span, and again while the device is busy, as often as its profile says.
    async fn read(&mut self, span: Span) -> Result<Vec<u16>, ReadError> {
        let mut retries = self.device.busy_retries;
        loop {
            match self.device.read(span, self.counters).await {
                Err(ReadError::Refused(exception)) if exception.is_busy() && retries > 0 => retries -= 1,
                answer => return answer,
            }
            sleep(BUSY_PAUSE).await;
        }
    }
}

impl<'a> Poller<'a> {
    pub(crate) fn new(tags: &'a [Tag], members: Vec<usize>, merging: Merging) -> Self {
        let blocks = merged(tags, members.iter().copied(), merging, &Walls::new());
        let (holes, walls, reported) = (Vec::new(), Walls::new(), vec![false; tags.len()]);
        Self { tags, members, merging, blocks, holes, walls, reported }
    }

    /// How many requests the next poll takes, as far as is known.
    pub(crate) fn requests(&self) -> usize {
        self.blocks.len()
    }

    /// A sample of bad quality of every tag.
    pub(crate) fn all_bad(&self, clock: &Clock, reason: Reason) -> Vec<Sample> {
        let time = clock.now();
        self.members.iter().map(|&member| bad_sample(&self.tags[member].signal, time, reason)).collect()
    }

    /// Reads every tag once and appends a sample of each.
    ///
    /// A request that the device refuses costs the quality of its own tags only. If it was merged from several, it is halved
    /// until what is refused stands alone: a hole, which is never merged over and seldom tried again.
    ///
    /// # Errors
    /// If the unit does not answer or the connection is lost; `samples` then holds what had been read.
    pub(crate) async fn poll(
        &mut self,
        device: &Device,
        clock: &Clock,
        counters: &Counters,
        samples: &mut Vec<Sample>,
    ) -> Result<(), ReadError> {
        let mut poll = Poll { device, clock, counters, at: None, samples };
        let mut learnt = self.retry_hole(&mut poll).await?;
        for block in self.blocks.clone() {
            match self.read(&block, &mut poll).await? {
                Some(exception) if exception.concerns_address() => {
                    learnt = true;
                    self.halve(&block, exception, &mut poll).await?;
                }
                Some(exception) => self.refuse(&block, exception, &mut poll),
                None => {}
            }
        }
        if learnt {
            self.plan();
        }
        Ok(())
    }

    /// Gives the holes bad quality. The first that is due is tried again; whether it is one no more.
    async fn retry_hole(&mut self, poll: &mut Poll<'_>) -> Result<bool, ReadError> {
        let due = self.holes.iter().position(|hole| hole.retry <= Instant::now());
        for (_, hole) in self.holes.iter().enumerate().filter(|(place, _)| Some(*place) != due) {
            let time = poll.time();
            let bad = |&member: &usize| bad_sample(&self.tags[member].signal, time, hole.reason);
            poll.samples.extend(hole.block.members.iter().map(bad));
        }
        let Some(place) = due else { return Ok(false) };
        self.holes[place].retry = Instant::now() + poll.clock.duration(HOLE_RETRY_S);
        let block = self.holes[place].block.clone();
        if let Some(exception) = self.read(&block, poll).await? {
            self.refuse(&block, exception, poll);
            return Ok(false);
        }
        self.holes.remove(place);
        tracing::info!("{}: {} can be read now", poll.device, block.span);
        block.members.iter().for_each(|&member| self.reported[member] = false);
        Ok(true)
    }

    /// Reads a refused block in halves of halves, until each refusal is of what stands alone.
    async fn halve(&mut self, block: &Block, exception: Exception, poll: &mut Poll<'_>) -> Result<(), ReadError> {
        let parts = alone(self.tags, block.members.iter().copied());
        let mut refused = vec![(0..parts.len(), exception)];
        // What was refused as a whole, and the cell at which it was halved; the smaller later.
        let mut halved: Vec<(Span, u32)> = Vec::new();
        let holes_before = self.holes.len();
        while let Some((range, exception)) = refused.pop() {
            if range.len() == 1 {
                self.remember(parts[range.start].clone(), exception, poll);
                continue;
            }
            let middle = range.start + range.len() / 2;
            halved.push((joined(&parts[range.clone()]).span, u32::from(parts[middle].span.start)));
            for half in [range.start..middle, middle..range.end] {
                let asked = joined(&parts[half.clone()]);
                match self.read(&asked, poll).await? {
                    Some(exception) if exception.concerns_address() => refused.push((half, exception)),
                    Some(exception) => self.refuse(&asked, exception, poll),
                    None => {}
                }
            }
        }
        // Where both halves can be read and the whole cannot, something between them or its length is refused.
        for &(span, wall) in halved.iter().rev() {
            let explained = self.holes[holes_before..].iter().any(|hole| overlap(hole.block.span, span))
                || is_between(&self.walls, span.table, span.start.into(), span.end() - 1);
            if !explained {
                self.walls.insert((span.table, wall));
                tracing::warn!(
                    "{}: it refuses {span} in one request and gives it in two: from now on it is asked so; if it gives \
                     fewer registers at once than others, set the link's max_registers",
                    poll.device
                );
            }
        }
        Ok(())
    }

    /// Plans anew what to ask for, with what has been learnt.
    fn plan(&mut self) {
        let is_hole = |member: &usize| self.holes.iter().any(|hole| hole.block.members.contains(member));
        let good: Vec<usize> = self.members.iter().copied().filter(|member| !is_hole(member)).collect();
        let ends = |hole: &Hole| {
            let span = hole.block.span;
            [(span.table, u32::from(span.start)), (span.table, span.end())]
        };
        let walls: Walls = self.holes.iter().flat_map(ends).chain(self.walls.iter().copied()).collect();
        self.blocks = merged(self.tags, good, self.merging, &walls);
    }

    /// Reads one block into samples; `Some` if the device refuses it.
    async fn read(&mut self, block: &Block, poll: &mut Poll<'_>) -> Result<Option<Exception>, ReadError> {
        let answer = poll.read(block.span).await;
        let cells = match answer {
            Err(ReadError::Refused(exception)) => {
                poll.time();
                return Ok(Some(exception));
            }
            other => other?,
        };
        let time = poll.time();
        for &member in &block.members {
            let tag = &self.tags[member];
            let own = block.cells_of(tag.span, &cells);
            let sample = match decode(tag, own) {
                Ok(value) => Sample { signal: tag.signal.id, source_time: time, value, quality: Quality::Good },
                Err(reason) => self.undecodable(member, own, reason, time),
            };
            poll.samples.push(sample);
        }
        Ok(None)
    }

    fn undecodable(&mut self, member: usize, cells: &[u16], reason: Reason, time: Timestamp) -> Sample {
        let signal = &self.tags[member].signal;
        if !std::mem::replace(&mut self.reported[member], true) {
            tracing::warn!(
                "{}: {}: address `{}` holds {cells:04X?}, which is no usable {} in order {}: {reason}; told once",
                signal.origin,
                signal.path,
                signal.address,
                signal.data_type.name(),
                signal.word_order.name(),
            );
        }
        bad_sample(signal, time, reason)
    }

    fn remember(&mut self, block: Block, exception: Exception, poll: &mut Poll<'_>) {
        self.refuse(&block, exception, poll);
        let retry = Instant::now() + poll.clock.duration(HOLE_RETRY_S);
        self.holes.push(Hole { block, reason: reason(exception), retry });
    }

    fn refuse(&mut self, block: &Block, exception: Exception, poll: &mut Poll<'_>) {
        let time = poll.time();
        for &member in &block.members {
            let signal = &self.tags[member].signal;
            if !std::mem::replace(&mut self.reported[member], true) {
                tracing::warn!(
                    "{}: {}: the device refuses address `{}`: {exception}; told once, tried again every {HOLE_RETRY_S} s",
                    signal.origin,
                    signal.path,
                    signal.address,
                );
            }
            poll.samples.push(bad_sample(signal, time, reason(exception)));
        }
    }
}

/// One request for neighbours that are sorted by address.
fn joined(parts: &[Block]) -> Block {
    let first = parts[0].span;
    let end = parts.iter().map(|part| part.span.end()).max().unwrap_or(first.end());
    let members = parts.iter().flat_map(|part| part.members.iter().copied()).collect();
    Block { span: Span { count: (end - u32::from(first.start)) as u16, ..first }, members }
}

fn overlap(left: Span, right: Span) -> bool {
    left.table == right.table && u32::from(left.start) < right.end() && u32::from(right.start) < left.end()
}

/// What a refusal makes of the values that were asked for.
fn reason(exception: Exception) -> Reason {
    match exception {
        Exception::ILLEGAL_FUNCTION | Exception::ILLEGAL_ADDRESS | Exception::ILLEGAL_VALUE => Reason::UnknownAddress,
        _ => Reason::DeviceFault,
    }
}
