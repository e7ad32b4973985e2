//! How a file writes times, and what moment each one is.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use telemetry::Timestamp;

/// How a column of times is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// ISO 8601: RFC 3339 with its offset from UTC, or a date and a time without one, such as `2026-11-24 06:00:00.5`.
    Iso,
    /// A number counted from 1970-01-01T00:00:00 UTC, with or without decimals.
    Unix(UnixUnit),
    /// A pattern of `strptime`, such as `%d.%m.%Y %H:%M:%S`.
    Pattern(String),
}

/// What a Unix time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnixUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl UnixUnit {
    const ALL: [Self; 4] = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    const fn name(self) -> &'static str {
        match self {
            Self::Seconds => "unix-s",
            Self::Milliseconds => "unix-ms",
            Self::Microseconds => "unix-us",
            Self::Nanoseconds => "unix-ns",
        }
    }

    const fn nanos(self) -> i128 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }
}

/// Nanoseconds from 1970 to 1990 and to 2100, UTC. A number that is a time between them in one unit is none in another.
const DETECTED_NANOS: std::ops::Range<i128> = 631_152_000_000_000_000..4_102_444_800_000_000_000;

impl TimeFormat {
    /// The format of a time; `None` if it is not recognised. A Unix time is, if it lies between the years 1990 and 2100.
    pub fn detect(cell: &str) -> Option<Self> {
        let fits = |unit: &UnixUnit| unix_nanos(cell, *unit).is_some_and(|nanos| DETECTED_NANOS.contains(&nanos));
        match UnixUnit::ALL.into_iter().find(fits) {
            Some(unit) => Some(Self::Unix(unit)),
            None if cell.parse::<jiff::Timestamp>().is_ok() || cell.parse::<DateTime>().is_ok() => Some(Self::Iso),
            None => None,
        }
    }
}

impl FromStr for TimeFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match UnixUnit::ALL.into_iter().find(|unit| unit.name() == text) {
            Some(unit) => Ok(Self::Unix(unit)),
            None if text == "iso" => Ok(Self::Iso),
            None if text.contains('%') => Ok(Self::Pattern(text.to_owned())),
            None => Err(format!(
                "{text:?} is no time format; expected iso, unix-s, unix-ms, unix-us, unix-ns, or a pattern such as \
                 \"%d.%m.%Y %H:%M:%S\""
            )),
        }
    }
}

/// As a message to a person names a time in it.
impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iso => f.write_str("a time such as 2026-11-24 06:00:00.5 or 2026-11-24T06:00:00+01:00"),
            Self::Unix(unit) => write!(f, "a number ({})", unit.name()),
            Self::Pattern(pattern) => write!(f, "a time as in the pattern {pattern:?}"),
        }
    }
}

/// Reads the times of one column.
#[derive(Debug, Clone)]
pub struct TimeReader {
    format: TimeFormat,
    zone: TimeZone,
}

/// A moment that a cell tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The moment.
    pub time: Timestamp,
    /// Whether local clocks showed that time twice, or never, because they were put back or forward. Then it is taken
    /// as if they had not been yet.
    pub in_clock_change: bool,
}

/// This machine knows no time zone of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "time zone {0:?} is not known; expected a name such as Europe/Berlin, and the system's time zones installed (package \
     tzdata)"
)]
pub struct UnknownTimeZone(String);

/// The time zone of that name, such as `Europe/Berlin`; UTC if there is none.
///
/// # Errors
/// If this machine knows no such zone.
pub fn time_zone(name: Option<&str>) -> Result<TimeZone, UnknownTimeZone> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZone::get(name).map_err(|_| UnknownTimeZone(name.to_owned()))
}

impl TimeReader {
    /// A reader of times in that format. What names no offset from UTC is in `zone`.
    pub fn new(format: TimeFormat, zone: TimeZone) -> Self {
        Self { format, zone }
    }

    /// What a cell is expected to be.
    pub fn format(&self) -> &TimeFormat {
        &self.format
    }

    /// The moment in a cell; `None` if there is none, or none between the years 1677 and 2262.
    pub fn read(&self, cell: &str) -> Option<Moment> {
        match &self.format {
            TimeFormat::Unix(unit) => certain(unix_nanos(cell, *unit)?),
            TimeFormat::Iso => match cell.parse::<jiff::Timestamp>() {
                Ok(moment) => certain(moment.as_nanosecond()),
                Err(_) => self.local(cell.parse().ok()?),
            },
            TimeFormat::Pattern(pattern) => {
                let parts = BrokenDownTime::parse(pattern, cell).ok()?;
                match parts.offset() {
                    Some(_) => certain(parts.to_timestamp().ok()?.as_nanosecond()),
                    None => self.local(parts.to_datetime().ok()?),
                }
            }
        }
    }

