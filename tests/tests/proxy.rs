//! The proxy that other tests put between the daemon and its peers does what it says.

#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use e2e::proxy::{Chaos, Fault, Proxy};
use e2e::wait::{PATIENCE, wait_for};

const SAID: &[u8] = b"what was said";

/// A peer that says the same back, whoever comes; its thread ends with the test's process.
fn echo() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut chunk = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut chunk) {
                    if stream.write_all(&chunk[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What comes back of what is said, `count` bytes or less.
fn heard(stream: &mut TcpStream, count: usize) -> std::io::Result<Vec<u8>> {
    stream.write_all(SAID)?;
    let mut answer = Vec::new();
    stream.take(count as u64).read_to_end(&mut answer)?;
    Ok(answer)
}

#[test]
fn every_fault_is_what_it_is_called() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    assert_eq!(heard(&mut stream, SAID.len()).unwrap(), SAID);
    proxy.set(Fault::Duplicate);
    assert_eq!(heard(&mut stream, 2 * SAID.len()).unwrap(), SAID.repeat(2));
    proxy.set(Fault::Garbage);
    let garbage = heard(&mut stream, SAID.len()).unwrap();
    assert!(garbage.len() == SAID.len() && garbage != SAID);
    for fault in [Fault::Slow(Duration::from_millis(5)), Fault::Delay(Duration::from_millis(60))] {
        proxy.set(fault);
        let begun = Instant::now();
        assert_eq!(heard(&mut stream, SAID.len()).unwrap(), SAID);
        assert!(begun.elapsed() >= Duration::from_millis(60), "{fault:?}");
    }
    proxy.set(Fault::Half);
    assert_eq!(heard(&mut stream, SAID.len()).unwrap(), SAID[..SAID.len() / 2]);
    proxy.set(Fault::Reset);
    assert_eq!(heard(&mut connect(&proxy), SAID.len()).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((proxy.connections(), proxy.most_at_once()), (2, 1));
}

#[test]
fn a_pause_holds_back_and_a_peer_that_is_gone_refuses_until_it_is_back() {
    let proxy = Proxy::start(echo(), 1);
    let mut stream = connect(&proxy);
    proxy.set(Fault::Pause);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(heard(&mut stream, 1).unwrap_err().kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    proxy.set(Fault::None);
    assert_eq!(heard(&mut stream, 2 * SAID.len()).unwrap(), SAID.repeat(2));
    proxy.set(Fault::Gone);
    assert!(stream.read(&mut [0]).is_err());
    wait_for("the proxy to refuse", || TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).err());
    proxy.set(Fault::None);
    let mut stream = wait_for("the proxy to be back", || TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).ok());
    assert_eq!(heard(&mut stream, SAID.len()).unwrap(), SAID);
}

#[test]
fn a_seed_makes_the_same_chaos_again() {
    let faults = |seed| Chaos::new(seed, Duration::from_millis(100)).take(40).collect::<Vec<_>>();
    assert_eq!(faults(7), faults(7));
    assert_ne!(faults(7), faults(8));
    assert!(faults(7).iter().step_by(2).all(|(fault, _)| *fault == Fault::None));
}
