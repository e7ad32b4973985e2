use jiff::ToSpan;
use jiff::civil::{Date, Time};
use plant::{Plant, Shift};
use serde::{Deserialize, Serialize};
use telemetry::{NANOS_PER_SECOND, Timestamp};

/// When the line is to work: periods without a gap or an overlap, each one occurrence of a shift or the time between
/// two. A pure function of time; it reads no clock and no time zone database of the machine.
#[derive(Debug, Clone)]
pub struct Calendar {
    shifts: Shifts,
}

#[derive(Debug, Clone)]
enum Shifts {
    /// One after another, from the epoch, which is a midnight UTC; length in nanoseconds.
    Rolling(i64),
    Weekly(plant::Calendar),
}

/// One occurrence of a shift, or the time between two. Instants are UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The shift, by index into [`plant::Calendar::shifts`], 0 without a calendar; `None` between shifts.
    pub shift: Option<u16>,
    /// When it begins.
    pub start: Timestamp,
    /// When it ends, which is when the next one begins.
    pub end: Timestamp,
    /// Its breaks, in order, from and to.
    pub breaks: Vec<(Timestamp, Timestamp)>,
}

impl Period {
    /// Whether the line is to work at a moment within the period.
    pub fn is_planned(&self, at: Timestamp) -> bool {
        self.shift.is_some() && !self.breaks.iter().any(|&(from, to)| (from..to).contains(&at))
    }

    /// The first moment after `at` at which a break begins or ends, or the period does.
    pub fn next_change(&self, at: Timestamp) -> Timestamp {
        let breaks = self.breaks.iter().flat_map(|&(from, to)| [from, to]);
        breaks.filter(|&change| change > at).min().unwrap_or(self.end).min(self.end)
    }

    /// Whether the line is to work all the time from one moment of the period to another.
    pub(crate) fn is_planned_throughout(&self, from: Timestamp, to: Timestamp) -> bool {
        let is_within = self.start <= from && to <= self.end;
        is_within && self.shift.is_some() && !self.breaks.iter().any(|&(begin, end)| begin < to && from < end)
    }

    /// Planned time from one moment of the period to another, nanoseconds.
    fn planned_ns(&self, from: Timestamp, to: Timestamp) -> i64 {
        let within =
            |begin: Timestamp, end: Timestamp| end.min(to).as_nanos().saturating_sub(begin.max(from).as_nanos()).max(0);
        let breaks: i64 = self.breaks.iter().map(|&(begin, end)| within(begin, end)).sum();
        if self.shift.is_some() { within(self.start, self.end) - breaks } else { 0 }
    }
}

/// The most periods that [`Calendar::planned_s`] adds up: ten years of three shifts and the gaps between them.
const PERIODS_MAX: usize = 10 * 366 * 6;

impl Calendar {
    /// The calendar of a plant.
    pub fn new(plant: &Plant) -> Self {
        match &plant.plan.calendar {
            Some(calendar) => Self { shifts: Shifts::Weekly(calendar.clone()) },
            None => Self::rolling_h(plant.detection.shift_h),
        }
    }

    /// Shifts of so many hours, one after another.
    pub(crate) fn rolling_h(hours: f64) -> Self {
        let length_ns = (hours * 3600.0) as i64 * NANOS_PER_SECOND;
        Self { shifts: Shifts::Rolling(length_ns.max(NANOS_PER_SECOND)) }
    }

    /// The period that a moment is in.
    pub fn period(&self, at: Timestamp) -> Period {
        match &self.shifts {
            Shifts::Rolling(length_ns) => {
                let start = Timestamp::from_nanos(at.as_nanos().saturating_sub(at.as_nanos().rem_euclid(*length_ns)));
                Period { shift: Some(0), start, end: start.plus_nanos(*length_ns), breaks: Vec::new() }
            }
            Shifts::Weekly(calendar) => weekly_period(calendar, at),
        }
    }

