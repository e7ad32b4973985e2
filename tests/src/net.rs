//! Addresses of this machine.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The ports to choose from: below those that Linux gives to connections, so that none takes one before it is listened on.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// A TCP port of this machine that nobody listens on. It is given once in a process, and another process begins elsewhere.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let begin = process::id().wrapping_mul(97);
    let mut ports = (0..PORTS).map(|_| {
        let next = begin.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS);
        FIRST_PORT + u16::try_from(next).expect("a rest is smaller than its divisor")
    });
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).expect("a machine has a free port")
}

/// Whether somebody listens on that TCP port of this machine.
pub fn is_listened_on(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
