//! Numbers, times and spans for a person, as the page writes them. Times are UTC, as in the headlines of alerts.

use contract::{QualityName, RangeV1, SignalV1, TimeV1, ValueV1};

use crate::words::{Language, Words};

/// What stands for what is not known.
pub(crate) const NOTHING: &str = "–";

/// Digits before the decimal mark in groups of three, that many after it.
fn in_digits(number: f64, decimals: usize, language: Language) -> String {
    let (group, mark) = match language {
        Language::English => (',', '.'),
        Language::German => ('.', ','),
    };
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let is_zero = text.chars().all(|digit| matches!(digit, '0' | '.'));
    let mut told = String::from(if number < 0.0 && !is_zero { "−" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            told.push(group);
        }
        told.push(digit);
    }
    if !fraction.is_empty() {
        told.push(mark);
        told.push_str(fraction);
    }
    told
}

impl Words {
    /// A number to four significant digits, or all of a whole one.
    pub(crate) fn number(&self, number: f64) -> String {
        const SIGNIFICANT: i32 = 4;
        const DECIMALS_MAX: i32 = 9;
        if number == number.trunc() || !number.is_finite() {
            return self.whole(number);
        }
        // As the exponent after rounding: 9.9999 has one digit more than it seems.
        let rounded = format!("{:.*e}", SIGNIFICANT as usize - 1, number.abs());
        let exponent: i32 = rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
        let decimals = (SIGNIFICANT - 1 - exponent).clamp(0, DECIMALS_MAX);
        let text = in_digits(number, decimals as usize, self.language);
        if decimals > 0 { text.trim_end_matches('0').trim_end_matches(['.', ',']).to_owned() } else { text }
    }

    /// A number without a fraction.
    pub(crate) fn whole(&self, number: f64) -> String {
        in_digits(number, 0, self.language)
    }

    /// A count.
    pub(crate) fn counted(&self, count: impl TryInto<u64>) -> String {
        self.whole(count.try_into().unwrap_or(u64::MAX) as f64)
    }

    /// A number with one digit after the mark, such as the seconds of a cycle.
    pub(crate) fn tenths(&self, number: Option<f64>) -> String {
        number.map_or_else(|| NOTHING.to_owned(), |number| in_digits(number, 1, self.language))
    }

    /// A measured value with its unit.
    pub(crate) fn measured(&self, number: Option<f64>, unit: Option<&str>) -> String {
        number.map_or_else(|| NOTHING.to_owned(), |number| with_unit(self.number(number), unit))
    }

    /// The value of a signal, whatever it is.
    pub(crate) fn value(&self, signal: &SignalV1) -> String {
        let text = match &signal.value {
            None => return NOTHING.to_owned(),
            Some(ValueV1::Boolean(true)) => self.word("value.true").to_owned(),
            Some(ValueV1::Boolean(false)) => self.word("value.false").to_owned(),
            Some(ValueV1::Integer(number)) => self.whole(*number as f64),
            Some(ValueV1::Number(number)) => self.number(*number),
            Some(ValueV1::Text(text)) if text.is_empty() => NOTHING.to_owned(),
            Some(ValueV1::Text(text)) => text.clone(),
        };
        with_unit(text, signal.unit.as_deref())
    }

    /// How far a signal can be trusted, with a mark and the reason.
    pub(crate) fn quality(&self, signal: &SignalV1) -> String {
        let Some(quality) = signal.quality else { return format!("? {}", self.word("quality.unheard")) };
        let mark = match quality {
            QualityName::Good => '+',
            QualityName::Uncertain => '?',
            QualityName::Bad => 'x',
        };
        let reason = signal.reason.as_ref().map(|reason| format!(" ({})", self.named("reason", reason)));
        format!("{mark} {}{}", self.of("quality", quality), reason.unwrap_or_default())
    }

    /// A deviation in standard deviations: `+2.3 σ`.
    pub(crate) fn sigmas(&self, deviation: Option<f64>) -> String {
        let Some(deviation) = deviation else { return NOTHING.to_owned() };
        let text = in_digits(deviation, 1, self.language);
        let sign = if deviation > 0.0 && text.contains(|c: char| c.is_ascii_digit() && c != '0') { "+" } else { "" };
        format!("{sign}{text} σ")
    }

    /// A share from 0 to 1: `72 %`.
    pub(crate) fn percent(&self, share: Option<f64>) -> String {
        share.map_or_else(|| NOTHING.to_owned(), |share| format!("{} %", self.whole(share * 100.0)))
    }

