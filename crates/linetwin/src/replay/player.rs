//! The one loop of a replay.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use anyhow::Context as _;
use contract::{ReplayCommandV1, ReplaySchema, ReplayV1, alert_lines};
use telemetry::{IncidentId, Timestamp};
use twin::Twin;

use super::pace::{Pace, Speed};
use super::start::{Position, Source, start_at};
use crate::history::History;
use crate::teller::{Sinks, Teller};

/// How many inputs are applied without a word before requests are looked at.
const PASSED_AT_ONCE: usize = 2000;
/// How long nothing is said to the page: it takes a longer silence for a broken connection.
const SILENCE_MAX: Duration = Duration::from_secs(1);

/// Where alerts go as JSON lines.
pub(crate) type Alerts = Box<dyn Write + Send>;

/// What is asked of a player while it plays.
pub(crate) enum Request {
    /// A person steers it. The answer is how it stands then, or why not.
    Steer(ReplayCommandV1, SyncSender<Result<ReplayV1, String>>),
    /// To end.
    Stop,
}

/// Which part of a recording is played, by the time of receipt; both ends are of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// What a player does at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// It ends.
    Leave,
    /// It pauses there until it is told to end.
    Stay,
}

/// Plays a recording through a twin, and tells what follows.
pub(crate) struct Player {
    source: Source,
    position: Position,
    range: Range,
    at_end: AtEnd,
    pace: Pace,
    is_paused: bool,
    /// The incidents that were told as open before a jump that is under way.
    told_open: BTreeSet<IncidentId>,
    teller: Teller,
    alerts: Option<Alerts>,
}

impl Player {
    /// A player that is at the begin of its range, or on its way there.
    pub(crate) fn new(source: Source, position: Position, range: Range, at_end: AtEnd, speed: Speed) -> Self {
        Self {
            source,
            position,
            range,
            at_end,
            pace: Pace::new(speed),
            is_paused: false,
            told_open: BTreeSet::new(),
            teller: Teller::new(Sinks::default()),
            alerts: None,
        }
    }

    /// Where what follows is told from now on; alerts also as JSON lines.
    pub(crate) fn tell(&mut self, sinks: Sinks, alerts: Option<Alerts>) {
        self.teller.set_sinks(sinks);
        self.alerts = alerts;
    }

    /// The twin.
    pub(crate) fn twin(&self) -> &Twin {
        self.position.twin()
    }

    /// The latest cycles of each station.
    pub(crate) fn history(&self) -> &History {
        self.teller.history()
    }

    /// How the replay stands.
    pub(crate) fn standing(&self) -> ReplayV1 {
        let now = match self.twin().sequence() {
            0 => self.range.from,
            _ => self.twin().now(),
        };
        ReplayV1 {
            schema: ReplaySchema::V1,
            from: self.range.from.into(),
            to: self.range.to.into(),
            now: now.into(),
            speed: self.pace.speed().into(),
            paused: self.is_paused || self.is_at_end(),
            seeking: self.position.wanted().map(Into::into),
        }
    }

    fn is_at_end(&self) -> bool {
        self.position.wanted().is_none() && self.position.upcoming().is_none_or(|input| input.received > self.range.to)
    }

    /// Plays to the end, or until it is told to stop. Blocks.
    ///
    /// # Errors
    /// If the recording cannot be read, or the alerts cannot be written.
    pub(crate) fn run(&mut self, requests: &Receiver<Request>) -> anyhow::Result<()> {
        loop {
            match self.go_on()? {
                Next::At(wait) if wait.is_zero() => match requests.try_recv() {
                    Ok(Request::Stop) => break,
                    Ok(request) => self.take(request)?,
                    Err(_) => {}
                },
                Next::At(wait) => match requests.recv_timeout(wait.min(SILENCE_MAX)) {
                    Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                    Ok(request) => self.take(request)?,
                    Err(RecvTimeoutError::Timeout) if wait >= SILENCE_MAX => self.tell_state(),
                    Err(RecvTimeoutError::Timeout) => {}
                },
                Next::End => break,
            }
        }
        self.tell_state();
        if let Some(alerts) = &mut self.alerts {
            alerts.flush().context("cannot write the alerts")?;
        }
        self.position.tell_oddities();
        Ok(())
    }

