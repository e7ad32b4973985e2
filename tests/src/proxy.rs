//! A TCP proxy that stands between the daemon and a peer and does to their connection what networks and devices do. It
//! knows no protocol: a chunk is what the peer sent in one go, for most protocols one answer.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use crate::net::free_port;

/// What the proxy does. Each lasts until another is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// As a peer without power: every connection is reset, and new ones are refused.
    Gone,
    /// Holds everything back in both directions; it comes when the fault ends.
    Pause,
    /// Passes what the peer sends byte by byte, with that pause after each.
    Slow(Duration),
    /// Passes each chunk of the peer that much later.
    Delay(Duration),
    /// Passes each chunk of the peer twice.
    Duplicate,
    /// Passes random bytes instead of each chunk of the peer.
    Garbage,
    /// Passes half of a chunk of the peer and closes the connection.
    Half,
    /// Resets the connection instead of passing a chunk of the peer.
    Reset,
}

/// The most chunks that wait in one direction of a connection; then the sender waits.
const CHUNKS_MAX: usize = 64;
/// The most bytes of a chunk.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// How long a new connection may wait for the end of one that its client has closed before.
const HANDOVER_MAX: Duration = Duration::from_millis(200);

/// The proxy. It ends, with every connection, when this is dropped.
pub struct Proxy {
    port: u16,
    fault: watch::Sender<Fault>,
    counts: Arc<Counts>,
    // The last field: it ends the tasks.
    _runtime: Runtime,
}

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    open: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Proxy {
    /// Starts a proxy for the peer on that port of this machine. `seed` makes its garbage.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start(peer: u16, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime for the proxy: {error}"));
        let port = free_port();
        let (fault, faults) = watch::channel(Fault::None);
        let counts = Arc::new(Counts::default());
        let random = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(seed)));
        let listener = runtime.block_on(listen(port));
        runtime.spawn(accept(listener, port, Link { peer, faults, random, counts: counts.clone() }));
        Self { port, fault, counts, _runtime: runtime }
    }

    /// Its TCP port, to be used instead of the peer's.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on it does that.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// How many connections it has taken so far.
    pub fn connections(&self) -> u64 {
        self.counts.accepted.load(Ordering::Relaxed)
    }

    /// How many connections the peer had at most at once.
    pub fn most_at_once(&self) -> usize {
        self.counts.most_at_once.load(Ordering::Relaxed)
    }
}

/// All that a connection needs to know.
#[derive(Clone)]
struct Link {
    peer: u16,
    faults: watch::Receiver<Fault>,
    random: Arc<Mutex<ChaCha8Rng>>,
    counts: Arc<Counts>,
}

async fn listen(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap_or_else(|error| panic!("port {port}: {error}"))
}

/// Takes connections while the peer is not gone.
async fn accept(listener: TcpListener, port: u16, mut link: Link) {
    let mut listener = Some(listener);
    loop {
        let gone = *link.faults.borrow_and_update() == Fault::Gone;
        if gone {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen(port).await);
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = link.faults.changed() => if changed.is_err() { return },
            accepted = accepted => if let Ok((client, _)) = accepted {
                tokio::spawn(serve(client, link.clone()));
            },
        }
    }
}

/// Serves one connection to its end.
async fn serve(client: TcpStream, link: Link) {
    // A client that has closed one connection and opened the next has one, though we may not have seen it yet.
    let patience = Instant::now() + HANDOVER_MAX;
    while link.counts.open.load(Ordering::Relaxed) > 0 && Instant::now() < patience {
        sleep(Duration::from_millis(1)).await;
    }
    link.counts.accepted.fetch_add(1, Ordering::Relaxed);
    let open = link.counts.open.fetch_add(1, Ordering::Relaxed) + 1;
    link.counts.most_at_once.fetch_max(open, Ordering::Relaxed);
    let peer = TcpStream::connect((Ipv4Addr::LOCALHOST, link.peer)).await;
    if let Ok(peer) = peer {
        pass(client, peer, &link).await;
    } else {
        let _ = client.set_zero_linger();
    }
    link.counts.open.fetch_sub(1, Ordering::Relaxed);
}

/// How a connection ended.
#[derive(PartialEq, Eq)]
enum End {
    Closed,
    Reset,
}

