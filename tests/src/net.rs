//! Addresses of this machine.

use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// A TCP port of this machine that nobody listens on.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a machine has a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// Whether somebody listens on that TCP port of this machine.
pub fn is_listened_on(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
