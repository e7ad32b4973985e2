//! Measures how fast registers are read: by the adapter, with decoding and hand-over, beside a bare loop of tokio-modbus that
//! makes the same requests of the same device and throws the answers away. Both in one run, on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use adapter::testing::{median, signal};
use adapter::{Clock, Context, queue};
use modbus_adapter::{Buses, ModbusAdapter};
use plant::{DataType, Link, LinkSettings, ModbusSettings, Origin, Signal};
use telemetry::{Event, LinkId};
use tokio::net::TcpListener;
use tokio_modbus::client::{Reader, tcp};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};
use tokio_modbus::{ExceptionCode, Request, Response};
use tokio_util::sync::CancellationToken;

/// Registers of a request, and requests of a poll.
const BLOCK: u16 = 125;
const BLOCKS: u16 = 100;
/// How long each is measured, and how often.
const LASTS: Duration = Duration::from_secs(1);
const REPETITIONS: usize = 5;
/// Devices of the last measurement.
const DEVICES: u16 = 100;

/// A device whose registers hold their own addresses.
struct Counting;

impl Service for Counting {
    type Request = Request<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = std::future::Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        std::future::ready(match request {
            Request::ReadHoldingRegisters(start, count) => {
                Ok(Response::ReadHoldingRegisters((start..start + count).collect()))
            }
            _ => Err(ExceptionCode::IllegalFunction),
        })
    }
}

async fn device() -> Result<SocketAddr, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let connected = |stream, peer| async move { accept_tcp_connection(stream, peer, |_| Ok(Some(Counting))) };
        Server::new(listener).serve(&connected, |_| {}).await
    });
    Ok(address)
}

/// Registers a second of a bare loop.
async fn bare(address: SocketAddr) -> Result<f64, Box<dyn std::error::Error>> {
    let mut client = tcp::connect(address).await?;
    let (begun, mut registers) = (Instant::now(), 0);
    while begun.elapsed() < LASTS {
        for block in 0..BLOCKS {
            registers += client.read_holding_registers(block * BLOCK, BLOCK).await??.len();
        }
    }
    Ok(registers as f64 / begun.elapsed().as_secs_f64())
}

/// Registers a second of adapters, each of a device of its own, that poll as fast as they can.
async fn adapters(addresses: &[SocketAddr]) -> f64 {
    let signals: Vec<Signal> =
        (0..BLOCK * BLOCKS).map(|at| signal(at.into(), &format!("holding:{at}"), DataType::U16)).collect();
    let of_link: Vec<&Signal> = signals.iter().collect();
    let (sender, mut events) = queue(256);
    let stop = CancellationToken::new();
    let mut buses = Buses::default();
    for address in addresses {
        // The shortest interval there is: polls follow each other.
        let settings =
            ModbusSettings { poll_interval_s: 0.001, ..ModbusSettings::tcp(address.ip().to_string(), address.port()) };
        let origin = Origin { file: "plant.toml".into(), line: 1 };
        let link = Link { id: LinkId(0), name: "plc".into(), settings: LinkSettings::Modbus(settings.clone()), origin };
        let adapter =
            ModbusAdapter::new(&link, &settings, &of_link, &mut buses).unwrap_or_else(|errors| panic!("{errors:?}"));
        tokio::spawn(adapter.run(Context::new(LinkId(0), Clock::system(), stop.clone(), sender.clone())));
    }
    let mut up = 0;
    while up < addresses.len() {
        match events.recv().await {
            Some(Event::Link { .. }) => up += 1,
            Some(_) => {}
            None => panic!("the adapters have ended"),
        }
    }
    let (begun, mut registers) = (Instant::now(), 0);
    while begun.elapsed() < LASTS {
        registers += events.recv().await.map_or(0, |event| event.samples().len());
    }
    stop.cancel();
    registers as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = device().await?;
    let (mut loops, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        loops.push(bare(address).await?);
        ours.push(adapters(&[address]).await);
    }
    let (bare, ours) = (median(loops), median(ours));
    println!("{BLOCKS} requests of {BLOCK} registers a poll; median of {REPETITIONS}");
    println!("bare tokio-modbus loop   {:8.2} million registers/s", bare / 1e6);
    println!("adapter, decoded         {:8.2} million registers/s   {:.2} x the bare loop", ours / 1e6, ours / bare);
    let mut addresses = Vec::new();
    for _ in 0..DEVICES {
        addresses.push(device().await?);
    }
    let all = adapters(&addresses).await;
    println!(
        "{DEVICES} devices at once      {:8.2} million registers/s   {:.2} x the bare loop",
        all / 1e6,
        all / bare
    );
    Ok(())
}
