//! Comparison of arrays within a tolerance.

/// Asserts that |got − want| ≤ `atol` + `rtol`·|want| for every value.
///
/// Both sides may be `f32` or `f64`; the comparison is made in `f64`. Equal infinities agree; NaN agrees with
/// nothing, not even with NaN.
///
/// # Panics
/// When the lengths differ or a value is too far off. The message names `what`, counts the values at fault and
/// shows the one that exceeds its allowance by the largest factor.
#[track_caller]
pub fn assert_close<G, W>(what: &str, got: &[G], want: &[W], atol: f64, rtol: f64)
where
    G: Copy + Into<f64>,
    W: Copy + Into<f64>,
{
    assert!(got.len() == want.len(), "{what}: {} values, expected {}", got.len(), want.len());
    let mut wrong = 0;
    let mut worst: Option<(f64, usize)> = None;
    for (index, (&g, &w)) in got.iter().zip(want).enumerate() {
        let (g, w): (f64, f64) = (g.into(), w.into());
        if g == w {
            continue;
        }
        // A NaN or an infinity on one side only is worse than any finite distance.
        let excess = (g - w).abs() / (atol + rtol * w.abs());
        let excess = if g.is_finite() && w.is_finite() { excess } else { f64::INFINITY };
        if excess > 1.0 {
            wrong += 1;
            if worst.is_none_or(|(most, _)| excess > most) {
                worst = Some((excess, index));
            }
        }
    }
    if let Some((excess, index)) = worst {
        let (g, w): (f64, f64) = (got[index].into(), want[index].into());
        panic!(
            "{what}: {wrong} of {} values are off by more than {atol:e} + {rtol:e}·|want|; \
             worst at [{index}]: got {g:e}, want {w:e}, off by {:e}, {excess:.3} times the allowance",
            got.len(),
            (g - w).abs()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::assert_close;

    /// The panic message of a comparison, or `None` where it passes.
    fn failure(got: &[f64], want: &[f64], atol: f64, rtol: f64) -> Option<String> {
        let (got, want) = (got.to_vec(), want.to_vec());
        std::panic::catch_unwind(move || assert_close("y", &got, &want, atol, rtol))
            .err()
            .map(|payload| *payload.downcast::<String>().expect("a formatted message"))
    }

    #[test]
    fn tolerance_is_absolute_plus_relative_to_the_wanted_value() {
        let (nan, infinity) = (f64::NAN, f64::INFINITY);
        /// Found, wanted, absolute and relative tolerance, a part of the message where it must fail.
        type Case<'a> = (&'a [f64], &'a [f64], f64, f64, Option<&'a str>);
        let cases: [Case; 10] = [
            (&[], &[], 0.0, 0.0, None),
            (&[1.0, infinity], &[1.0, infinity], 0.0, 0.0, None),
            (&[0.09, 1.09], &[0.0, 1.0], 0.1, 0.0, None),
            (&[110.0], &[100.0], 1.0, 0.1, None),
            (&[112.0], &[100.0], 1.0, 0.1, Some("1 of 1 values")),
            (&[1.5, 0.0, 4.0], &[1.0, 0.0, 2.0], 0.1, 0.0, Some("2 of 3 values")),
            (&[1.5, 0.0, 4.0], &[1.0, 0.0, 2.0], 0.1, 0.0, Some("worst at [2]: got 4e0, want 2e0")),
            (&[nan], &[nan], 1.0, 1.0, Some("got NaN")),
            (&[1.0], &[infinity], 1.0, 1.0, Some("want inf")),
            (&[1.0], &[1.0, 2.0], 1.0, 1.0, Some("y: 1 values, expected 2")),
        ];
        for (got, want, atol, rtol, message) in cases {
            let found = failure(got, want, atol, rtol);
            match (message, &found) {
                (None, None) => {}
                (Some(part), Some(text)) if text.contains(part) => {}
                _ => panic!("{got:?} against {want:?}: expected {message:?}, found {found:?}"),
            }
        }
    }

    #[test]
    fn single_precision_is_compared_with_double() {
        assert_close("y", &[0.5f32, 0.1], &[0.5f64, 0.1], 1e-8, 0.0);
    }
}
