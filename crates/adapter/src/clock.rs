use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telemetry::Timestamp;

/// The shell's clock. Real, or scaled so that a simulated plant may run faster than life.
#[derive(Debug, Clone)]
pub struct Clock(Kind);

#[derive(Debug, Clone)]
enum Kind {
    System,
    Scaled { started: Instant, start: Timestamp, speed: f64 },
}

impl Clock {
    /// The host's clock; it steps when the host's does.
    pub fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that shows `start` now and runs `speed` times as fast as life. `speed` is above 0.
    pub fn scaled(start: Timestamp, speed: f64) -> Self {
        Self(Kind::Scaled { started: Instant::now(), start, speed })
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System => {
                let nanos = match SystemTime::now().duration_since(UNIX_EPOCH) {
                    Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
                    Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
                };
                Timestamp::from_nanos(nanos)
            }
            Kind::Scaled { started, start, speed } => start.plus_seconds(started.elapsed().as_secs_f64() * speed),
        }
    }

    /// How many times as fast as life it runs.
    pub fn speed(&self) -> f64 {
        match self.0 {
            Kind::System => 1.0,
            Kind::Scaled { speed, .. } => speed,
        }
    }

    /// How long `seconds` on this clock last in life; at least a millisecond, at most a day.
    pub fn duration(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds / self.speed()).clamp(0.001, 86_400.0))
    }
}
