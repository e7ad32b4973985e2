//! A connection to a controller: requests and their answers, and the results that come in between.

use std::collections::VecDeque;
use std::time::Duration;

use adapter::{LinkError, tcp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::frame::{MESSAGE_BYTES_MAX, Message, Request, take};
use crate::result::LAST_RESULT;

/// How long a controller may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// After so long without a message it is asked for one. It closes a connection that is silent for 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// The most results that wait while others are fetched. A controller sends no further one before the last is acknowledged.
const HELD_MAX: usize = 16;
/// MID 0004: the request is refused.
const REFUSED: u16 = 4;
/// MID 0005: the request is accepted.
const ACCEPTED: u16 = 5;

/// Why a controller refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What was asked for.
    pub(crate) mid: u16,
    /// The number of the reason.
    pub(crate) code: u8,
}

impl Refused {
    /// What was asked for is done already.
    pub(crate) const ALREADY_SUBSCRIBED: u8 = 9;
    /// There is no such result.
    pub(crate) const NOT_FOUND: u8 = 15;
    /// The revision is none that it knows.
    pub(crate) const REVISION: u8 = 97;

    /// The reason in words for a person.
    pub(crate) fn words(self) -> String {
        let words = match self.code {
            Self::ALREADY_SUBSCRIBED => "the subscription is there already",
            Self::NOT_FOUND => "there is no such result",
            96 => "another client is connected already; let go of that, or have the controller take more than one",
            Self::REVISION => "the revision is not supported",
            99 => "the request is not known",
            _ => "see the controller's own list of errors",
        };
        format!("it refuses MID {:04} with error {:02}: {words}", self.mid, self.code)
    }
}

/// A connection on which one request at a time is under way.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    /// Results that came while an answer was waited for.
    held: VecDeque<Message>,
}

impl Connection {
    pub(crate) async fn open(host: &str, port: u16) -> Result<Self, LinkError> {
        let place = format!("{host}:{port}");
        let connected = tcp::connect((host, port)).await;
        let stream = connected.map_err(|error| LinkError::Lost(format!("cannot connect to {place}: {error}")))?;
        Ok(Self { stream, received: Vec::new(), held: VecDeque::new() })
    }

    /// Asks for something and waits for the answer: a message, or that and why it is refused.
    pub(crate) async fn ask(&mut self, request: Request) -> Result<Result<Message, Refused>, LinkError> {
        self.send(request).await?;
        let deadline = Instant::now() + ANSWER_MAX;
        loop {
            let received = timeout_at(deadline, self.receive()).await;
            let message = received.map_err(|_| {
                LinkError::Lost(format!(
                    "the controller does not answer MID {:04} within {ANSWER_MAX:?}",
                    request.mid()
                ))
            })??;
            match message.mid {
                LAST_RESULT => self.hold(message)?,
                REFUSED => return refused(&message, request.mid()).map(Err),
                ACCEPTED if message.data.trim() != format!("{:04}", request.mid()) => {
                    return Err(LinkError::Lost(format!(
                        "it accepts {:?} and not MID {:04}",
                        message.data,
                        request.mid()
                    )));
                }
                // What it answers to a keep-alive.
                9999 => {}
                _ => return Ok(Ok(message)),
            }
        }
    }

    /// The next result, whenever that comes. Has the controller say now and then that it is there.
    pub(crate) async fn next_result(&mut self) -> Result<Message, LinkError> {
        if let Some(held) = self.held.pop_front() {
            return Ok(held);
        }
        let mut is_asked = false;
        loop {
            let patience = if is_asked { ANSWER_MAX } else { SILENCE_MAX };
            match timeout(patience, self.receive()).await {
                Ok(Ok(message)) if message.mid == LAST_RESULT => return Ok(message),
                // Whatever it is, the controller is there.
                Ok(Ok(_)) => is_asked = false,
                Ok(Err(error)) => return Err(error),
                Err(_) if is_asked => {
                    return Err(LinkError::Lost(format!(
                        "the controller has said nothing for {:?}",
                        SILENCE_MAX + ANSWER_MAX
                    )));
                }
                Err(_) => {
                    self.send(Request::KeepAlive).await?;
                    is_asked = true;
                }
            }
        }
    }

    pub(crate) async fn send(&mut self, request: Request) -> Result<(), LinkError> {
        let sent = timeout(ANSWER_MAX, self.stream.write_all(&request.encode())).await;
        sent.map_err(|_| LinkError::Lost(format!("the controller takes nothing for {ANSWER_MAX:?}")))?
            .map_err(|error| LinkError::Lost(format!("the connection is lost: {error}")))
    }

    fn hold(&mut self, result: Message) -> Result<(), LinkError> {
        if self.held.len() == HELD_MAX {
            let problem = format!("the controller sends more than {HELD_MAX} results without waiting for MID 0062");
            return Err(LinkError::Lost(problem));
        }
        self.held.push_back(result);
        Ok(())
    }

    /// The next message. Nothing is lost if it is no longer waited for.
    async fn receive(&mut self) -> Result<Message, LinkError> {
        loop {
            if let Some(message) = take(&mut self.received).map_err(LinkError::Lost)? {
                return Ok(message);
            }
            let mut chunk = [0; MESSAGE_BYTES_MAX];
            match self.stream.read(&mut chunk).await {
                Ok(0) => return Err(LinkError::Lost("the controller has closed the connection".to_owned())),
                Ok(length) => self.received.extend_from_slice(&chunk[..length]),
                Err(error) => return Err(LinkError::Lost(format!("the connection is lost: {error}"))),
            }
        }
    }
}

/// What a MID 0004 says: four digits of what was asked for, two of the reason.
fn refused(message: &Message, asked: u16) -> Result<Refused, LinkError> {
    let mid = message.data.get(..4).and_then(|mid| mid.trim().parse().ok());
    let code = message.data.get(4..6).and_then(|code| code.trim().parse().ok());
    match (mid, code) {
        (Some(mid), Some(code)) if mid == asked => Ok(Refused { mid, code }),
        _ => Err(LinkError::Lost(format!("it refuses {:?}; expected MID {asked:04} and an error", message.data))),
    }
}
