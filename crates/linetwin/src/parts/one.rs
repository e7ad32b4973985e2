//! `linetwin part`: all that is known of one part.

use std::io::{self, Write};

use contract::{Message as _, PartHistoryV1};

use crate::parts::read::Source;
use crate::parts::{table, unless_unread};

/// `linetwin part`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Serial of the part.
    serial: String,
    /// json: as the API gives it; csv: a row for each value; html: a page to print.
    #[arg(long, default_value = "json")]
    format: Format,
    #[command(flatten)]
    source: Source,
}

/// How a part's history is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The message that the API gives.
    Json,
    /// A row for each value.
    Csv,
    /// A page to print, in one file.
    Html,
}

/// Writes a part's history to standard output.
///
/// # Errors
/// If there is no record of it, or records cannot be read.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let serial = &arguments.serial;
    let records = arguments.source.records_of(serial)?;
    anyhow::ensure!(
        !records.is_empty(),
        "there is no record of {serial:?}; a part is recorded when it leaves the line, and linetwin parts lists those \
         that did"
    );
    let history = PartHistoryV1::new(serial, records);
    unless_unread(write(arguments.format, &history, io::stdout().lock()))
}

fn write(format: Format, history: &PartHistoryV1, mut out: impl Write) -> anyhow::Result<()> {
    match format {
        Format::Json => writeln!(out, "{}", history.to_json())?,
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(out);
            table::history(&mut csv, history)?;
            csv.flush()?;
        }
        Format::Html => out.write_all(web::part_page(history).as_bytes())?,
    }
    Ok(())
}