    /// A span of time in its largest sensible unit: `42 s`, `12 min`, `3.5 h`, `2.1 d`.
    pub(crate) fn span(&self, seconds: f64) -> String {
        match seconds {
            ..99.5 => format!("{} s", self.whole(seconds)),
            ..5970.0 => format!("{} min", self.whole(seconds / 60.0)),
            ..172_800.0 => format!("{} h", self.tenths(Some(seconds / 3600.0))),
            _ => format!("{} d", self.tenths(Some(seconds / 86_400.0))),
        }
    }

    /// From one span of time to another, the unit once if both have the same: `12 to 40 min`.
    pub(crate) fn spans(&self, shorter: f64, longer: f64) -> String {
        let (from, to) = (self.span(shorter), self.span(longer));
        let (number, unit) = from.split_once(' ').unwrap_or((&from, ""));
        let is_same = to.split_once(' ').is_some_and(|(_, of)| of == unit);
        self.tell("time.range", &[("from", if is_same { number } else { &from }), ("to", &to)])
    }

    /// How old something is; `–` for what never was.
    pub(crate) fn age(&self, moment: Option<TimeV1>, now: TimeV1) -> String {
        moment.map_or_else(|| NOTHING.to_owned(), |moment| self.span(seconds_between(moment, now)))
    }

    /// A moment near `now`: the time of day, with the date if that is another one.
    pub(crate) fn moment(&self, moment: TimeV1, now: TimeV1) -> String {
        let (date, time) = parts(moment);
        let minutes = time.get(..5).unwrap_or(&time);
        if date == parts(now).0 { minutes.to_owned() } else { format!("{date} {minutes}") }
    }

    /// Three quantiles, each without a fraction.
    pub(crate) fn range(&self, range: RangeV1) -> [String; 3] {
        [range.p10, range.p50, range.p90].map(|number| self.whole(number))
    }
}

fn with_unit(text: String, unit: Option<&str>) -> String {
    unit.map_or(text.clone(), |unit| format!("{text} {unit}"))
}

/// Seconds from one moment to another; never below 0.
pub(crate) fn seconds_between(earlier: TimeV1, later: TimeV1) -> f64 {
    later.0.seconds_since(earlier.0).max(0.0)
}

/// Date and time of day, to the second.
fn parts(moment: TimeV1) -> (String, String) {
    let text = moment.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    (date.to_owned(), time.chars().take_while(|c| c.is_ascii_digit() || *c == ':').collect())
}

/// Hours, minutes and seconds of a moment.
pub(crate) fn time(moment: TimeV1) -> String {
    parts(moment).1
}

/// The date of a moment.
pub(crate) fn date(moment: TimeV1) -> String {
    parts(moment).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(told: impl Fn(&Words) -> String, english: &str, german: &str) {
        let both = [Language::English, Language::German].map(|language| told(&Words::new(language)));
        assert_eq!(both, [english, german]);
    }

    #[test]
    fn numbers_are_written_as_on_the_page() {
        check(|words| words.number(12_345.678), "12,346", "12.346");
        check(|words| words.number(1_234_567.0), "1,234,567", "1.234.567");
        check(|words| words.number(-0.012_345), "−0.01235", "−0,01235");
        check(|words| words.number(9.999_96), "10", "10");
        check(|words| words.number(4.5), "4.5", "4,5");
        check(|words| words.sigmas(Some(-3.24)), "−3.2 σ", "−3,2 σ");
        check(|words| words.sigmas(Some(0.04)), "0.0 σ", "0,0 σ");
        check(|words| words.sigmas(Some(2.26)), "+2.3 σ", "+2,3 σ");
        check(|words| words.percent(Some(0.724)), "72 %", "72 %");
        check(|words| words.percent(None), "–", "–");
    }

    #[test]
    fn spans_are_written_in_their_largest_sensible_unit() {
        check(|words| words.span(42.4), "42 s", "42 s");
        check(|words| words.span(99.5), "2 min", "2 min");
        check(|words| words.span(12_600.0), "3.5 h", "3,5 h");
        check(|words| words.spans(720.0, 2400.0), "12 to 40 min", "12 bis 40 min");
        check(|words| words.spans(720.0, 12_600.0), "12 min to 3.5 h", "12 min bis 3,5 h");
    }
}