    /// Does what is due now, and says when there is more to do.
    fn go_on(&mut self) -> anyhow::Result<Next> {
        if self.position.wanted().is_some() {
            self.pass()?;
            return Ok(Next::At(Duration::ZERO));
        }
        if self.is_at_end() {
            if self.at_end == AtEnd::Leave {
                return Ok(Next::End);
            }
            if !self.is_paused {
                self.is_paused = true;
                self.tell_state();
            }
        }
        match self.position.upcoming() {
            Some(input) if !self.is_paused => {
                let wait = self.pace.due_in(input.received);
                if wait.is_zero() {
                    self.step()?;
                }
                Ok(Next::At(wait))
            }
            _ => Ok(Next::At(Duration::MAX)),
        }
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let Some(input) = self.position.step()? else { return Ok(()) };
        let outputs = self.position.outputs();
        if let Some(alerts) = &mut self.alerts {
            let lines: String = alert_lines(outputs, &self.source.plant, &input).collect();
            alerts.write_all(lines.as_bytes()).context("cannot write the alerts")?;
        }
        self.teller.set_replay(self.standing());
        self.teller.tell(&input, self.position.outputs(), self.position.twin());
        self.teller.keep_up(self.position.twin());
        Ok(())
    }

    /// Comes nearer to the wanted moment.
    fn pass(&mut self) -> anyhow::Result<()> {
        let history = self.teller.history();
        let is_there = self.position.pass(PASSED_AT_ONCE, |outputs, twin| history.take(outputs, twin))?;
        if !is_there {
            if self.teller.is_state_due() {
                self.tell_state();
            }
            return Ok(());
        }
        self.teller.set_replay(self.standing());
        self.pace.restart();
        let told = std::mem::take(&mut self.told_open);
        let open: BTreeSet<_> = self.twin().open_incidents().map(|incident| incident.id).collect();
        self.teller.tell_anew(told.difference(&open).copied(), self.position.twin());
        Ok(())
    }

    fn take(&mut self, request: Request) -> anyhow::Result<()> {
        let Request::Steer(command, answer) = request else { return Ok(()) };
        let steered = self.check(command).map(|speed| (command, speed));
        let answered = match steered {
            Ok((command, speed)) => {
                self.steer(command, speed)?;
                Ok(self.standing())
            }
            Err(problem) => Err(problem),
        };
        self.tell_state();
        // It fails only when the one who asked has gone.
        let _ = answer.try_send(answered);
        Ok(())
    }

    /// Whether a command can be followed, and the speed that it wants. The error is in words for a person.
    fn check(&self, command: ReplayCommandV1) -> Result<Option<Speed>, String> {
        if command == ReplayCommandV1::default() {
            return Err(format!("nothing is asked for; expected something like {}", ReplayCommandV1::EXAMPLE));
        }
        let Range { from, to } = self.range;
        if let Some(moment) = command.to.filter(|moment| moment.0 < from || moment.0 > to) {
            return Err(format!("to: {moment} is not in the replay; it goes from {from} to {to}"));
        }
        let speed = command.speed.map(Speed::try_from).transpose();
        speed.map_err(|problem| format!("speed: {problem}"))
    }

    fn steer(&mut self, command: ReplayCommandV1, speed: Option<Speed>) -> anyhow::Result<()> {
        if let Some(speed) = speed {
            self.pace = Pace::new(speed);
        }
        if let Some(paused) = command.paused {
            self.is_paused = paused;
            self.pace.restart();
        }
        if let Some(moment) = command.to {
            self.jump(moment.0)?;
        }
        Ok(())
    }

    fn jump(&mut self, moment: Timestamp) -> anyhow::Result<()> {
        // On the way nothing is told: what was told is what was open when the way began.
        if self.position.wanted().is_none() {
            self.told_open = self.twin().open_incidents().map(|incident| incident.id).collect();
        }
        if !self.position.set_out_for(moment) {
            self.position = start_at(&self.source, Some(moment))?;
            self.teller.history().clear();
        }
        Ok(())
    }

    fn tell_state(&mut self) {
        self.teller.set_replay(self.standing());
        self.teller.tell_state(self.position.twin());
    }
}

/// What a player does next.
enum Next {
    /// There is more to do after that time.
    At(Duration),
    /// It has played all.
    End,
}
