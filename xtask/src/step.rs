//! A command that a chore is made of.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Instant;

use anyhow::Context as _;

/// Root of the workspace.
pub(crate) fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_owned()
}

/// A command, run in the root of the workspace; named as it starts, timed when it ends.
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    /// A step that runs a program.
    pub(crate) fn new(name: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root());
        Self { name: name.into(), command }
    }

    /// A step that runs the cargo that runs this.
    pub(crate) fn cargo<const N: usize>(name: impl Into<String>, arguments: [&str; N]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let step = Self::new(name, cargo).args(arguments);
        // Where everything is built once, what a second build would go on from only takes a third of the disk.
        if std::env::var_os("CI").is_some() { step.env("CARGO_INCREMENTAL", "0") } else { step }
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Failed`], or that the program cannot be started.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        println!("xtask: {} ...", self.name);
        let begun = Instant::now();
        let program = self.command.get_program().to_owned();
        let status =
            self.command.status().with_context(|| format!("{}: cannot start {}", self.name, program.display()))?;
        println!("xtask: {} took {:.1} s", self.name, begun.elapsed().as_secs_f64());
        if status.success() { Ok(()) } else { Err(Failed { step: self.name, status }.into()) }
    }
}

/// A step that was not successful.
#[derive(Debug)]
pub(crate) struct Failed {
    step: String,
    status: ExitStatus,
}

impl Failed {
    /// The exit code of the step; 1 if a signal ended it.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code = self.status.code().and_then(|code| u8::try_from(code).ok());
        code.map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} failed: {}", self.step, self.status)
    }
}

impl std::error::Error for Failed {}
