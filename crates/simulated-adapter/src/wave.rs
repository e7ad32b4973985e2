use std::f64::consts::TAU;

use adapter::Raw;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use telemetry::{Symbol, Timestamp};

/// A value that follows from the time alone, or from the time and chance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wave {
    /// A number that stays.
    Number(f64),
    /// A condition that stays.
    Condition(bool),
    /// A text that stays.
    Text(String),
    /// Goes to and fro.
    Sine { low: f64, high: f64, period: Period },
    /// Rises, and begins anew.
    Ramp { low: f64, high: f64, period: Period },
    /// Whether less than that of the period is over, as a cycle that is active.
    Square { period: Period, on_s: f64 },
    /// How many periods are over, from 0 up to below a number and again from 0.
    Count { period: Period, below: u64 },
    /// Another at each tick, normally distributed.
    Noise { mean: f64, deviation: f64 },
    /// A text with the number of the period, as a part that has one.
    Serial { prefix: String, period: Period },
}

/// What a wave gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Given {
    Number(f64),
    Integer(u64),
    Condition(bool),
    Text(String),
}

/// Where a wave is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tick {
    /// The time.
    pub(crate) at: Timestamp,
    /// Which tick of the link it is.
    pub(crate) number: i64,
    /// The link's seed, and which of its sources this is.
    pub(crate) seed: u64,
    pub(crate) source: u64,
}

/// A period, ns; above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(i64);

/// The longest period, s: a year.
const PERIOD_MAX_S: f64 = 366.0 * 86_400.0;
/// Random words of a tick. The normal distribution takes four in all but one of 100 cases, and hardly ever more than these.
const WORDS_OF_TICK: u128 = 64;

impl Wave {
    /// The wave of an address, such as `sine(20, 25, 60)`.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub(crate) fn parse(address: &str) -> Result<Self, String> {
        let call = address.strip_suffix(')').and_then(|text| text.split_once('('));
        let (name, arguments) = call.ok_or_else(|| format!("names no source; expected {EXPECTED}"))?;
        let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
        match (name.trim(), arguments.as_slice()) {
            ("constant", [value]) => constant(value),
            ("sine", [low, high, period]) => {
                Ok(Self::Sine { low: number(low)?, high: number(high)?, period: Period::parse(period)? })
            }
            ("ramp", [low, high, period]) => {
                Ok(Self::Ramp { low: number(low)?, high: number(high)?, period: Period::parse(period)? })
            }
            ("square", [period, on]) => square(period, on),
            ("count", [period, below]) => count(period, below),
            ("noise", [mean, deviation]) => noise(mean, deviation),
            ("serial", [prefix, period]) => serial(prefix, period),
            _ => Err(format!("names no source with so many values; expected {EXPECTED}")),
        }
    }

    /// What it gives at a tick.
    pub(crate) fn at(&self, tick: Tick) -> Given {
        match self {
            Self::Number(number) => Given::Number(*number),
            Self::Condition(condition) => Given::Condition(*condition),
            Self::Text(text) => Given::Text(text.clone()),
            Self::Sine { low, high, period } => {
                let share = 0.5 + 0.5 * (TAU * period.phase(tick.at)).sin();
                Given::Number(low + (high - low) * share)
            }
            Self::Ramp { low, high, period } => Given::Number(low + (high - low) * period.phase(tick.at)),
            Self::Square { period, on_s } => Given::Condition(period.phase(tick.at) * period.seconds() < *on_s),
            Self::Count { period, below } => Given::Integer(period.number(tick.at) % below),
            Self::Noise { mean, deviation } => {
                let mut random = ChaCha8Rng::seed_from_u64(tick.seed);
                random.set_stream(tick.source);
                random.set_word_pos(u128::from(tick.number.unsigned_abs()) * WORDS_OF_TICK);
                let normal: f64 = StandardNormal.sample(&mut random);
                Given::Number(mean + deviation * normal)
            }
            Self::Serial { prefix, period } => Given::Text(format!("{prefix}{}", period.number(tick.at))),
        }
    }
}

