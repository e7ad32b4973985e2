use adapter::{Clock, bad_sample};
use telemetry::{Quality, Reason, Sample, Timestamp};
use tokio_modbus::ExceptionCode;

use crate::connection::{Connection, ReadError, concerns_address, reason};
use crate::decode::decode;
use crate::plan::{Block, Merging, alone, merged};
use crate::tag::Tag;

/// What is polled over one connection, and what has been learnt of the device on it.
pub(crate) struct Poller<'a> {
    tags: &'a [Tag],
    blocks: Vec<Block>,
    /// Whether the log has been told that the tag gives no value.
    reported: Vec<bool>,
}

/// One poll as far as it went: all samples have the time at which the first answer arrived.
struct Poll<'a> {
    clock: &'a Clock,
    at: Option<Timestamp>,
    samples: &'a mut Vec<Sample>,
}

impl Poll<'_> {
    fn time(&mut self) -> Timestamp {
        *self.at.get_or_insert_with(|| self.clock.now())
    }
}

impl<'a> Poller<'a> {
    pub(crate) fn new(tags: &'a [Tag], merging: Merging) -> Self {
        Self { tags, blocks: merged(tags, 0..tags.len(), merging), reported: vec![false; tags.len()] }
    }

    /// How many requests the next poll takes, as far as is known.
    pub(crate) fn requests(&self) -> usize {
        self.blocks.len()
    }

    /// Reads every tag once and appends a sample of each.
    ///
    /// A request that the device refuses costs the quality of its own tags only. If it had been merged from several, they
    /// are read alone at once, so that one hole does not hide its neighbours, and are never again merged over it.
    ///
    /// # Errors
    /// If the connection is lost, in words for a person; `samples` then holds what had been read, and the poller must be
    /// dropped with the connection.
    pub(crate) async fn poll(
        &mut self,
        connection: &mut Connection,
        clock: &Clock,
        samples: &mut Vec<Sample>,
    ) -> Result<(), String> {
        let mut poll = Poll { clock, at: None, samples };
        let mut next = Vec::with_capacity(self.blocks.len());
        for block in std::mem::take(&mut self.blocks) {
            match self.read(&block, connection, &mut poll).await? {
                Some(exception) if concerns_address(exception) && self.is_merged(&block) => {
                    next.extend(self.read_apart(&block, connection, &mut poll).await?);
                }
                Some(exception) => {
                    self.refuse(&block, exception, &mut poll);
                    next.push(block);
                }
                None => next.push(block),
            }
        }
        self.blocks = next;
        Ok(())
    }

    fn is_merged(&self, block: &Block) -> bool {
        block.members.iter().any(|&member| self.tags[member].span != block.span)
    }

    /// Reads the tags of a refused block alone. Returns the blocks to read from now on.
    async fn read_apart(
        &mut self,
        block: &Block,
        connection: &mut Connection,
        poll: &mut Poll<'_>,
    ) -> Result<Vec<Block>, String> {
        let mut readable = Vec::new();
        let mut refused = Vec::new();
        for single in alone(self.tags, block.members.iter().copied()) {
            match self.read(&single, connection, poll).await? {
                Some(exception) => {
                    self.refuse(&single, exception, poll);
                    refused.push(single);
                }
                None => readable.push(single),
            }
        }
        let good = || readable.iter().flat_map(|single| single.members.iter().copied());
        let gapless = merged(self.tags, good(), Merging { max_registers: block_registers(block), max_gap: 0 });
        // If merging the readable tags without gaps is what was just refused, they stay alone.
        let next = if gapless.iter().any(|merged| merged.span == block.span) { readable } else { gapless };
        Ok(next.into_iter().chain(refused).collect())
    }

    /// Reads one block into samples; `Some` if the device refuses it.
    async fn read(
        &mut self,
        block: &Block,
        connection: &mut Connection,
        poll: &mut Poll<'_>,
    ) -> Result<Option<ExceptionCode>, String> {
        let answer = connection.read(block.span).await;
        let time = poll.time();
        match answer {
            Err(ReadError::Lost(problem)) => Err(problem),
            Err(ReadError::Refused(exception)) => Ok(Some(exception)),
            Ok(cells) => {
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
        }
    }

    fn undecodable(&mut self, member: usize, cells: &[u16], reason: Reason, time: Timestamp) -> Sample {
        let signal = &self.tags[member].signal;
        if !std::mem::replace(&mut self.reported[member], true) {
            tracing::warn!(
                "{}: {}: address `{}` holds {cells:04X?}, which is no usable {} in order {}: {reason}; told once per \
                 connection",
                signal.origin,
                signal.path,
                signal.address,
                signal.data_type.name(),
                signal.word_order.name(),
            );
        }
        bad_sample(signal, time, reason)
    }

    fn refuse(&mut self, block: &Block, exception: ExceptionCode, poll: &mut Poll<'_>) {
        let time = poll.time();
        for &member in &block.members {
            let signal = &self.tags[member].signal;
            if !std::mem::replace(&mut self.reported[member], true) {
                tracing::warn!(
                    "{}: {}: the device refuses address `{}`: {exception}; told once per connection",
                    signal.origin,
                    signal.path,
                    signal.address,
                );
            }
            poll.samples.push(bad_sample(signal, time, reason(exception)));
        }
    }
}

/// The registers' worth of room that a block takes.
fn block_registers(block: &Block) -> u16 {
    block.span.count.div_ceil(block.span.table.cells_in(1))
}
