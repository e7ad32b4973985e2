//! `linetwin probe`: what the words of a device can mean, and which units answer.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use modbus_adapter::{Probe, ProbedUnit};
use plant::{HostPort, ModbusTls, ModbusTransport, Parity, SerialLine};

/// `linetwin probe`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    protocol: Protocol,
}

#[derive(Debug, clap::Subcommand)]
enum Protocol {
    /// Print every reading of the same words of a Modbus device: hex, numbers in every byte order, bits, text.
    Modbus(ModbusArguments),
}

#[derive(Debug, clap::Args)]
struct ModbusArguments {
    /// HOST:PORT of the device, or the path of its serial line for transport rtu.
    device: String,
    /// TABLE:START/COUNT, such as holding:0/8, counted from 0 as the protocol does.
    #[arg(default_value = "holding:0/8")]
    cells: String,
    /// Unit identifier.
    #[arg(long, default_value_t = 1)]
    unit: u8,
    /// Ask these units, such as 1-10, which of them answer, instead of reading one.
    #[arg(long, value_parser = units, conflicts_with = "unit")]
    units: Option<RangeInclusive<u8>>,
    /// How to get to the device.
    #[arg(long, value_enum, default_value = "tcp")]
    transport: Transport,
    /// How long to wait for each answer, seconds.
    #[arg(long, default_value_t = 1.0)]
    timeout: f64,
    /// Certificates, in PEM, of who may have signed the device's; for transport tls.
    #[arg(long, required_if_eq("transport", "tls"))]
    ca: Option<PathBuf>,
    /// Bits a second of the serial line.
    #[arg(long, default_value_t = 19_200)]
    baud: u32,
    /// Parity of the serial line.
    #[arg(long, value_enum, default_value = "even")]
    parity: ParityName,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Transport {
    Tcp,
    Tls,
    RtuOverTcp,
    Rtu,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ParityName {
    None,
    Even,
    Odd,
}

/// Prints what the device says.
///
/// # Errors
/// If the arguments are not understood, or nobody answers.
pub fn run(Arguments { protocol: Protocol::Modbus(arguments) }: &Arguments) -> anyhow::Result<()> {
    let timeout_s = arguments.timeout;
    anyhow::ensure!((0.01..=60.0).contains(&timeout_s), "--timeout {timeout_s}: expected 0.01 to 60 seconds");
    let timeout = Duration::from_secs_f64(timeout_s);
    let probe = Probe { transport: arguments.transport()?, unit: arguments.unit, timeout };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Some(units) = &arguments.units else {
        print!("{}", runtime.block_on(modbus_adapter::probe(&probe, &arguments.cells))?);
        return Ok(());
    };
    let found = runtime.block_on(modbus_adapter::scan_units(&probe, units.clone(), &arguments.cells))?;
    let mut silent = 0;
    for ProbedUnit { unit, said } in found {
        match said {
            Ok(said) => println!("unit {unit}: {said}"),
            Err(_) => silent += 1,
        }
    }
    println!("{silent} units of {} to {} do not answer within {timeout_s} s", units.start(), units.end());
    Ok(())
}

impl ModbusArguments {
    fn transport(&self) -> anyhow::Result<ModbusTransport> {
        let to =
            || adapter::host_and_port(&self.device, modbus_adapter::PORT).map(|(host, port)| HostPort { host, port });
        Ok(match self.transport {
            Transport::Tcp => ModbusTransport::Tcp(to()?),
            Transport::RtuOverTcp => ModbusTransport::RtuOverTcp(to()?),
            Transport::Tls => {
                let ca = self.ca.clone().context("--ca is missing")?;
                ModbusTransport::Tls(to()?, ModbusTls { ca, own: None, server_name: None })
            }
            Transport::Rtu => {
                let parity = match self.parity {
                    ParityName::None => Parity::None,
                    ParityName::Even => Parity::Even,
                    ParityName::Odd => Parity::Odd,
                };
                // Without a parity bit the standard asks for a second stop bit.
                let stop_bits = if parity == Parity::None { 2 } else { 1 };
                ModbusTransport::Rtu(SerialLine { device: self.device.clone(), baud: self.baud, parity, stop_bits })
            }
        })
    }
}

fn units(text: &str) -> Result<RangeInclusive<u8>, String> {
    let parsed = || {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = first.parse().ok()?..=last.parse().ok()?;
        (!range.is_empty()).then_some(range)
    };
    parsed().ok_or_else(|| "expected units such as 1-10, from 0 to 255".to_owned())
}
