//! SQLite: a row for each sample, names in tables of their own, in transactions as long as the daemon's sync interval allows.

use std::path::Path;

use plant::Plant;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use telemetry::{Event, Input, Value};

use super::Format;
use crate::digest::{Digest, quality_code, text_sum};

pub(crate) struct Sqlite;

const FILE: &str = "samples.sqlite";
/// Inputs in a transaction.
const TRANSACTION_INPUTS: usize = 10_000;

impl Format for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite"
    }

    fn write(&self, plant: &Plant, inputs: &[Input], folder: &Path) -> anyhow::Result<()> {
        let mut connection = Connection::open(folder.join(FILE))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE signal (id INTEGER PRIMARY KEY, path TEXT NOT NULL);
             CREATE TABLE input (sequence INTEGER PRIMARY KEY, received_ns INTEGER NOT NULL, link INTEGER NOT NULL);
             CREATE TABLE sample (sequence INTEGER NOT NULL, position INTEGER NOT NULL, signal INTEGER NOT NULL,
                 source_time_ns INTEGER NOT NULL, value, quality INTEGER NOT NULL,
                 PRIMARY KEY (sequence, position)) WITHOUT ROWID;",
        )?;
        for signal in &plant.signals {
            connection.execute("INSERT INTO signal VALUES (?, ?)", params![signal.id.0, signal.path])?;
        }
        for some in inputs.chunks(TRANSACTION_INPUTS) {
            let transaction = connection.transaction()?;
            {
                let mut input_row = transaction.prepare_cached("INSERT INTO input VALUES (?, ?, ?)")?;
                let mut sample_row = transaction.prepare_cached("INSERT INTO sample VALUES (?, ?, ?, ?, ?, ?)")?;
                for input in some {
                    let Event::Samples(batch) = &input.event else { continue };
                    input_row.execute(params![input.sequence as i64, input.received.as_nanos(), batch.link.0])?;
                    for (position, sample) in batch.samples.iter().enumerate() {
                        let (sequence, position) = (input.sequence as i64, position as i64);
                        let (signal, time) = (sample.signal.0, sample.source_time.as_nanos());
                        let quality = quality_code(sample.quality) as i64;
                        match sample.value {
                            Value::Float(v) => {
                                sample_row.execute(params![sequence, position, signal, time, v, quality])
                            }
                            Value::Integer(v) => {
                                sample_row.execute(params![sequence, position, signal, time, v, quality])
                            }
                            // A type of its own, so that it comes back as what it was.
                            Value::Boolean(v) => {
                                sample_row.execute(params![sequence, position, signal, time, [u8::from(v)], quality])
                            }
                            Value::Symbol(v) => {
                                sample_row.execute(params![sequence, position, signal, time, v.as_str(), quality])
                            }
                        }?;
                    }
                }
            }
            transaction.commit()?;
        }
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn read(&self, folder: &Path) -> anyhow::Result<Digest> {
        let mut digest = Digest::default();
        let connection = Connection::open(folder.join(FILE))?;
        let mut query = connection.prepare(
            "SELECT signal, source_time_ns, value, quality, received_ns, link FROM sample JOIN input USING (sequence)
             ORDER BY sequence, position",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let value = match row.get_ref(2)? {
                ValueRef::Real(number) => number.to_bits(),
                ValueRef::Integer(number) => number as u64,
                ValueRef::Text(text) => text_sum(std::str::from_utf8(text)?),
                ValueRef::Blob(condition) => u64::from(condition == [1]),
                ValueRef::Null => anyhow::bail!("a sample has no value"),
            };
            let (signal, quality): (u32, i64) = (row.get(0)?, row.get(3)?);
            digest.add(signal.into(), row.get(1)?, value, quality as u64);
        }
        Ok(digest)
    }
}
