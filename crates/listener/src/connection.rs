use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use crate::tls::Tls;

/// A connection on which no byte has moved for this long is closed: a peer that vanished, stopped reading or never asks.
/// Longer than the live stream's keep-alive interval.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How long a peer may take to agree on TLS.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// What requests are read from: TCP, or TLS over it.
pub type Io = Either<Connection, TlsStream<Connection>>;
/// Ends with a connection, if its peer speaks TLS.
type Handshake = BoxFuture<'static, Option<(TlsStream<Connection>, SocketAddr)>>;

/// A listener with a bounded number of connections, none of which can be held without being used.
pub struct BoundedListener {
    inner: TcpListener,
    places: Arc<Semaphore>,
    idle_max: Duration,
    tls: Option<Arc<Tls>>,
    /// Each holds a place: a slow one keeps nobody else waiting, and there are never more than places.
    handshakes: FuturesUnordered<Handshake>,
    handshakes_failed: Arc<AtomicU64>,
}

impl BoundedListener {
    /// A listener that serves so many connections at once; more wait in the operating system's queue until one ends. Those that
    /// end before TLS is agreed on are counted.
    pub fn new(inner: TcpListener, places: usize, tls: Option<Arc<Tls>>, handshakes_failed: Arc<AtomicU64>) -> Self {
        let places = Arc::new(Semaphore::new(places));
        Self { inner, places, idle_max: IDLE_MAX, tls, handshakes: FuturesUnordered::new(), handshakes_failed }
    }

    /// Begins to agree on TLS with a peer.
    fn shake_hands(&self, tls: &Tls, connection: Connection, peer: SocketAddr) -> Handshake {
        let (accepted, failed) = (tls.acceptor().accept(connection), Arc::clone(&self.handshakes_failed));
        Box::pin(async move {
            let problem = match timeout(HANDSHAKE_MAX, accepted).await {
                Ok(Ok(stream)) => return Some((stream, peer)),
                Ok(Err(error)) => error.to_string(),
                Err(late) => late.to_string(),
            };
            failed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%peer, problem, "no TLS was agreed on");
            None
        })
    }
}

/// The next TCP connection for which there is a place. Nothing is lost if it is no longer waited for.
async fn accept(inner: &mut TcpListener, places: &Arc<Semaphore>, idle_max: Duration) -> (Connection, SocketAddr) {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
    // Qualified: this one keeps trying when the operating system refuses, for want of file handles say.
    let (stream, peer) = <TcpListener as Listener>::accept(inner).await;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot switch off Nagle's algorithm; answers may come a little later");
    }
    (Connection::new(stream, idle_max, place), peer)
}

impl Listener for BoundedListener {
    type Io = Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Io, SocketAddr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.next() => {
                    if let Some((stream, peer)) = done {
                        return (Either::Right(stream), peer);
                    }
                }
                (connection, peer) = accept(&mut self.inner, &self.places, self.idle_max) => match self.tls.clone() {
                    None => return (Either::Left(connection), peer),
                    Some(tls) => self.handshakes.push(self.shake_hands(&tls, connection, peer)),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A TCP connection that fails once nothing has moved on it for too long.
pub struct Connection {
    stream: TcpStream,
    idle_max: Duration,
    deadline: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, idle_max: Duration, place: OwnedSemaphorePermit) -> Self {
        Self { stream, idle_max, deadline: Box::pin(tokio::time::sleep(idle_max)), _place: place }
    }

    /// Passes on what an operation on the stream gave. While it waits, the deadline runs; when it is done, it starts anew.
    fn within_deadline<T>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_pending() {
            ready!(self.deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "nothing moved on the connection")));
        }
        self.deadline.as_mut().reset(Instant::now() + self.idle_max);
        done
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.within_deadline(context, done)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_deadline(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.within_deadline(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // A TCP stream has no buffer of its own to flush, so this moves nothing and leaves the deadline alone.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn bounded(places: usize, idle_max: Duration) -> (BoundedListener, SocketAddr) {
        let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = inner.local_addr().unwrap();
        (BoundedListener { idle_max, ..BoundedListener::new(inner, places, None, Arc::default()) }, address)
    }

    #[tokio::test]
    async fn a_connection_that_nobody_uses_is_given_up() {
        let (mut listener, address) = bounded(1, Duration::from_millis(20)).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (mut listener, address) = bounded(1, Duration::from_millis(20)).await;
        let _deaf = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let more_than_buffers_hold = vec![0; 64 << 20];
        let error = connection.write_all(&more_than_buffers_hold).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn the_next_connection_waits_for_a_place() {
        let (mut listener, address) = bounded(1, IDLE_MAX).await;
        let (_one, _two) = (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
        let (first, _) = listener.accept().await;
        let waits = futures_util::FutureExt::now_or_never(listener.accept());
        assert!(waits.is_none(), "the only place is taken");
        drop(first);
        listener.accept().await;
    }
}
