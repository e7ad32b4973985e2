//! A clock that runs faster than the world's, by which other people's programs live as well as ours: that of libfaketime.

use std::process::Command;
use std::time::{Duration, SystemTime};

use telemetry::Timestamp;

use crate::program::Program;
use crate::wait::wait_for;

/// What is set for a program that lives by the clock.
const VARIABLES: [&str; 4] = ["LD_PRELOAD", "FAKETIME", "FAKETIME_SHARED", "FAKETIME_DONT_RESET"];

/// The clock. Timers, pauses and timeouts of all programs that live by it run as fast as it does, from the same moment on; what they
/// compute takes as long as ever, and so that many times longer by the clock.
pub struct FastClock {
    keeper: Program,
    environment: Vec<(String, String)>,
    rate: f64,
    begun: SystemTime,
}

impl FastClock {
    /// Starts one that is right now and runs so many times as fast as the world's, at least 2.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start(rate: u32) -> Self {
        let mut command = Command::new("faketime");
        // It says what to set, and keeps the clock until its input ends.
        let tell = VARIABLES.map(|name| format!("echo \"{name}=${name}\"; ")).concat();
        command.args(["-m", "-f", &format!("+0 x{rate}"), "sh", "-c", &format!("{tell} exec cat")]);
        // Else it would begin anew for each program.
        command.env("FAKETIME_DONT_RESET", "1");
        let keeper = Program::start("faketime", &mut command);
        let said = wait_for("faketime to be ready", || {
            assert!(!keeper.has_ended(), "faketime has ended; if it is missing, run `cargo xtask peers`");
            let said = keeper.output();
            (said.len() == VARIABLES.len()).then_some(said)
        });
        let variables = said.iter().filter_map(|line| line.split_once('='));
        let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut clock = Self { keeper, environment, rate: rate.into(), begun: SystemTime::UNIX_EPOCH };
        let (world, shown) = clock.compare();
        clock.begun = world - shown.duration_since(world).unwrap_or_default() / (rate - 1);
        clock
    }

    /// Has a program that is yet to be started live by the clock.
    pub fn set(&self, command: &mut Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Files have the times of the world.
        command.env("NO_FAKE_STAT", "1");
    }

    /// What it shows, as exactly as a program starts.
    pub fn now(&self) -> Timestamp {
        let since = self.begun.elapsed().unwrap_or_default();
        timestamp(self.begun + since.mul_f64(self.rate))
    }

    /// How long that is for the world.
    pub fn real(&self, shown: Duration) -> Duration {
        shown.div_f64(self.rate)
    }

    /// The world's time and what it shows then.
    fn compare(&self) -> (SystemTime, SystemTime) {
        let mut command = Command::new("date");
        self.set(command.arg("+%s%N"));
        let before = SystemTime::now();
        let said = command.output().unwrap_or_else(|error| panic!("cannot start date: {error}")).stdout;
        let world = before + before.elapsed().unwrap_or_default() / 2;
        let said = String::from_utf8_lossy(&said);
        let nanos = said.trim().parse().unwrap_or_else(|error| panic!("date said {said:?}: {error}"));
        (world, SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos))
    }
}

impl Drop for FastClock {
    fn drop(&mut self) {
        // Killed, it would leave its shared memory behind.
        if !std::thread::panicking() {
            self.keeper.wait();
        }
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