const EXPECTED: &str = "plant:STATION/NAME, constant(VALUE), sine(LOW, HIGH, PERIOD_S), ramp(LOW, HIGH, PERIOD_S), \
                        square(PERIOD_S, ON_S), count(PERIOD_S, BELOW), noise(MEAN, DEVIATION) or serial(PREFIX, PERIOD_S)";

impl Given {
    pub(crate) fn raw(&self) -> Raw<'_> {
        match self {
            Self::Number(number) => Raw::Float(*number),
            Self::Integer(number) => Raw::Integer((*number).into()),
            Self::Condition(condition) => Raw::Boolean(*condition),
            Self::Text(text) => Raw::Text(text),
        }
    }
}

impl Period {
    fn parse(text: &str) -> Result<Self, String> {
        let seconds = number(text)?;
        match (0.001..=PERIOD_MAX_S).contains(&seconds) {
            true => Ok(Self((seconds * 1e9) as i64)),
            false => Err(format!("has the period {text} s; expected from 0.001 to a year")),
        }
    }

    fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// What share of the period is over, from 0 to below 1.
    fn phase(self, at: Timestamp) -> f64 {
        at.as_nanos().rem_euclid(self.0) as f64 / self.0 as f64
    }

    /// Which period it is, counted from 1970; none before.
    fn number(self, at: Timestamp) -> u64 {
        at.as_nanos().div_euclid(self.0).try_into().unwrap_or(0)
    }
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("has {text:?} where a number was expected, such as 20.5"))
}

fn constant(value: &str) -> Result<Wave, String> {
    match value {
        "true" | "false" => Ok(Wave::Condition(value == "true")),
        _ => match number(value) {
            Ok(number) => Ok(Wave::Number(number)),
            Err(_) => short(value).map(|()| Wave::Text(value.to_owned())),
        },
    }
}

fn square(period: &str, on: &str) -> Result<Wave, String> {
    let (period, on_s) = (Period::parse(period)?, number(on)?);
    match on_s > 0.0 && on_s < period.seconds() {
        true => Ok(Wave::Square { period, on_s }),
        false => Err(format!("is on for {on} s; expected above 0 and less than its period")),
    }
}

fn count(period: &str, below: &str) -> Result<Wave, String> {
    let most = below.parse().ok().filter(|&below| below > 1);
    let below = most.ok_or_else(|| format!("counts below {below:?}; expected a whole number above 1"))?;
    Ok(Wave::Count { period: Period::parse(period)?, below })
}

fn noise(mean: &str, deviation: &str) -> Result<Wave, String> {
    let (mean, deviation) = (number(mean)?, number(deviation)?);
    match deviation >= 0.0 {
        true => Ok(Wave::Noise { mean, deviation }),
        false => Err(format!("has the deviation {deviation}; expected 0 or more")),
    }
}

fn serial(prefix: &str, period: &str) -> Result<Wave, String> {
    // As long as the longest number that may follow.
    short(&format!("{prefix}{}", i64::MAX / 1_000_000))?;
    Ok(Wave::Serial { prefix: prefix.to_owned(), period: Period::parse(period)? })
}

