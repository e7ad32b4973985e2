//! The dynamic resistance of a spot that is welded: voltage between the electrodes over the current, over time.
//!
//! The curve of a steel spot falls while the contacts break down to its minimum (alpha), rises while the bulk heats up to
//! its peak (beta), and falls as the nugget melts and grows: D. W. Dickinson, J. E. Franklin and A. Stanya,
//! "Characterization of spot welding behavior by dynamic electrical parameter monitoring", Welding Journal 59 (1980).
//! Aluminium has no peak. An expulsion takes metal out of the path, and the resistance falls at once.

use crate::joint::first_highest;
use crate::trace::CurvePoint;

/// A fall by this share of the resistance, within this time, is an expulsion: several times what the growing nugget takes.
const EXPULSION_SHARE: f64 = 0.06;
const EXPULSION_S: f64 = 0.02;
/// Rise from alpha to beta, as a share of the resistance, below which there is no peak but noise.
const RISE_MIN_SHARE: f64 = 0.02;
/// Fewer points than this are no curve.
const POINTS_MIN: usize = 5;

/// What the curve of a spot comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// At the first point: sheets and coatings still cold and rough, µΩ.
    pub contact_uohm: f64,
    /// Minimum before the peak, and the peak; `None` if the curve has none, as that of aluminium.
    pub hump: Option<Hump>,
    /// At the last point, µΩ.
    pub end_uohm: f64,
    /// Whether the resistance fell as in an expulsion.
    pub is_expelled: bool,
}

/// Minimum and peak of a dynamic resistance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hump {
    /// Minimum (alpha), µΩ.
    pub alpha_uohm: f64,
    /// Peak (beta), µΩ.
    pub beta_uohm: f64,
    /// From the begin of the current to the peak, ms.
    pub beta_ms: f64,
}

/// What is watched of a spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpotValue {
    /// [`Spot::contact_uohm`].
    Contact,
    /// [`Hump::alpha_uohm`].
    Alpha,
    /// [`Hump::beta_uohm`].
    Beta,
    /// [`Hump::beta_ms`].
    BetaTime,
    /// From [`Hump::beta_uohm`] to [`Spot::end_uohm`].
    Drop,
    /// 1 for an expulsion, 0 for none: the mean is the share of the spots.
    Expelled,
}

impl SpotValue {
    /// All, in their order.
    pub(crate) const ALL: &'static [Self] =
        &[Self::Contact, Self::Alpha, Self::Beta, Self::BetaTime, Self::Drop, Self::Expelled];

    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Contact | Self::Alpha | Self::Beta | Self::Drop => "µΩ",
            Self::BetaTime => "ms",
            Self::Expelled => "",
        }
    }
}

impl Spot {
    /// What a curve of voltage (V) over current (kA) comes to; `None` if it has too few points.
    pub fn of(points: &[CurvePoint]) -> Option<Self> {
        const UOHM_PER_V_KA: f64 = 1000.0;
        let resistance = |point: &CurvePoint| UOHM_PER_V_KA * point.answering / point.leading;
        let curve: Vec<CurvePoint> = points
            .iter()
            .filter(|point| point.leading > 0.0)
            .map(|point| CurvePoint { answering: resistance(point), ..*point })
            .collect();
        if curve.len() < POINTS_MIN {
            return None;
        }
        let hump = Hump::of(&curve);
        let from_ms = hump.map_or(0.0, |hump| hump.beta_ms);
        Some(Self {
            contact_uohm: curve[0].answering,
            hump,
            end_uohm: curve[curve.len() - 1].answering,
            is_expelled: is_expelled(curve.iter().filter(|point| 1000.0 * point.seconds >= from_ms)),
        })
    }

    /// One of its values.
    pub(crate) fn get(&self, value: SpotValue) -> Option<f64> {
        match value {
            SpotValue::Contact => Some(self.contact_uohm),
            SpotValue::Alpha => self.hump.map(|hump| hump.alpha_uohm),
            SpotValue::Beta => self.hump.map(|hump| hump.beta_uohm),
            SpotValue::BetaTime => self.hump.map(|hump| hump.beta_ms),
            SpotValue::Drop => self.hump.map(|hump| hump.beta_uohm - self.end_uohm),
            SpotValue::Expelled => Some(f64::from(u8::from(self.is_expelled))),
        }
    }
}

