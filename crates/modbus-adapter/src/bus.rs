//! The one connection to an endpoint, which all its units and links share in turns.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use adapter::Counters;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::frame::{Answer, Exception, Request, rtu_answer, take_tcp};
use crate::transport::{Dial, Endpoint, Framing, Stream};

/// The least time from one attempt to connect to the next, whoever asks for it: links that share an endpoint make no storm.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(200);
/// Answers to other requests than the one under way, in a row, after which the connection is given up.
const MISMATCHES_MAX: u32 = 4;
/// Requests in a row without any answer, for each link that shares the connection, after which it is given up.
const UNANSWERED_MAX: usize = 2;
/// There is room for at least that many bytes to be taken in one go: more than the longest frame.
const READ_BYTES: usize = 512;
/// The most times that bytes to nobody are taken before a request; a line that still has more is of no use.
const NOISE_READS_MAX: usize = 64;

/// The buses of a plant: one for each endpoint, as long as a link is on it.
#[derive(Debug, Default)]
pub struct Buses(BTreeMap<String, Weak<Bus>>);

impl Buses {
    /// The bus of one endpoint, there before any link asks for it.
    #[cfg(test)]
    pub(crate) fn with(bus: &Arc<Bus>) -> Self {
        Self(BTreeMap::from([(bus.endpoint.key(), Arc::downgrade(bus))]))
    }

    /// The bus of an endpoint for one more link. The first link's pauses hold for all; the plant's check has seen to it that
    /// they are the same.
    pub(crate) fn join(&mut self, endpoint: Endpoint, pauses: Pauses) -> Seat {
        let place = self.0.entry(endpoint.key()).or_default();
        let bus = place.upgrade().unwrap_or_else(|| Arc::new(Bus::new(endpoint, pauses)));
        *place = Arc::downgrade(&bus);
        Seat::on(bus)
    }
}

/// A link's place on a bus, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Bus>);

impl Seat {
    /// One more on a bus.
    pub(crate) fn on(bus: Arc<Bus>) -> Self {
        bus.links.fetch_add(1, Ordering::Relaxed);
        Self(bus)
    }
}

impl Deref for Seat {
    type Target = Bus;

    fn deref(&self) -> &Bus {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.links.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a device wants to be spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Pauses {
    /// From the connection to the first request.
    pub(crate) after_connect: Duration,
    /// From an answer to the next request.
    pub(crate) between_requests: Duration,
}

/// Why a request gave no cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadError {
    /// The device refuses this request; it will answer others.
    Refused(Exception),
    /// The unit did not answer, or not with an answer; others may. In words for a person.
    Unanswered(String),
    /// There is no connection. In words for a person.
    Lost(String),
}

/// One endpoint's connection. Whoever reads waits for its turn; turns are taken in the order in which they are asked for,
/// and one request is under way at a time. The connection is opened when somebody reads.
pub(crate) struct Bus {
    endpoint: Endpoint,
    dial: Dial,
    pauses: Pauses,
    links: AtomicUsize,
    line: Mutex<Line>,
}

/// What a turn is about.
#[derive(Default)]
struct Line {
    connection: Option<Connection>,
    attempted: Option<Instant>,
    /// Why the last attempt to connect failed, if it did.
    failure: Option<String>,
    /// Requests in a row without any answer.
    unanswered: usize,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bus({})", self.endpoint)
    }
}

impl Bus {
    pub(crate) fn new(endpoint: Endpoint, pauses: Pauses) -> Self {
        Self::through(endpoint.dial(), endpoint, pauses)
    }

