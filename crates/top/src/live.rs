//! The line as it is heard: one stream after another, for as long as somebody looks.

use std::time::Duration;

use api_client::{Client, ClientError};
use backon::{BackoffBuilder, ExponentialBuilder};
use contract::LineV1;
use tokio::sync::mpsc;

/// The first pause before the daemon is asked for a new stream.
const PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest, before jitter: who comes back is seen soon, and many terminals do not come back at once.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// The pause where the daemon does not let us in: it counts the logins that fail, and takes no more after some.
const PAUSE_REFUSED: Duration = Duration::from_secs(30);
/// How many tellings may wait to be shown. A terminal that is slow holds the stream up, which then tells the whole anew.
const WAITING_MAX: usize = 4;

/// What is heard of the line.
pub(crate) enum Heard {
    /// The whole of it, put together.
    Line(Box<LineV1>),
    /// Nothing more, and why.
    Lost(Lost),
}

/// Why nothing is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The daemon is away, or what is between.
    Away(String),
    /// The daemon does not let us in.
    Refused(String),
    /// It speaks another version.
    Versions(String),
}

/// Follows the line until the receiver is gone.
pub(crate) fn follow(client: &Client) -> (mpsc::Receiver<Heard>, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (receiver, keep_following(client, sender))
}

async fn keep_following(client: &Client, heard: mpsc::Sender<Heard>) {
    let mut pauses = pauses();
    loop {
        let (was_live, ended) = one_stream(client, &heard).await;
        let Some(error) = ended else { return };
        if was_live {
            pauses = self::pauses();
        }
        let is_shut_out = error.is_shut_out();
        let lost = match error {
            ClientError::Away(problem) => Lost::Away(problem),
            ClientError::Refused { error, .. } => Lost::Refused(error),
            ClientError::Unreadable(problem) => Lost::Versions(problem),
        };
        let pause = if is_shut_out { PAUSE_REFUSED } else { pauses.next().unwrap_or(PAUSE_MAX) };
        if heard.send(Heard::Lost(lost)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

/// Follows one stream to its end: whether it told anything, and why it ended; `None` if nobody listens any more.
async fn one_stream(client: &Client, heard: &mpsc::Sender<Heard>) -> (bool, Option<ClientError>) {
    let mut stream = match client.stream().await {
        Ok(stream) => stream,
        Err(error) => return (false, Some(error)),
    };
    let mut line: Option<LineV1> = None;
    loop {
        let told = match stream.next().await {
            Ok(told) => told,
            Err(error) => return (line.is_some(), Some(error)),
        };
        line = merged(line, told);
        let Some(line) = &line else { continue };
        if heard.send(Heard::Line(Box::new(line.clone()))).await.is_err() {
            return (true, None);
        }
    }
}

/// The line after a change was told: what is left out is as it was.
fn merged(line: Option<LineV1>, told: LineV1) -> Option<LineV1> {
    if told.whole {
        return Some(told);
    }
    let before = line?;
    let mut stations = before.stations;
    for changed in told.stations {
        if let Some(station) = stations.iter_mut().find(|station| station.name == changed.name) {
            *station = changed;
        }
    }
    Some(LineV1 {
        whole: true,
        stations,
        links: told.links.or(before.links),
        alerts: told.alerts.or(before.alerts),
        nearest: told.nearest.or(before.nearest),
        ..told
    })
}

fn pauses() -> impl Iterator<Item = Duration> {
    let pauses = ExponentialBuilder::new().with_min_delay(PAUSE_MIN).with_max_delay(PAUSE_MAX);
    pauses.with_jitter().without_max_times().build()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_leaves_out_is_as_it_was() {
        let whole: LineV1 = serde_json::from_str(include_str!("../tests/fixtures/line.json")).unwrap();
        assert_eq!(merged(None, LineV1 { whole: false, ..whole.clone() }), None, "a change of nothing is nothing");
        let mut station = whole.stations[1].clone();
        station.part = Some("EV1-7".to_owned());
        let sequence = whole.sequence + 1;
        let change = LineV1 {
            whole: false,
            sequence,
            stations: vec![station.clone()],
            alerts: Some(Vec::new()),
            links: None,
            nearest: None,
            ..whole.clone()
        };
        let mut expected = LineV1 { sequence, alerts: Some(Vec::new()), ..whole.clone() };
        expected.stations[1] = station;
        assert_eq!(merged(Some(whole), change), Some(expected));
    }
}