    /// Time in which the line is to work from one moment to another, seconds: within shifts and outside their breaks.
    /// Of more than ten years only the first ten count.
    pub fn planned_s(&self, from: Timestamp, to: Timestamp) -> f64 {
        let (mut planned_ns, mut at) = (0, from);
        for _ in 0..PERIODS_MAX {
            let period = self.period(at);
            planned_ns += period.planned_ns(from, to);
            if period.end >= to || period.end <= at {
                break;
            }
            at = period.end;
        }
        planned_ns as f64 / NANOS_PER_SECOND as f64
    }
}

/// An occurrence of a shift: its index, and when it begins and ends.
type Occurrence = (u16, Timestamp, Timestamp, Date);

fn weekly_period(calendar: &plant::Calendar, at: Timestamp) -> Period {
    let occurrences = occurrences_about(calendar, at);
    let next_start = |after: Timestamp| occurrences.iter().map(|&(_, start, ..)| start).find(|&start| start > after);
    let running = occurrences.iter().rfind(|&&(_, start, ..)| start <= at);
    match running {
        // Where clocks are changed between two shifts, the later one can begin before the earlier one's end.
        Some(&(shift, start, end, date)) if at < next_start(start).unwrap_or(end).min(end) => {
            let end = next_start(start).unwrap_or(end).min(end);
            let configured = &calendar.shifts[usize::from(shift)];
            let within = |at: Timestamp| at.clamp(start, end);
            let moment = |time| within(instant(calendar, configured, date, time));
            let breaks = configured.breaks.iter().map(|&(from, to)| (moment(from), moment(to)));
            Period { shift: Some(shift), start, end, breaks: breaks.filter(|(from, to)| from < to).collect() }
        }
        _ => Period {
            shift: None,
            start: running.map_or(Timestamp::from_nanos(i64::MIN), |&(_, _, end, _)| end),
            end: next_start(at).unwrap_or(Timestamp::from_nanos(i64::MAX)),
            breaks: Vec::new(),
        },
    }
}

/// The shifts that begin from nine days before to nine days after a moment, in order: the one that it is in, and at
/// least one before and after, for each shift comes again every week.
fn occurrences_about(calendar: &plant::Calendar, at: Timestamp) -> Vec<Occurrence> {
    let mut occurrences = Vec::new();
    let Ok(moment) = jiff::Timestamp::from_nanosecond(i128::from(at.as_nanos())) else { return occurrences };
    let today = calendar.time_zone.to_datetime(moment).date();
    for day in -9..=9_i64 {
        let date = today.saturating_add(day.days());
        for (index, shift) in
            calendar.shifts.iter().enumerate().filter(|(_, shift)| shift.days.contains(&date.weekday()))
        {
            let (start, end) = (instant(calendar, shift, date, shift.start), ends(calendar, shift, date));
            if start < end {
                occurrences.push((index as u16, start, end, date));
            }
        }
    }
    occurrences.sort_by_key(|&(_, start, ..)| start);
    occurrences
}