    /// The same with another way to get there.
    pub(crate) fn through(dial: Dial, endpoint: Endpoint, pauses: Pauses) -> Self {
        Self { endpoint, dial, pauses, links: AtomicUsize::new(0), line: Mutex::default() }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the last attempt to connect failed.
    pub(crate) async fn is_unreachable(&self) -> bool {
        self.line.lock().await.failure.is_some()
    }

    /// Whether a unit that does not answer takes turns from others.
    pub(crate) fn is_shared(&self) -> bool {
        self.links.load(Ordering::Relaxed) > 1
    }

    /// Asks a unit for cells when it is its turn. Answers that come to no request are counted.
    pub(crate) async fn read(
        &self,
        request: Request,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Vec<u16>, ReadError> {
        let mut line = self.line.lock().await;
        let mut connection = match line.connection.take() {
            Some(connection) => connection,
            None => self.open(&mut line, patience).await.map_err(ReadError::Lost)?,
        };
        // While it is out of the line, a reader that is dropped takes it along: half a request can never be gone on with.
        let answer = connection.ask(request, patience, self.pauses, counters).await;
        if !matches!(answer, Err(ReadError::Unanswered(_) | ReadError::Lost(_))) {
            line.unanswered = 0;
        }
        match answer {
            Ok(Answer::Cells(cells)) => {
                line.connection = Some(connection);
                Ok(cells)
            }
            Ok(Answer::Refused(exception)) => {
                line.connection = Some(connection);
                Err(if exception.is_of_gateway() {
                    ReadError::Unanswered(format!("the gateway says: {exception}"))
                } else {
                    ReadError::Refused(exception)
                })
            }
            Err(ReadError::Unanswered(problem)) => {
                line.unanswered += 1;
                if line.unanswered >= UNANSWERED_MAX * self.links.load(Ordering::Relaxed) {
                    line.unanswered = 0;
                    return Err(ReadError::Lost(problem));
                }
                line.connection = Some(connection);
                Err(ReadError::Unanswered(problem))
            }
            Err(other) => Err(other),
        }
    }

    async fn open(&self, line: &mut Line, patience: Duration) -> Result<Connection, String> {
        let now = Instant::now();
        if let Some(next) = line.attempted.map(|at| at + ATTEMPT_PAUSE).filter(|&next| now < next) {
            if let Some(failure) = &line.failure {
                return Err(failure.clone());
            }
            sleep_until(next).await;
        }
        line.attempted = Some(Instant::now());
        let opened = match timeout(patience, (self.dial)()).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("no answer within {patience:?}")),
        };
        let opened = opened.map_err(|problem| format!("cannot connect: {problem}"));
        line.failure = opened.as_ref().err().cloned();
        line.unanswered = 0;
        let ready = Instant::now() + self.pauses.after_connect;
        Ok(Connection {
            stream: opened?,
            framing: self.endpoint.framing(),
            gap: self.endpoint.gap(),
            received: Vec::new(),
            transaction: 0,
            mismatches: 0,
            ready,
            owed: None,
        })
    }
}

/// An open connection.
struct Connection {
    stream: Box<dyn Stream>,
    framing: Framing,
    /// The least silence before a request.
    gap: Duration,
    /// What has come and is not understood yet.
    received: Vec<u8>,
    transaction: u16,
    /// Answers in a row to other requests than the one under way.
    mismatches: u32,
    /// When the next request may be sent.
    ready: Instant,
    /// RTU: a request that may still be answered, and until when the line is listened to for that.
    owed: Option<(Request, Instant)>,
}

impl Connection {
    async fn ask(
        &mut self,
        request: Request,
        patience: Duration,
        pauses: Pauses,
        counters: &Counters,
    ) -> Result<Answer, ReadError> {
        // The timer takes a millisecond even for what is past.
        if self.ready > Instant::now() {
            sleep_until(self.ready).await;
        }
        let answer = match self.framing {
            Framing::Tcp => self.ask_tcp(request, patience, counters).await,
            Framing::Rtu => {
                self.settle(counters).await?;
                self.ask_rtu(request, patience, counters).await
            }
        };
        self.ready = Instant::now() + pauses.between_requests.max(self.gap);
        answer
    }

