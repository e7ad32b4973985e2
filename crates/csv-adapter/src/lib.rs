//! CSV files that a station drops into a folder: the results of a leak tester, a camera, a test bench.
//!
//! A tag's address is the name of a column in the header. All samples of a row have the row's time, and come as one batch.
//!
//! A file is read when its size and its time of change have stayed the same for a while, and its name neither begins with a
//! dot nor ends in `.tmp` or `.part`: so it is whole whether it is written in place or renamed into place. It is read as a
//! whole before anything of it goes to the twin. One that is not what it should be goes to `bad` with the reason beside it,
//! and nothing of it counts. One that is goes to `done` once all its rows are durable. If the daemon is killed before, the
//! file is still there and is taken again with its old times, which the twin takes as the same said again.

mod folder;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use adapter::rows::{Form, Problem, RowSettings};
use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use plant::{CsvSettings, Link, Signal};
use telemetry::Sample;
use tokio::time::{MissedTickBehavior, interval};

use folder::{Folder, Outcome, Seen};

/// How often the folder is looked at.
const SCAN_INTERVAL: Duration = Duration::from_secs(1);
/// How long a file waits for its rows to become durable. Then it is done all the same, which is counted: alerts must go on
/// while a disk is full.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder as configured, with every column's name checked.
#[derive(Debug)]
pub struct CsvAdapter {
    link: String,
    folder: Folder,
    form: Arc<Form>,
    /// Each in the column that is its address.
    signals: Arc<[Signal]>,
}

impl CsvAdapter {
    /// The adapter of a link and its signals. Looks at no folder.
    ///
    /// # Errors
    /// Every signal whose address is no column, and a time format or time zone that is none.
    pub fn new(link: &Link, settings: &CsvSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let rows = RowSettings {
            delimiter: settings.delimiter,
            decimal_mark: settings.decimal_mark,
            columns: &[],
            time_column: &settings.time_column,
            time_format: &settings.time_format,
            time_zone: settings.time_zone.as_deref(),
        };
        let (form, signals) = match (Form::new(link, &rows), columns(signals)) {
            (Ok(form), Ok(signals)) => (Arc::new(form), signals),
            (form, columns) => {
                let errors = [form.err(), columns.err()];
                return Err(errors.into_iter().flatten().flatten().collect());
            }
        };
        let folder = Folder::new(Path::new(&settings.folder), Duration::from_secs_f64(settings.settle_s));
        Ok(Self { link: link.name.clone(), folder, form, signals })
    }

    /// Watches the folder and delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| without_farewell(context, self.session(context))).await;
    }

    async fn session(&self, context: &Context) -> Result<Infallible, LinkError> {
        let folder = self.folder.clone();
        on_disk(move || folder.prepare()).await?;
        tracing::info!(link = self.link, "{}: up, waiting for files", self.folder);
        context.link_up().await?;
        let mut scans = interval(SCAN_INTERVAL);
        scans.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Seen::default();
        loop {
            scans.tick().await;
            let folder = self.folder.clone();
            let (scanned, files) = on_disk(move || folder.scan(seen)).await?;
            seen = scanned;
            for file in files {
                self.take(&file, context).await?;
            }
        }
    }

    /// Takes one file, and puts it where it belongs then.
    async fn take(&self, name: &str, context: &Context) -> Result<(), LinkError> {
        let (folder, form, file) = (self.folder.clone(), Arc::clone(&self.form), name.to_owned());
        let signals = Arc::clone(&self.signals);
        let read = on_disk(move || {
            let columns = signals.iter().map(|signal| (signal, signal.address.as_str()));
            folder.read(&file).map(|text| text.and_then(|text| form.read(&text, columns)))
        })
        .await?;
        let outcome = match read {
            Ok(read) => {
                context.counters.add_unusable(read.unusable);
                let rows = read.rows.len();
                self.deliver(read.rows, context).await?;
                tracing::info!(link = self.link, "{name}: {rows} rows taken");
                Outcome::Done
            }
            Err(Problem(reason)) => {
                context.counters.add_unusable(1);
                tracing::warn!(link = self.link, "{name}: {reason}; it is put into the folder bad");
                Outcome::Bad(reason)
            }
        };
        let (folder, file) = (self.folder.clone(), name.to_owned());
        on_disk(move || folder.put_away(&file, &outcome)).await
    }

    /// Hands the rows over, and waits until they are durable.
    async fn deliver(&self, rows: Vec<Vec<Sample>>, context: &Context) -> Result<(), LinkError> {
        let mut events = 0;
        for samples in rows {
            events = context.deliver_durably(samples).await?;
        }
        if !context.durable_within(events, PATIENCE).await? {
            context.counters.add_acknowledged_unrecorded();
            tracing::warn!(link = self.link, "a file is done although its rows could not be recorded in time");
        }
        Ok(())
    }
}

/// The signals, or every one whose address is no column.
fn columns(signals: &[&Signal]) -> Result<Arc<[Signal]>, Vec<AddressError>> {
    let is_none = |signal: &&&Signal| signal.address.trim().is_empty();
    let problem = "names no column; expected what stands above it in the header of the files";
    let wrong = |signal: &&Signal| AddressError::of(signal, problem.to_owned());
    let errors: Vec<_> = signals.iter().filter(is_none).map(wrong).collect();
    if errors.is_empty() { Ok(signals.iter().map(|&signal| signal.clone()).collect()) } else { Err(errors) }
}

/// Does what reads or writes files, where it holds nobody up.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, LinkError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| LinkError::Lost(error.to_string()))?.map_err(LinkError::Lost)
}
