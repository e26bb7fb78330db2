//! Numerical gradients to hold hand-derived ones against.

/// The gradient of `f` at `at` by central differences: (f(x + s·eᵢ) − f(x − s·eᵢ)) / 2s for every i.
///
/// Its error is of the order of `step`² from the truncation and of ε·|f| / `step` from rounding: in `f64`
/// a step of 1e-5 leaves about ten correct digits. `f` is called twice for each value of `at`.
///
/// # Panics
/// When `step` is not a positive finite number or `f` is not finite near `at`: such a gradient would prove
/// nothing.
pub fn central_differences(at: &[f64], step: f64, mut f: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    assert!(step.is_finite() && step > 0.0, "the step must be positive, found {step}");
    let mut point = at.to_vec();
    let mut side = |i: usize, value: f64| {
        point[i] = value;
        let found = f(&point);
        point[i] = at[i];
        assert!(found.is_finite(), "the function is {found} where value {i} is {value}");
        found
    };
    let mut gradient = Vec::with_capacity(at.len());
    for (i, &x) in at.iter().enumerate() {
        let (above, below) = (x + step, x - step);
        // Divides by the distance that rounding left between the two points.
        gradient.push((side(i, above) - side(i, below)) / (above - below));
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::central_differences;
    use crate::assert_close;

    #[test]
    fn gradient_of_a_known_function() {
        // f = x²·y + sin z
        let at = [1.5, -2.0, 0.3];
        let found = central_differences(&at, 1e-5, |v| v[0] * v[0] * v[1] + v[2].sin());
        assert_close("gradient", &found, &[2.0 * 1.5 * -2.0, 1.5 * 1.5, 0.3f64.cos()], 1e-9, 1e-9);
    }

    #[test]
    #[should_panic(expected = "the function is NaN where value 0 is -1")]
    fn a_function_that_is_not_finite_is_refused() {
        central_differences(&[0.0], 1.0, |v| v[0].sqrt());
    }
}