/// When it is that time of day in a shift that begins on `date`. A time that the clock skips is taken as much later, of
/// one that it shows twice the first.
fn instant(calendar: &plant::Calendar, shift: &Shift, date: Date, time: Time) -> Timestamp {
    let date = if time < shift.start { date.saturating_add(1.day()) } else { date };
    let moment = calendar.time_zone.to_timestamp(date.to_datetime(time));
    let nanos = moment.map_or(0, |moment| moment.as_nanosecond());
    Timestamp::from_nanos(nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
}

fn ends(calendar: &plant::Calendar, shift: &Shift, date: Date) -> Timestamp {
    if shift.end == shift.start {
        return instant(calendar, shift, date.saturating_add(1.day()), shift.end);
    }
    instant(calendar, shift, date, shift.end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::civil::Weekday;
    use jiff::tz::TimeZoneDatabase;
    use proptest::prelude::*;

    use super::*;

    const ALL_DAYS: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn time(text: &str) -> Time {
        format!("{text}:00").parse().unwrap()
    }

    fn shift(name: &str, days: &[Weekday], start: &str, end: &str, breaks: &[(&str, &str)]) -> Shift {
        Shift {
            name: name.to_owned(),
            days: days.to_vec(),
            start: time(start),
            end: time(end),
            breaks: breaks.iter().map(|(from, to)| (time(from), time(to))).collect(),
            planned_output: Default::default(),
        }
    }

    fn berlin(shifts: Vec<Shift>) -> Calendar {
        let time_zone = TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        Calendar { shifts: Shifts::Weekly(plant::Calendar { time_zone, shifts }) }
    }

    /// Early and late on working days with a break each, night over midnight from Sunday to Thursday.
    fn three_shifts() -> Calendar {
        berlin(vec![
            shift("early", &ALL_DAYS[..5], "06:00", "14:00", &[("09:00", "09:15"), ("11:30", "12:00")]),
            shift("late", &ALL_DAYS[..5], "14:00", "22:00", &[("18:00", "18:30")]),
            shift("night", &[&ALL_DAYS[..4], &ALL_DAYS[6..]].concat(), "22:00", "06:00", &[("01:30", "02:30")]),
        ])
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[track_caller]
    fn check(calendar: &Calendar, moment: &str, shift: Option<u16>, start: &str, end: &str, planned: bool) {
        let period = calendar.period(at(moment));
        let expected = (shift, at(start), at(end), planned);
        assert_eq!((period.shift, period.start, period.end, period.is_planned(at(moment))), expected, "{moment}");
    }

    #[test]
    fn a_moment_is_in_its_shift_break_or_weekend() {
        let calendar = three_shifts();
        let (start, end) = ("2026-11-24T05:00:00Z", "2026-11-24T13:00:00Z");
        check(&calendar, "2026-11-24T05:00:00Z", Some(0), start, end, true);
        check(&calendar, "2026-11-24T08:14:59Z", Some(0), start, end, false);
        check(&calendar, "2026-11-24T08:15:00Z", Some(0), start, end, true);
        check(&calendar, "2026-11-24T13:00:00Z", Some(1), end, "2026-11-24T21:00:00Z", true);
        let night = ("2026-11-24T21:00:00Z", "2026-11-25T05:00:00Z");
        check(&calendar, "2026-11-25T00:45:00Z", Some(2), night.0, night.1, false);
        check(&calendar, "2026-11-25T04:59:59Z", Some(2), night.0, night.1, true);
        // From Friday's late shift to Sunday's night.
        check(&calendar, "2026-11-28T12:00:00Z", None, "2026-11-27T21:00:00Z", "2026-11-29T21:00:00Z", false);
    }

    #[test]
    fn a_night_in_which_clocks_are_changed_is_an_hour_longer_or_shorter() {
        let calendar = berlin(vec![shift("night", &ALL_DAYS, "22:00", "06:00", &[("01:30", "02:30")])]);
        let hours = |moment: &str| {
            let period = calendar.period(at(moment));
            let breaks: Vec<f64> = period.breaks.iter().map(|&(from, to)| to.seconds_since(from) / 3600.0).collect();
            (period.end.seconds_since(period.start) / 3600.0, breaks)
        };
        assert_eq!(hours("2026-10-24T23:00:00Z"), (9.0, vec![1.0]), "the first 02:30 ends the break");
        assert_eq!(hours("2026-03-28T23:00:00Z"), (7.0, vec![1.0]), "02:30 is shown as 03:30");
        assert_eq!(hours("2026-06-01T23:00:00Z"), (8.0, vec![1.0]));
        // The same civil time is another instant in summer.
        check(&calendar, "2026-07-01T21:00:00Z", Some(0), "2026-07-01T20:00:00Z", "2026-07-02T04:00:00Z", true);
    }

    #[test]
    fn a_shift_that_clocks_push_into_the_next_ends_where_that_begins() {
        let calendar =
            berlin(vec![shift("a", &ALL_DAYS, "20:00", "02:30", &[]), shift("b", &ALL_DAYS, "03:00", "11:00", &[])]);
        // On 2026-03-29 02:30 is shown as 03:30, after 03:00, which is 01:00 UTC.
        check(&calendar, "2026-03-29T00:59:59Z", Some(0), "2026-03-28T19:00:00Z", "2026-03-29T01:00:00Z", true);
        check(&calendar, "2026-03-29T01:00:00Z", Some(1), "2026-03-29T01:00:00Z", "2026-03-29T09:00:00Z", true);
    }

    #[test]
    fn planned_time_leaves_out_breaks_and_weekends() {
        let calendar = three_shifts();
        let hours = |from: &str, to: &str| calendar.planned_s(at(from), at(to)) / 3600.0;
        assert_eq!(hours("2026-11-24T05:00:00Z", "2026-11-24T13:00:00Z"), 7.25);
        assert_eq!(hours("2026-11-24T08:05:00Z", "2026-11-24T08:10:00Z"), 0.0);
        // A week: five early of 7.25 h, five late of 7.5 h, five nights of 7 h.
        assert_eq!(hours("2026-11-23T05:00:00Z", "2026-11-30T05:00:00Z"), 5.0 * (7.25 + 7.5 + 7.0));
        // A year, clocks changed twice: the short night's and the long night's hour make up for each other; 52 weeks.
        assert_eq!(hours("2026-01-05T05:00:00Z", "2027-01-04T05:00:00Z"), 52.0 * 108.75);
    }

    #[test]
    fn a_span_that_touches_a_break_is_not_planned_throughout() {
        let period = three_shifts().period(at("2026-11-24T06:00:00Z"));
        for (from, to, is_planned) in [
            ("2026-11-24T07:00:00Z", "2026-11-24T08:00:00Z", true),
            ("2026-11-24T07:59:59Z", "2026-11-24T08:00:01Z", false),
            ("2026-11-24T08:05:00Z", "2026-11-24T08:06:00Z", false),
            ("2026-11-24T08:15:00Z", "2026-11-24T08:16:00Z", true),
            ("2026-11-24T12:59:00Z", "2026-11-24T13:01:00Z", false),
        ] {
            assert_eq!(period.is_planned_throughout(at(from), at(to)), is_planned, "{from} to {to}");
        }
    }

    #[test]
    fn without_a_calendar_shifts_roll_from_midnight() {
        let calendar = Calendar { shifts: Shifts::Rolling(8 * 3600 * NANOS_PER_SECOND) };
        check(&calendar, "2026-11-24T07:59:59Z", Some(0), "2026-11-24T00:00:00Z", "2026-11-24T08:00:00Z", true);
        check(&calendar, "1969-12-31T23:00:00Z", Some(0), "1969-12-31T16:00:00Z", "1970-01-01T00:00:00Z", true);
    }

    proptest! {
        /// Periods tile time: whatever moment is asked for, it is in its period, and next to it is another.
        #[test]
        fn periods_tile_time(seconds in -4_000_000_000_i64..8_000_000_000, span in 0_i64..1_000_000) {
            let calendar = three_shifts();
            let moment = Timestamp::from_nanos(seconds.saturating_mul(NANOS_PER_SECOND));
            let period = calendar.period(moment);
            prop_assert!((period.start..period.end).contains(&moment));
            for inside in [period.start, period.end.plus_nanos(-1)] {
                prop_assert_eq!(calendar.period(inside), period.clone());
            }
            prop_assert_eq!(calendar.period(period.end).start, period.end);
            let change = period.next_change(moment);
            prop_assert!(moment < change && change <= period.end);
            prop_assert_eq!(period.is_planned(change.plus_nanos(-1)), period.is_planned(moment));
            // Planned time adds up.
            let (middle, end) = (moment.plus_seconds(span as f64 / 3.0), moment.plus_seconds(span as f64));
            let parts = calendar.planned_s(moment, middle) + calendar.planned_s(middle, end);
            prop_assert!((calendar.planned_s(moment, end) - parts).abs() < 1e-3);
        }

        #[test]
        fn no_moment_is_too_far_away(nanos in any::<i64>()) {
            let period = three_shifts().period(Timestamp::from_nanos(nanos));
            prop_assert!(period.start <= Timestamp::from_nanos(nanos));
        }
    }
}
