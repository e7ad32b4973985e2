//! How fast a replay goes.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use contract::{SpeedV1, UnlimitedName};
use telemetry::Timestamp;

/// How fast time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the machine can.
    Max,
    /// So many times as fast as life; above 0.
    Times(f64),
}

/// A speed that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no speed; expected a number above 0, or max")]
pub struct NotASpeed(String);

impl FromStr for Speed {
    type Err = NotASpeed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(times) => SpeedV1::Times(times).try_into(),
            Err(_) => Err(NotASpeed(format!("{text:?}"))),
        }
    }
}

impl TryFrom<SpeedV1> for Speed {
    type Error = NotASpeed;

    fn try_from(wire: SpeedV1) -> Result<Self, Self::Error> {
        match wire {
            SpeedV1::Unlimited(UnlimitedName::Max) => Ok(Self::Max),
            SpeedV1::Times(times) if times > 0.0 && times.is_finite() => Ok(Self::Times(times)),
            SpeedV1::Times(times) => Err(NotASpeed(times.to_string())),
        }
    }
}

impl From<Speed> for SpeedV1 {
    fn from(speed: Speed) -> Self {
        match speed {
            Speed::Max => Self::Unlimited(UnlimitedName::Max),
            Speed::Times(times) => Self::Times(times),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Max => write!(f, "as fast as the machine can"),
            Self::Times(times) => write!(f, "{times} times as fast as life"),
        }
    }
}

/// Holds a replay to its speed.
#[derive(Debug)]
pub(crate) struct Pace {
    speed: Speed,
    begun: Option<(Instant, Timestamp)>,
}

impl Pace {
    pub(crate) fn new(speed: Speed) -> Self {
        Self { speed, begun: None }
    }

    pub(crate) fn speed(&self) -> Speed {
        self.speed
    }

    /// The next input is due at once, and what follows at its distance: after a pause or a jump.
    pub(crate) fn restart(&mut self) {
        self.begun = None;
    }

    /// How long from now until what was received at that moment is due. A clock that was put back makes nothing late.
    pub(crate) fn due_in(&mut self, moment: Timestamp) -> Duration {
        let Speed::Times(times) = self.speed else { return Duration::ZERO };
        let (begun, first) = *self.begun.get_or_insert((Instant::now(), moment));
        let due_s = (moment.seconds_since(first) / times).max(0.0);
        // As seconds a duration can hold more than a recording can.
        Duration::try_from_secs_f64(due_s).unwrap_or(Duration::MAX).saturating_sub(begun.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_above_0_or_max() {
        for (text, expected) in [("max", Some(Speed::Max)), ("0.5", Some(Speed::Times(0.5))), ("0", None), ("-1", None)]
        {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
        for text in ["inf", "NaN", "fast", ""] {
            let error = text.parse::<Speed>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("above 0, or max"), "{text}: {error}");
        }
        for speed in [Speed::Max, Speed::Times(60.0)] {
            assert_eq!(SpeedV1::from(speed).try_into(), Ok(speed));
        }
    }

    #[test]
    fn an_input_is_due_at_its_distance_to_the_first_divided_by_the_speed() {
        let at = |seconds: f64| Timestamp::EPOCH.plus_seconds(seconds);
        let mut pace = Pace::new(Speed::Times(10.0));
        assert_eq!(pace.due_in(at(1000.0)), Duration::ZERO);
        let due = pace.due_in(at(2000.0));
        assert!(due > Duration::from_secs(40) && due <= Duration::from_secs(100), "{due:?}");
        assert_eq!(pace.due_in(at(500.0)), Duration::ZERO, "the clock was put back");
        pace.restart();
        assert_eq!(pace.due_in(at(2000.0)), Duration::ZERO);
        assert_eq!(Pace::new(Speed::Max).due_in(at(9.0)), Duration::ZERO);
    }
}
