//! A moment of a recording, as a person names it.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};
use telemetry::Timestamp;

/// A moment of a recording that has not been opened yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Moment {
    /// A moment of the world.
    At(Timestamp),
    /// Date and time of day by the line's calendar.
    Local(DateTime),
    /// The first such time of day by the line's calendar that the recording comes to.
    TimeOfDay(Time),
    /// So many seconds after the recording begins.
    After(f64),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let after = |text: &str| text.parse::<SignedDuration>().ok().filter(SignedDuration::is_positive);
        if let Some(after) = text.strip_prefix('+').and_then(after) {
            return Ok(Self::After(after.as_secs_f64()));
        }
        if let Ok(moment) = text.parse() {
            return Ok(Self::At(moment));
        }
        if let Ok(time) = text.parse() {
            return Ok(Self::TimeOfDay(time));
        }
        text.parse().map(Self::Local).map_err(|_| {
            format!(
                "{text:?} is no moment; expected 2026-11-24T08:14:00Z, a time of the line's calendar such as 08:14 or \
                 2026-11-24T08:14, or the time after the begin such as +2h or +1h30m"
            )
        })
    }
}

impl Moment {
    /// The moment in a recording that begins at `begin`, of a line whose calendar is in that zone.
    ///
    /// # Errors
    /// If it is beyond all time.
    pub(crate) fn resolve(self, begin: Timestamp, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        let local = |local: DateTime| anyhow::Ok(zone.to_timestamp(local)?);
        let moment = match self {
            Self::At(moment) => return Ok(moment),
            Self::After(seconds) => return Ok(begin.plus_seconds(seconds)),
            Self::Local(moment) => local(moment)?,
            Self::TimeOfDay(time) => {
                let begin = jiff::Timestamp::from_nanosecond(i128::from(begin.as_nanos()))?;
                let day = zone.to_datetime(begin).date();
                let today = local(day.to_datetime(time))?;
                if today >= begin { today } else { local(day.checked_add(1.day())?.to_datetime(time))? }
            }
        };
        Ok(Timestamp::from_nanos(i64::try_from(moment.as_nanosecond())?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let begin = "2026-11-23T21:30:00Z".parse().unwrap();
        let moment = text.parse::<Moment>().unwrap().resolve(begin, &zone).unwrap();
        assert_eq!(moment, expected.parse().unwrap(), "{text}");
    }

    #[test]
    fn a_moment_is_of_the_world_of_the_lines_calendar_or_of_the_recording() {
        check("2026-11-24T08:14:00Z", "2026-11-24T08:14:00Z");
        check("2026-11-24T08:14:00+02:00", "2026-11-24T06:14:00Z");
        check("2026-11-24T08:14", "2026-11-24T06:14:00Z");
        check("23:30", "2026-11-23T21:30:00Z");
        check("23:45:10", "2026-11-23T21:45:10Z");
        check("23:29", "2026-11-24T21:29:00Z");
        check("08:14", "2026-11-24T06:14:00Z");
        check("+2h", "2026-11-23T23:30:00Z");
        check("+1h30m", "2026-11-23T23:00:00Z");
        check("+90m", "2026-11-23T23:00:00Z");
    }

    #[test]
    fn what_is_no_moment_is_refused_with_those_that_are() {
        for text in ["", "2h", "+", "+-2h", "25:00", "yesterday", "+2 parsecs"] {
            assert!(text.parse::<Moment>().unwrap_err().contains("08:14"), "{text}");
        }
    }
}