/// Whether a text fits into a sample.
fn short(text: &str) -> Result<(), String> {
    let max = Symbol::MAX_BYTES;
    Symbol::new(text).map(drop).map_err(|_| format!("has a text that can have more than {max} bytes"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(wave: &str, seconds: f64) -> Given {
        let at = Timestamp::EPOCH.plus_seconds(seconds);
        Wave::parse(wave).unwrap().at(Tick { at, number: (seconds * 2.0) as i64, seed: 1, source: 0 })
    }

    #[track_caller]
    fn check(wave: &str, values: &[(f64, Given)]) {
        for (seconds, expected) in values {
            assert_eq!(at(wave, *seconds), *expected, "{wave} after {seconds} s");
        }
    }

    #[test]
    fn each_wave_is_what_its_name_says() {
        use Given::{Condition, Integer, Number, Text};
        check("constant(7.5)", &[(0.0, Number(7.5)), (1e9, Number(7.5))]);
        check("constant(true)", &[(3.0, Condition(true))]);
        check("constant(EV1-L)", &[(3.0, Text("EV1-L".into()))]);
        check(
            "sine(10, 20, 40)",
            &[(0.0, Number(15.0)), (10.0, Number(20.0)), (30.0, Number(10.0)), (50.0, Number(20.0))],
        );
        check("ramp(0, 100, 50)", &[(0.0, Number(0.0)), (25.0, Number(50.0)), (50.0, Number(0.0))]);
        check("square(60, 45)", &[(0.0, Condition(true)), (44.5, Condition(true)), (45.0, Condition(false))]);
        check("count(60, 3)", &[(59.0, Integer(0)), (60.0, Integer(1)), (120.0, Integer(2)), (180.0, Integer(0))]);
        check("serial(EV1-, 60)", &[(120.0, Text("EV1-2".into()))]);
        check("noise ( 5 , 0 )", &[(1.0, Number(5.0))]);
    }

    #[test]
    fn noise_has_its_mean_and_deviation_is_new_at_each_tick_and_the_same_again() {
        let values: Vec<f64> = (0..4000)
            .map(|tick| match at("noise(20, 2)", f64::from(tick) / 2.0) {
                Given::Number(number) => number,
                other => panic!("{other:?}"),
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 4000.0;
        // Four standard errors.
        assert!((mean - 20.0).abs() < 0.13 && (variance.sqrt() - 2.0).abs() < 0.09, "{mean}, {variance}");
        assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(at("noise(20, 2)", 7.0), at("noise(20, 2)", 7.0));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        for (address, problem) in [
            ("", "sine(LOW, HIGH, PERIOD_S)"),
            ("holding:7", "sine(LOW, HIGH, PERIOD_S)"),
            ("sine(1, 2)", "so many values"),
            ("cosine(1, 2, 3)", "so many values"),
            ("sine(low, 2, 60)", "\"low\" where a number was expected"),
            ("sine(1, NaN, 60)", "\"NaN\" where a number was expected"),
            ("ramp(1, 2, 0)", "period 0 s; expected from 0.001"),
            ("ramp(1, 2, 1e12)", "to a year"),
            ("square(60, 60)", "less than its period"),
            ("count(60, 1)", "whole number above 1"),
            ("noise(1, -2)", "deviation -2"),
            ("serial(a-very-long-name-of-a-part, 60)", "more than 30 bytes"),
            ("constant(a text that is longer than a sample)", "more than 30 bytes"),
        ] {
            let told = Wave::parse(address).unwrap_err();
            assert!(told.contains(problem), "{address}: {told}");
        }
    }

    proptest! {
        #[test]
        fn a_wave_stays_within_its_bounds_at_any_time(
            nanos: i64, low in -1e6..1e6, width in 0.0..1e6, period in 0.001..1e6
        ) {
            let tick = Tick { at: Timestamp::from_nanos(nanos), number: nanos, seed: 1, source: 1 };
            for name in ["sine", "ramp"] {
                let wave = Wave::parse(&format!("{name}({low}, {}, {period})", low + width)).unwrap();
                let Given::Number(value) = wave.at(tick) else { panic!("no number") };
                prop_assert!(value >= low - 1e-9 && value <= low + width + 1e-6, "{} of {:?}", value, wave);
            }
            let wave = Wave::parse(&format!("serial(P, {period})")).unwrap();
            let Given::Text(text) = wave.at(tick) else { panic!("no text") };
            prop_assert!(Symbol::new(&text).is_ok());
        }
    }
}
