//! A terminal: a program in it, what its screen shows, and keys for it.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

use crate::wait::wait_for;

/// What a terminal has when nobody has made it larger.
const SIZE: PtySize = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };

/// A program in a terminal of 80 by 24. It is killed when this is dropped; if the test is failing, its screen is printed.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Arc<Mutex<vt100::Parser>>,
    pty: Box<dyn MasterPty + Send>,
    /// How the terminal was set before the program began.
    before: String,
}

impl Terminal {
    /// Starts a program in a terminal of its own.
    ///
    /// # Panics
    /// If that cannot be.
    #[track_caller]
    pub fn start(command: &Command) -> Self {
        let pair = native_pty_system().openpty(SIZE).expect("a machine has pseudo terminals");
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        let before = settings(&*pair.master);
        let child = pair.slave.spawn_command(builder).expect("the program can be started");
        drop(pair.slave);
        let [rows, columns] = [SIZE.rows, SIZE.cols].map(|size| NonZero::new(size).expect("a terminal has a size"));
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let (mut output, shown) =
            (pair.master.try_clone_reader().expect("a terminal can be read"), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose program has ended gives an error: that is its end.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
            }
        });
        let keys = pair.master.take_writer().expect("a terminal can be written to");
        Self { child, keys, screen, pty: pair.master, before }
    }

    /// Presses keys.
    ///
    /// # Panics
    /// If the terminal is gone.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("a terminal takes keys");
    }

    /// What is on the screen, row by row.
    pub fn screen(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Waits until that text is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) {
        wait_for(&format!("{text:?} on the screen"), || self.screen().contains(text).then_some(()));
    }

    /// Waits until the program has ended; its exit code.
    #[track_caller]
    pub fn ended(&mut self) -> u32 {
        let status: ExitStatus = wait_for("the program in the terminal to end", || {
            self.child.try_wait().expect("a child can be waited for")
        });
        status.exit_code()
    }

    /// Whether the terminal is as it was before the program: its own screen, a cursor, lines that are echoed.
    pub fn is_restored(&self) -> bool {
        let parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && settings(&*self.pty) == self.before
    }
}

/// How a terminal is set, in words.
fn settings(pty: &(dyn MasterPty + Send)) -> String {
    format!("{:?}", pty.get_termios())
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only where the program has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- the terminal\n{}", self.screen());
        }
    }
}