async fn pass(client: TcpStream, peer: TcpStream, link: &Link) {
    let _ = (client.set_nodelay(true), peer.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_peer, to_peer) = peer.into_split();
    let (asked, requests) = mpsc::channel(CHUNKS_MAX);
    let (answered, answers) = mpsc::channel(CHUNKS_MAX);
    let mut to_client = to_client;
    let mut to_peer = to_peer;
    let end = tokio::select! {
        // When the client has closed, nobody waits for what the peer still has to say.
        () = read(from_client, asked) => End::Closed,
        () = pass_requests(requests, &mut to_peer, link.faults.clone()) => End::Closed,
        // When the peer has closed, the client still gets what came before.
        () = async { read(from_peer, answered).await; std::future::pending().await } => End::Closed,
        end = pass_answers(answers, &mut to_client, link) => end,
        () = gone(link.faults.clone()) => End::Reset,
    };
    if end == End::Reset {
        let _ = to_client.as_ref().set_zero_linger();
        // Without this it would say goodbye first.
        to_client.forget();
    }
}

async fn gone(mut faults: watch::Receiver<Fault>) {
    let is_gone = faults.wait_for(|fault| *fault == Fault::Gone).await.is_ok();
    if !is_gone {
        // The proxy is ending.
        std::future::pending::<()>().await;
    }
}

/// Waits while everything is to be held back.
async fn passable(faults: &mut watch::Receiver<Fault>) -> Fault {
    let passing = faults.wait_for(|fault| *fault != Fault::Pause).await.map(|fault| *fault).ok();
    match passing {
        Some(fault) => fault,
        // The proxy is ending.
        None => std::future::pending().await,
    }
}

async fn read(mut from: OwnedReadHalf, to: mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut chunk = vec![0; CHUNK_BYTES_MAX];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        if to.send((Instant::now(), chunk[..count].to_vec())).await.is_err() {
            return;
        }
    }
}

async fn pass_requests(
    mut from: mpsc::Receiver<(Instant, Vec<u8>)>,
    to: &mut OwnedWriteHalf,
    mut faults: watch::Receiver<Fault>,
) {
    while let Some((_, chunk)) = from.recv().await {
        passable(&mut faults).await;
        if to.write_all(&chunk).await.is_err() {
            return;
        }
    }
    // The reader says when the client has closed.
    std::future::pending().await
}

async fn pass_answers(mut from: mpsc::Receiver<(Instant, Vec<u8>)>, to: &mut OwnedWriteHalf, link: &Link) -> End {
    let mut faults = link.faults.clone();
    while let Some((came, chunk)) = from.recv().await {
        let passed = match passable(&mut faults).await {
            Fault::None | Fault::Pause | Fault::Gone => to.write_all(&chunk).await,
            Fault::Slow(pause) => slowly(&chunk, pause, to).await,
            Fault::Delay(delay) => {
                sleep_until(came + delay).await;
                to.write_all(&chunk).await
            }
            Fault::Duplicate => to.write_all(&[chunk.as_slice(), &chunk].concat()).await,
            Fault::Garbage => {
                let mut garbage = chunk;
                link.random.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut garbage);
                to.write_all(&garbage).await
            }
            Fault::Half => {
                let _ = to.write_all(&chunk[..chunk.len() / 2]).await;
                return End::Closed;
            }
            Fault::Reset => return End::Reset,
        };
        if passed.is_err() {
            return End::Closed;
        }
    }
    End::Closed
}

async fn slowly(chunk: &[u8], pause: Duration, to: &mut OwnedWriteHalf) -> std::io::Result<()> {
    for byte in chunk {
        to.write_all(&[*byte]).await?;
        sleep(pause).await;
    }
    Ok(())
}

/// A sequence of faults that a seed makes: each with how long it is to last. The first and every other are
/// [`Fault::None`], so that there is always something to recover to.
#[derive(Debug)]
pub struct Chaos {
    random: ChaCha8Rng,
    unit: Duration,
    at_fault: bool,
}

impl Chaos {
    /// Faults that last from one to four times `unit`; answers are delayed by up to twice that.
    pub fn new(seed: u64, unit: Duration) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), unit, at_fault: true }
    }

    fn fault(&mut self) -> Fault {
        let delay = self.unit.mul_f64(2.0 * self.share());
        match self.random.next_u32() % 8 {
            0 => Fault::Gone,
            1 => Fault::Pause,
            2 => Fault::Slow(delay / 64),
            3 => Fault::Delay(delay),
            4 => Fault::Duplicate,
            5 => Fault::Garbage,
            6 => Fault::Half,
            _ => Fault::Reset,
        }
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        f64::from(self.random.next_u32()) / f64::from(u32::MAX)
    }
}

impl Iterator for Chaos {
    type Item = (Fault, Duration);

    fn next(&mut self) -> Option<Self::Item> {
        self.at_fault = !self.at_fault;
        let fault = if self.at_fault { self.fault() } else { Fault::None };
        let lasts = self.unit.mul_f64(1.0 + 3.0 * self.share());
        Some((fault, lasts))
    }
}
