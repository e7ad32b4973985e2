//! A clock that runs faster than the world's, by which other people's programs live as well as ours: that of libfaketime.

use std::process::Command;
use std::time::{Duration, Instant};

use adapter::Clock;
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
    clock: Clock,
}

impl FastClock {
    /// Starts one that is right now and runs so many times as fast as the world's.
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
        let environment: Vec<_> = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let rate = f64::from(rate);
        let clock = shown(&environment, rate);
        Self { keeper, environment, rate, clock }
    }

    /// Has a program that is yet to be started live by the clock.
    pub fn set(&self, command: &mut Command) {
        set(&self.environment, command);
    }

    /// What it shows, as exactly as a program starts.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long that is for the world.
    pub fn real(&self, shown: Duration) -> Duration {
        shown.div_f64(self.rate)
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

fn set(environment: &[(String, String)], command: &mut Command) {
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    // Files have the times of the world.
    command.env("NO_FAKE_STAT", "1");
}

/// What shows the same as a clock for this process, which does not live by it.
fn shown(environment: &[(String, String)], rate: f64) -> Clock {
    let mut command = Command::new("date");
    set(environment, command.arg("+%s%N"));
    let begun = Instant::now();
    let said = command.output().unwrap_or_else(|error| panic!("cannot start date: {error}")).stdout;
    let said = String::from_utf8_lossy(&said);
    let nanos = said.trim().parse().unwrap_or_else(|error| panic!("date said {said:?}: {error}"));
    // It looked in the middle of the time that it took.
    let since_s = rate * begun.elapsed().as_secs_f64() / 2.0;
    Clock::scaled(Timestamp::from_nanos(nanos).plus_seconds(since_s), rate)
}
