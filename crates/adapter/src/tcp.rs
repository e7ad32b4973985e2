//! The way to a device that may be off.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, ToSocketAddrs, lookup_host};
use tokio::time::timeout;

/// How long an address may take to answer the first packet. One that is off drops it, and the system would send the next after 1,
/// 3 and 7 s: who waits for those sees a device late that is back. To try anew is as good, and sees it within two seconds.
pub const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Connects to the first address of a place that answers, and sends what is written at once.
///
/// # Errors
/// If the name is not known, or why the last of its addresses does not take the connection.
pub async fn connect(place: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let mut refusal = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(place).await? {
        match timeout(ANSWER_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => refusal = error,
            Err(_) => {
                let problem = format!("{address} does not answer within {ANSWER_MAX:?}");
                refusal = io::Error::new(io::ErrorKind::TimedOut, problem);
            }
        }
    }
    Err(refusal)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;

    use telemetry::{Event, LinkId, LinkState, Timestamp};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::testing::dark_listener;
    use crate::{Clock, Context, LinkError, keep_connected, queue, without_farewell};

    async fn session(context: &Context, address: SocketAddr) -> Result<Infallible, LinkError> {
        let _stream = connect(address).await.map_err(|error| LinkError::Lost(error.to_string()))?;
        context.link_up().await?;
        std::future::pending().await
    }

    #[tokio::test]
    async fn a_host_that_drops_everything_is_told_as_such_and_found_within_two_seconds_of_its_return() {
        let (listener, _waiting) = dark_listener().await;
        let address = listener.local_addr().unwrap();
        let told = connect(address).await.unwrap_err();
        assert!(told.to_string().contains("does not answer within 1s"), "{told}");

        let (sender, mut events) = queue(16);
        let stop = CancellationToken::new();
        let context = Context::new(LinkId(0), Clock::scaled(Timestamp::EPOCH, 1.0), stop.clone(), sender);
        let running = tokio::spawn(async move {
            keep_connected(&context, |context| without_farewell(context, session(context, address))).await;
        });
        assert!(matches!(events.recv().await, Some(Event::Link { state: LinkState::Down { .. }, .. })));
        // Until the pauses are as long as they get.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (returned, accepting) =
            (Instant::now(), tokio::spawn(async move { while listener.accept().await.is_ok() {} }));
        assert_eq!(events.recv().await, Some(Event::Link { link: LinkId(0), state: LinkState::Up }));
        assert!(returned.elapsed() <= Duration::from_secs(2), "found after {:?}", returned.elapsed());
        stop.cancel();
        running.await.unwrap();
        accepting.abort();
    }
}
