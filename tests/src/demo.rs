//! `linetwin demo` as a person starts it, on free ports.

use crate::daemon::linetwin;
use crate::program::Program;
use crate::wait::wait_for;

/// A running demo.
pub struct Demo {
    program: Program,
    page: String,
}

impl Demo {
    /// Starts the demo with more arguments and waits until its page is there.
    #[track_caller]
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = linetwin();
        command.args(["demo", "--http-port", "0", "--mqtt-port", "0"]).args(arguments);
        let program = Program::start("linetwin demo", &mut command);
        let page = wait_for("the demo to say where its page is", || {
            assert!(!program.has_ended(), "the demo has ended");
            program.output().iter().find_map(|line| line.trim().strip_prefix("page ").map(|url| url.trim().to_owned()))
        });
        Self { program, page }
    }

    /// Where its page is.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Name and password of who may log in, as the demo says them.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn login(&self) -> (String, String) {
        wait_for("the demo to say who may log in", || {
            self.program.output().iter().find_map(|line| {
                let (name, rest) = line.trim().strip_prefix("log in")?.trim().strip_prefix("as ")?.split_once(' ')?;
                let (_, password) = rest.split_once("password ")?;
                Some((name.to_owned(), password.split([',', ' ']).next()?.to_owned()))
            })
        })
    }
}
