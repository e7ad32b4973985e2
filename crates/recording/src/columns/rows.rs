//! Inputs as rows.

use telemetry::{Event, Input, LinkState, Quality, Sample};

use crate::wire;

/// A row: a sample, or an input that is none.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) sequence: u64,
    /// Which of its batch's samples it is.
    pub(super) position: u32,
    pub(super) received_ns: i64,
    pub(super) link: Option<u16>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Sample(Sample),
    /// What kind of input it is, for people, and the input as JSON.
    Other(&'static str, String),
}

/// The kind of a row that is a sample.
pub(super) const SAMPLE: &str = "sample";

impl Row {
    pub(super) fn sample(&self) -> Option<&Sample> {
        match &self.content {
            Content::Sample(sample) => Some(sample),
            Content::Other(..) => None,
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Sample(_) => SAMPLE,
            Content::Other(kind, _) => kind,
        }
    }
}

/// Appends the rows of an input: at least one.
pub(super) fn push(rows: &mut Vec<Row>, input: &Input) -> Result<(), serde_json::Error> {
    let row = |position, link, content| Row {
        sequence: input.sequence,
        position,
        received_ns: input.received.as_nanos(),
        link,
        content,
    };
    match &input.event {
        Event::Samples(batch) if !batch.samples.is_empty() => {
            let link = Some(batch.link.0);
            let samples = (0..).zip(&batch.samples);
            rows.extend(samples.map(|(position, sample)| row(position, link, Content::Sample(*sample))));
        }
        event => {
            let json = serde_json::to_string(&wire::Event::from(event))?;
            rows.push(row(0, link_of(event), Content::Other(kind_of(event), json)));
        }
    }
    Ok(())
}

fn link_of(event: &Event) -> Option<u16> {
    match event {
        Event::Samples(batch) => Some(batch.link.0),
        Event::Link { link, .. } => Some(link.0),
        Event::Command(_) | Event::Tick => None,
    }
}

fn kind_of(event: &Event) -> &'static str {
    match event {
        Event::Samples(_) => "empty batch",
        Event::Link { state: LinkState::Up, .. } => "link up",
        Event::Link { state: LinkState::Down { .. }, .. } => "link down",
        Event::Command(_) => "command",
        Event::Tick => "tick",
    }
}

/// A quality's name, for people.
pub(super) fn quality_name(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "good",
        Quality::Uncertain(_) => "uncertain",
        Quality::Bad(_) => "bad",
    }
}

/// A quality as a number: 0 is good, 256 and a reason's code uncertain, 512 and a reason's code bad.
pub(super) fn quality_code(quality: Quality) -> i32 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain(reason) => UNCERTAIN + i32::from(reason.code()),
        Quality::Bad(reason) => BAD + i32::from(reason.code()),
    }
}

/// The quality that has this code.
pub(super) fn quality_of(code: i32) -> Option<Quality> {
    let reason = |from: i32| telemetry::Reason::from_code(u8::try_from(code.checked_sub(from)?).ok()?);
    match code {
        0 => Some(Quality::Good),
        UNCERTAIN..BAD => reason(UNCERTAIN).map(Quality::Uncertain),
        _ => reason(BAD).map(Quality::Bad),
    }
}

const UNCERTAIN: i32 = 256;
const BAD: i32 = 512;
