use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the historian tells of itself while it runs.
#[derive(Debug, Default)]
pub struct Counters {
    /// Points that were made.
    pub made: AtomicU64,
    /// Points that InfluxDB has.
    pub written: AtomicU64,
    /// Points that InfluxDB will never take.
    pub rejected: AtomicU64,
    /// Points that were dropped because what is not written took too much room.
    pub dropped: AtomicU64,
    /// Points that did not get to the disk, because it was too slow, full or broken, or that were damaged there.
    pub lost: AtomicU64,
    /// Samples that are no point: not a finite number.
    pub unfit: AtomicU64,
    /// Signals whose values changed their type.
    pub type_flips: AtomicU64,
    /// Points that wait on the disk.
    pub waiting: AtomicU64,
    /// Bytes that these take.
    pub bytes: AtomicU64,
    /// Attempts to write that failed as a whole.
    pub failures: AtomicU64,
    is_connected: AtomicBool,
    problem: Mutex<Option<String>>,
}

impl Counters {
    /// Everything that only grows, with its name and what it means.
    pub fn totals(&self) -> [(&'static str, &'static str, u64); 8] {
        let now = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        [
            ("made", "Points for InfluxDB that were made.", now(&self.made)),
            ("written", "Points that InfluxDB has.", now(&self.written)),
            ("rejected", "Points that InfluxDB will never take.", now(&self.rejected)),
            ("dropped", "Points dropped because what is not written took too much room.", now(&self.dropped)),
            ("lost", "Points that did not get to the disk or were damaged there.", now(&self.lost)),
            ("unfit", "Samples that are not a finite number.", now(&self.unfit)),
            ("type_flips", "Signals whose values changed their type.", now(&self.type_flips)),
            ("failures", "Attempts to write to InfluxDB that failed.", now(&self.failures)),
        ]
    }

    /// Everything that goes up and down, with its name and what it means.
    pub fn levels(&self) -> [(&'static str, &'static str, u64); 3] {
        let now = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        [
            ("waiting", "Points for InfluxDB that wait on the disk.", now(&self.waiting)),
            ("bytes", "Bytes that these take.", now(&self.bytes)),
            (
                "connected",
                "1 while InfluxDB takes what it is given.",
                u64::from(self.is_connected.load(Ordering::Relaxed)),
            ),
        ]
    }

    /// Why nothing can be written at the moment.
    pub fn problem(&self) -> Option<String> {
        self.problem.lock().ok()?.clone()
    }

    /// Notes whether and why nothing can be written. Returns whether that is new.
    pub(crate) fn note(&self, problem: Option<String>) -> bool {
        self.is_connected.store(problem.is_none(), Ordering::Relaxed);
        let Ok(mut known) = self.problem.lock() else { return false };
        let is_new = *known != problem;
        *known = problem;
        is_new
    }

    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