    fn local(&self, shown: DateTime) -> Option<Moment> {
        let moment = self.zone.to_ambiguous_timestamp(shown);
        let in_clock_change = moment.is_ambiguous();
        Some(Moment { in_clock_change, ..certain(moment.compatible().ok()?.as_nanosecond())? })
    }
}

fn certain(nanos: i128) -> Option<Moment> {
    let time = Timestamp::from_nanos(i64::try_from(nanos).ok()?);
    Some(Moment { time, in_clock_change: false })
}

/// Digits that a Unix time's fraction may have.
const FRACTION_DIGITS_MAX: usize = 18;

/// A decimal number of units as nanoseconds, without the rounding that a float would bring; what is less is cut off.
fn unix_nanos(cell: &str, unit: UnixUnit) -> Option<i128> {
    let (whole, fraction) = cell.split_once(['.', ',']).unwrap_or((cell, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    if digits.is_empty() || !is_digits(digits) || !is_digits(fraction) || fraction.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let units: i64 = digits.parse().ok()?;
    let parts: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.pow(fraction.len() as u32);
    let nanos = i128::from(units) * unit.nanos() + parts * unit.nanos() / scale;
    Some(if whole.starts_with('-') { -nanos } else { nanos })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, zone: Option<&str>, cell: &str, expected: Option<&str>) {
        let reader = TimeReader::new(format.parse().unwrap(), time_zone(zone).unwrap());
        let read = reader.read(cell).map(|moment| moment.time.to_string());
        assert_eq!(read.as_deref(), expected, "{cell} as {format}");
    }

    #[test]
    fn times_are_read_to_the_nanosecond() {
        check("iso", None, "2026-11-24T06:00:00.25+01:00", Some("2026-11-24T05:00:00.25Z"));
        check("iso", None, "2026-11-24 06:00:00Z", Some("2026-11-24T06:00:00Z"));
        check("iso", None, "2026-11-24 06:00:00.123456789", Some("2026-11-24T06:00:00.123456789Z"));
        check("iso", None, "2026-11-24", Some("2026-11-24T00:00:00Z"));
        check("iso", None, "24.11.2026 06:00", None);
        check("iso", None, "", None);
        check("unix-s", None, "1795413600.000000001", Some("2026-11-23T06:00:00.000000001Z"));
        check("unix-s", None, "1795413600,5", Some("2026-11-23T06:00:00.5Z"));
        check("unix-s", None, "-1.5", Some("1969-12-31T23:59:58.5Z"));
        check("unix-ms", None, "1795413600250", Some("2026-11-23T06:00:00.25Z"));
        check("unix-s", None, "1.5e9", None);
        check("unix-s", None, "9999999999999999", None);
        check("%d.%m.%Y %H:%M:%S%.f", None, "24.11.2026 06:00:00.5", Some("2026-11-24T06:00:00.5Z"));
        check("%m/%d/%Y %I:%M:%S %p", None, "11/24/2026 1:00:00 PM", Some("2026-11-24T13:00:00Z"));
        check("%Y%m%d%H%M%S%z", None, "20261124060000+0100", Some("2026-11-24T05:00:00Z"));
    }

    #[test]
    fn a_local_time_is_of_its_zone_and_says_when_clocks_were_changed() {
        let zone = Some("Europe/Berlin");
        check("iso", zone, "2026-07-01 06:00:00", Some("2026-07-01T04:00:00Z"));
        check("iso", zone, "2026-07-01T06:00:00Z", Some("2026-07-01T06:00:00Z"));
        let reader = TimeReader::new(TimeFormat::Iso, time_zone(zone).unwrap());
        let changes = ["2026-10-25 01:59:59", "2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-10-25 03:00:00"];
        let found = changes.map(|cell| reader.read(cell).unwrap().in_clock_change);
        assert_eq!(found, [false, true, true, false]);
        check("iso", zone, "2026-10-25 02:30:00", Some("2026-10-25T00:30:00Z"));
        assert!(time_zone(Some("Europe/Bielefeld")).unwrap_err().to_string().contains("tzdata"));
    }

    #[test]
    fn a_format_is_detected_only_where_there_is_no_doubt() {
        for (cell, expected) in [
            ("1795413600", Some("unix-s")),
            ("1795413600.5", Some("unix-s")),
            ("1795413600000", Some("unix-ms")),
            ("1795413600000000", Some("unix-us")),
            ("1795413600000000000", Some("unix-ns")),
            ("2026-11-24T06:00:00Z", Some("iso")),
            ("2026-11-24 06:00", Some("iso")),
            ("12.5", None),
            ("0", None),
            ("24.11.2026 06:00:00", None),
            ("20261124060000", None),
        ] {
            let expected = expected.map(|name| name.parse::<TimeFormat>().unwrap());
            assert_eq!(TimeFormat::detect(cell), expected, "{cell}");
        }
    }
}
