//! Scaling values to a range that networks learn well, and back.

use super::names::quoted;
use crate::message::{key, text};
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use sumun_nn::named;

/// How values are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScaleKind {
    /// The fitted minimum becomes 0 and the maximum 1; later values may be outside.
    Minmax,
    /// Mean 0 and (population) standard deviation 1.
    #[default]
    Standard,
    /// Median 0 and interquartile range 1; outliers hardly move it.
    Robust,
    /// Values as they are.
    None,
}

named!(ScaleKind, "scale", Minmax = "minmax", Standard = "standard", Robust = "robust", None = "none");

/// What a column is for; it decides what a constant column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// To be predicted: a constant one is an error, there is nothing to learn.
    Target,
    /// An input: a constant one is shifted to 0 and not scaled.
    Feature,
}

/// The fitted scaling of one column: x becomes (x − `offset`) / `scale`.
///
/// ```
/// use sumun::data::{Role, ScaleKind, Scaler};
/// let scaler = Scaler::fit(ScaleKind::Minmax, "demand", &[10.0, 30.0, 20.0], Role::Target)?;
/// assert_eq!(scaler.transform(15.0), 0.25);
/// assert_eq!(scaler.inverse(0.25), 15.0);
/// # Ok::<(), sumun::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    /// How it was fitted.
    pub kind: ScaleKind,
    /// What becomes 0, in the unit of the values.
    pub offset: f64,
    /// What becomes 1 above the offset, in the unit of the values; above 0.
    pub scale: f64,
}

impl Scaler {
    /// Whether its numbers can be calculated with: for a model file that nobody vouches for.
    pub(crate) fn is_sound(&self) -> bool {
        self.offset.is_finite() && self.scale.is_finite() && self.scale > 0.0
    }

    /// Fits on `values`, which should be those of the training part only; `name` is for messages.
    ///
    /// Errors: no values, a value that is not finite, a constant target, a range too large for numbers, and
    /// [`ScaleKind::Robust`] for a target whose middle half is constant.
    pub fn fit(kind: ScaleKind, name: &str, values: &[f64], role: Role) -> Result<Self> {
        let fail = |message: String| Err(Error::Data(format!("column {} {message}", quoted(name))));
        let Some(&first) = values.first() else {
            return fail("has no values to fit a scaler on; use a longer training part".into());
        };
        if let Some(value) = values.iter().find(|v| !v.is_finite()) {
            return fail(format!("has the value {value}; every value must be finite"));
        }
        let (low, high) = values.iter().fold((first, first), |(low, high), &v| (low.min(v), high.max(v)));
        if low == high && role == Role::Target {
            return fail(format!(
                "is {first} on all {} training rows; there is nothing to learn, choose another target or more rows",
                values.len()
            ));
        }
        let (offset, scale) = match kind {
            _ if low == high && kind != ScaleKind::None => (first, 1.0),
            ScaleKind::None => (0.0, 1.0),
            ScaleKind::Minmax => (low, high - low),
            ScaleKind::Standard => mean_and_deviation(values),
            ScaleKind::Robust => {
                let [q1, median, q3] = quartiles(values);
                match (q3 - q1, role) {
                    (range, _) if range > 0.0 => (median, range),
                    (_, Role::Feature) => (median, 1.0),
                    (_, Role::Target) => {
                        return fail(format!(
                            "is {median} on half of its rows, so that robust scaling has no range to divide by"
                        ))
                        .map_err(|error| {
                            error.advise(text("choose ") + key("scale").to("standard") + " or minmax")
                        });
                    }
                }
            }
        };
        if !(offset.is_finite() && scale.is_finite() && scale > 0.0) {
            return fail(format!("ranges from {low:?} to {high:?}, which cannot be scaled; change its unit"));
        }
        Ok(Self { kind, offset, scale })
    }

    /// The scaled value.
    pub fn transform(&self, value: f64) -> f64 {
        (value - self.offset) / self.scale
    }

    /// The value again, up to rounding.
    pub fn inverse(&self, scaled: f64) -> f64 {
        scaled * self.scale + self.offset
    }

    /// All of `values`, scaled.
    pub fn transform_all(&self, values: &[f64]) -> Vec<f64> {
        values.iter().map(|&v| self.transform(v)).collect()
    }

    /// All of `scaled`, as values again.
    pub fn inverse_all(&self, scaled: &[f64]) -> Vec<f64> {
        scaled.iter().map(|&v| self.inverse(v)).collect()
    }
}

/// Two passes, so that a large mean does not drown a small deviation.
fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

/// First quartile, median and third quartile with linear interpolation between ranks (type 7 of Hyndman and Fan
/// 1996, as NumPy and R do by default).
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|share| {
        let place = share * (sorted.len() - 1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + part * (sorted[above] - sorted[below])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [ScaleKind; 4] =
        [ScaleKind::Minmax, ScaleKind::Standard, ScaleKind::Robust, ScaleKind::None];

    #[test]
    fn known_values() {
        // By hand, and as scikit-learn's MinMaxScaler, StandardScaler and RobustScaler give them.
        let values = [1.0, 2.0, 3.0, 4.0, 10.0];
        for (kind, offset, scale) in [
            (ScaleKind::Minmax, 1.0, 9.0),
            (ScaleKind::Standard, 4.0, 10.0_f64.sqrt()),
            (ScaleKind::Robust, 3.0, 2.0),
            (ScaleKind::None, 0.0, 1.0),
        ] {
            assert_eq!(
                Scaler::fit(kind, "x", &values, Role::Target).unwrap(),
                Scaler { kind, offset, scale }
            );
            assert_eq!(kind.to_string().parse::<ScaleKind>().unwrap(), kind);
        }
    }

    #[test]
    fn constant_and_impossible_columns() {
        let fit = |kind, values: &[f64], role| Scaler::fit(kind, "x", values, role);
        for kind in KINDS {
            let message = fit(kind, &[0.1, 0.1, 0.1], Role::Target).unwrap_err().to_string();
            assert!(message.starts_with("column 'x' is 0.1 on all 3 training rows"), "{message}");
            let scaler = fit(kind, &[0.1, 0.1, 0.1], Role::Feature).unwrap();
            assert_eq!(scaler.scale, 1.0);
            assert!(fit(kind, &[], Role::Target).is_err());
            assert!(fit(kind, &[1.0, f64::NAN], Role::Feature).is_err());
        }
        assert!(fit(ScaleKind::Minmax, &[-1.7e308, 1.7e308], Role::Target).is_err());
        assert!(fit(ScaleKind::Standard, &[-1.7e308, 1.7e308], Role::Feature).is_err());
        let zeros = [0.0, 0.0, 0.0, 0.0, 5.0];
        assert!(
            fit(ScaleKind::Robust, &zeros, Role::Target)
                .unwrap_err()
                .to_string()
                .contains("on half of its rows")
        );
        assert_eq!(fit(ScaleKind::Robust, &zeros, Role::Feature).unwrap().scale, 1.0);
    }

    proptest! {
        #[test]
        fn inverse_undoes_transform(values in prop::collection::vec(-1e6_f64..1e6, 2..40), x in -1e7_f64..1e7) {
            let largest = values.iter().fold(x.abs(), |m, v| m.max(v.abs()));
            for kind in KINDS {
                let scaler = Scaler::fit(kind, "x", &values, Role::Feature).unwrap();
                prop_assert!((scaler.inverse(scaler.transform(x)) - x).abs() <= 4.0 * f64::EPSILON * largest);
            }
        }
    }
}
