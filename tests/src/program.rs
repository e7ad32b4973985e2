//! A program that a test has started, and what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_for;

/// A running program. It is killed when this is dropped; if the test is failing, what it said is printed.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: Lines,
    errors: Lines,
}

/// The lines of one stream, as far as they have come.
#[derive(Clone)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    ended: Arc<Mutex<bool>>,
}

/// How a program ended and all that it said.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub errors: String,
}

impl Program {
    /// Starts a program. `name` is for messages.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn start(name: &str, command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| panic!("cannot start {name}, {command:?}: {error}"));
        let stdin = child.stdin.take();
        let output = Lines::read(child.stdout.take().expect("standard output is piped"));
        let errors = Lines::read(child.stderr.take().expect("standard error is piped"));
        Self { name: name.to_owned(), child, stdin, output, errors }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The lines on standard output so far.
    pub fn output(&self) -> Vec<String> {
        self.output.so_far()
    }

    /// The lines on standard error so far.
    pub fn errors(&self) -> Vec<String> {
        self.errors.so_far()
    }

    /// Writes a line to its standard input.
    ///
    /// # Panics
    /// If it does not take it.
    #[track_caller]
    pub fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Whether it has closed its output, as a program does when it ends.
    pub fn has_ended(&self) -> bool {
        self.output.has_ended() && self.errors.has_ended()
    }

    /// Asks it to end, with SIGTERM or SIGINT.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// Ends it at once, as a power cut would. It can write nothing more.
    pub fn kill(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn wait(&mut self) -> Ended {
        self.stdin = None;
        let what = format!("the end of {}", self.name);
        let status = wait_for(&what, || self.child.try_wait().expect("a child can be waited for"));
        wait_for(&what, || self.has_ended().then_some(()));
        Ended { code: status.code(), output: self.output.so_far().join("\n"), errors: self.errors.so_far().join("\n") }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only where the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let (output, errors) = (self.output.so_far().join("\n"), self.errors.so_far().join("\n"));
            eprintln!("---- {}: standard output\n{output}\n---- {}: standard error\n{errors}", self.name, self.name);
        }
    }
}

impl Lines {
    /// Reads a stream to its end in a thread of its own.
    fn read(stream: impl Read + Send + 'static) -> Self {
        let lines = Self { lines: Arc::default(), ended: Arc::default() };
        let into = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                into.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
            *into.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        });
        lines
    }

    fn so_far(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has_ended(&self) -> bool {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