    /// An answer says by its transaction which request it is to: a late one is left out and counted, and the next is waited
    /// for.
    async fn ask_tcp(
        &mut self,
        request: Request,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Answer, ReadError> {
        self.transaction = self.transaction.wrapping_add(1);
        let deadline = Instant::now() + patience;
        self.send(&request.tcp(self.transaction), deadline).await?;
        loop {
            while let Some(frame) = take_tcp(&mut self.received).map_err(ReadError::Lost)? {
                if frame.transaction == self.transaction {
                    self.mismatches = 0;
                    return if frame.unit == request.unit {
                        request.answer(&frame.message).map_err(ReadError::Lost)
                    } else {
                        let (theirs, ours) = (frame.unit, request.unit);
                        let problem = format!("unit {theirs} answers for unit {ours}; set the link's unit to {theirs}");
                        Err(ReadError::Lost(problem))
                    };
                }
                counters.add_unusable(1);
                self.mismatches += 1;
                if self.mismatches >= MISMATCHES_MAX {
                    let problem = format!("{MISMATCHES_MAX} answers in a row were to other requests than the last");
                    return Err(ReadError::Lost(problem));
                }
            }
            if !self.receive(deadline).await? {
                // What has begun would swallow the answers that come next.
                return Err(if self.received.is_empty() {
                    ReadError::Unanswered(format!("no answer within {patience:?}"))
                } else {
                    ReadError::Lost(format!("an answer broke off in the middle, and did not go on within {patience:?}"))
                });
            }
        }
    }

    /// An answer says only what kind it is, so after one that is missing nothing is asked for as long again: [`Self::settle`].
    async fn ask_rtu(
        &mut self,
        request: Request,
        patience: Duration,
        counters: &Counters,
    ) -> Result<Answer, ReadError> {
        let deadline = Instant::now() + patience;
        self.send(&request.rtu(), deadline).await?;
        loop {
            match rtu_answer(&request, &self.received) {
                Ok(Some(answer)) => {
                    self.received.clear();
                    return Ok(answer);
                }
                Ok(None) => {}
                Err(problem) => {
                    counters.add_unusable(1);
                    self.owed = Some((request, Instant::now() + patience));
                    return Err(ReadError::Unanswered(format!("what came is no answer: {problem}")));
                }
            }
            if !self.receive(deadline).await? {
                self.owed = Some((request, Instant::now() + patience));
                return Err(ReadError::Unanswered(format!("no answer within {patience:?}")));
            }
        }
    }

    /// Listens until a late answer has come, or can be taken not to come any more; all else is thrown away.
    async fn settle(&mut self, counters: &Counters) -> Result<(), ReadError> {
        let mut reads = 0;
        let mut owed = self.owed.take();
        // What came to nobody in between is there at once.
        while self.receive(owed.map_or_else(Instant::now, |(_, deadline)| deadline)).await? {
            if owed.is_some_and(|(request, _)| matches!(rtu_answer(&request, &self.received), Ok(Some(_)))) {
                counters.add_unusable(1);
                owed = None;
            }
            reads += 1;
            if reads == NOISE_READS_MAX {
                return Err(ReadError::Lost("the line is never silent: is somebody else speaking on it?".to_owned()));
            }
        }
        self.received.clear();
        Ok(())
    }

    async fn send(&mut self, frame: &[u8], deadline: Instant) -> Result<(), ReadError> {
        match timeout_at(deadline, self.stream.write_all(frame)).await {
            Ok(sent) => sent.map_err(broken),
            Err(_) => Err(ReadError::Lost("it takes no more requests".to_owned())),
        }
    }

    /// Takes what comes; `false` if nothing has come by the deadline.
    async fn receive(&mut self, deadline: Instant) -> Result<bool, ReadError> {
        self.received.reserve(READ_BYTES);
        match timeout_at(deadline, self.stream.read_buf(&mut self.received)).await {
            Err(_) => Ok(false),
            Ok(Err(error)) => Err(broken(error)),
            Ok(Ok(0)) => {
                let problem = "the device closed the connection; many accept just one client at a time";
                Err(ReadError::Lost(problem.to_owned()))
            }
            Ok(Ok(_)) => Ok(true),
        }
    }
}

fn broken(error: io::Error) -> ReadError {
    ReadError::Lost(format!("the connection broke: {error}"))
}
