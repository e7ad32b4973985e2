//! What the tests, the fuzzers and the benchmarks of adapters share.

use std::net::Ipv4Addr;

use plant::{DataType, Origin, Role, Signal, StationId, WordOrder};
use telemetry::{LinkId, SignalId};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::tcp;

/// A plain signal at an address, from the row of a tag list that its id counts.
pub fn signal(id: u32, address: &str, data_type: DataType) -> Signal {
    Signal {
        id: SignalId(id),
        path: format!("station/signal-{id}"),
        station: StationId(0),
        role: Role::Other,
        link: LinkId(0),
        address: address.to_owned(),
        data_type,
        word_order: WordOrder::Abcd,
        poll: None,
        sampling: plant::Sampling::default(),
        unit: String::new(),
        scale: 1.0,
        offset: 0.0,
        range_low: None,
        range_high: None,
        stale_after_s: None,
        origin: Origin { file: "tags/plc.csv".into(), line: id + 2 },
    }
}

/// A listener of this machine that has no room for another connection, and those that fill it: what comes is dropped, as the
/// network does for a host that is off. Its host is back as soon as it accepts.
///
/// # Panics
/// If the machine gives no port.
pub async fn dark_listener() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("a machine has sockets");
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a machine has a free port");
    let listener = socket.listen(1).expect("a bound socket can listen");
    let address = listener.local_addr().expect("a listener has an address");
    let mut filling = Vec::new();
    while let Ok(stream) = tcp::connect(address).await {
        filling.push(stream);
    }
    (listener, filling)
}

/// What the system says that a process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Resident memory, MiB.
    pub resident_mib: f64,
    /// Processor time since it started, s.
    pub cpu_s: f64,
}

impl Usage {
    /// What this process uses now. Linux only.
    ///
    /// # Panics
    /// If the system says nothing of it.
    #[track_caller]
    pub fn own() -> Self {
        Self::of(std::process::id())
    }

    /// What a process uses now. Linux only.
    ///
    /// # Panics
    /// If there is no such process, or the system says nothing of it.
    #[track_caller]
    pub fn of(process: u32) -> Self {
        let read = |file: &str| {
            let file = format!("/proc/{process}/{file}");
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
        };
        let number = |text: &str| text.parse::<f64>().unwrap_or_else(|_| panic!("{text:?} is no number"));
        let (status, stat) = (read("status"), read("stat"));
        let resident_kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        // The name before may have blanks. User and system time, in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_else(|| panic!("not understood: {stat}"));
        let cpu_ticks: f64 = fields.split_whitespace().skip(11).take(2).map(number).sum();
        let resident_kib = number(resident_kib.unwrap_or_else(|| panic!("no VmRSS in {status}")));
        Self { resident_mib: resident_kib / 1024.0, cpu_s: cpu_ticks / 100.0 }
    }
}

/// The median of what was measured; of an even number of values the larger one in the middle.
///
/// # Panics
/// If nothing was measured.
#[track_caller]
pub fn median(measured: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = measured.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