impl Hump {
    /// The two points between which the curve rises most.
    fn of(curve: &[CurvePoint]) -> Option<Self> {
        let mut lowest = curve[0].answering;
        let rises = curve.iter().map(|point| {
            lowest = lowest.min(point.answering);
            CurvePoint { leading: lowest, ..*point }
        });
        let rises: Vec<CurvePoint> = rises.collect();
        let beta = rises[first_highest(&rises, |rise| rise.answering - rise.leading)?];
        let (alpha_uohm, beta_uohm) = (beta.leading, beta.answering);
        let has_risen = beta_uohm - alpha_uohm > RISE_MIN_SHARE * beta_uohm;
        has_risen.then_some(Self { alpha_uohm, beta_uohm, beta_ms: 1000.0 * beta.seconds })
    }
}

/// Whether one of the points is that much below one shortly before.
fn is_expelled<'a>(falling: impl Iterator<Item = &'a CurvePoint> + Clone) -> bool {
    falling.clone().zip(falling.skip(1)).any(|(before, after)| {
        after.seconds - before.seconds <= EXPULSION_S
            && before.answering - after.answering >= EXPULSION_SHARE * before.answering
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A spot of 280 ms with 9.6 kA whose resistance is given at times, ms, and straight between.
    fn spot(curve: &[(f64, f64)]) -> Vec<CurvePoint> {
        let resistance = |ms: f64| {
            let after = curve.iter().position(|&(at, _)| at >= ms).unwrap_or(curve.len() - 1).max(1);
            let ((t0, r0), (t1, r1)) = (curve[after - 1], curve[after]);
            r0 + (r1 - r0) * (ms - t0) / (t1 - t0)
        };
        let at = (0..=28).map(|step| 10.0 * f64::from(step));
        at.map(|ms| CurvePoint { seconds: ms / 1000.0, leading: 9.6, answering: 9.6 * resistance(ms) / 1000.0 })
            .collect()
    }

    const STEEL: &[(f64, f64)] = &[(0.0, 180.0), (30.0, 105.0), (100.0, 125.0), (280.0, 98.0)];

    #[test]
    fn the_curve_of_a_steel_spot_is_read() {
        let spot = Spot::of(&spot(STEEL)).unwrap();
        let hump = spot.hump.unwrap();
        for (value, expected) in [
            (spot.contact_uohm, 180.0),
            (hump.alpha_uohm, 105.0),
            (hump.beta_uohm, 125.0),
            (hump.beta_ms, 100.0),
            (spot.end_uohm, 98.0),
            (spot.get(SpotValue::Drop).unwrap(), 27.0),
        ] {
            assert!((value - expected).abs() < 1e-9, "{value}, expected {expected}");
        }
        assert!(!spot.is_expelled);
    }

    #[test]
    fn a_sudden_fall_after_the_peak_is_an_expulsion() {
        let expelled = [(0.0, 180.0), (30.0, 105.0), (100.0, 125.0), (200.0, 112.0), (210.0, 98.0), (280.0, 92.0)];
        assert!(Spot::of(&spot(&expelled)).unwrap().is_expelled);
    }

    #[test]
    fn aluminium_has_no_peak() {
        let spot = Spot::of(&spot(&[(0.0, 60.0), (40.0, 22.0), (280.0, 17.0)])).unwrap();
        assert_eq!((spot.hump, spot.get(SpotValue::Drop)), (None, None));
    }

    #[test]
    fn what_is_no_spot_is_none() {
        assert_eq!(Spot::of(&[]), None);
        assert_eq!(Spot::of(&spot(STEEL)[..4]), None);
        assert_eq!(Spot::of(&[CurvePoint { leading: -1.0, ..CurvePoint::default() }; 40]), None, "no current");
    }
}
