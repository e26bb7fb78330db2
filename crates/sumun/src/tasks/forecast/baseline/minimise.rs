//! The least value of a function of a few bounded numbers.

/// Nelder–Mead's constants (1965): reflection, expansion, contraction and shrinking.
const REFLECT: f64 = 1.0;
const EXPAND: f64 = 2.0;
const CONTRACT: f64 = 0.5;
const SHRINK: f64 = 0.5;
/// The search ends where the function differs by less than this share over the whole simplex, and the simplex is smaller than
/// this share of the bounds.
const FLAT: f64 = 1e-9;
const SMALL: f64 = 1e-4;

/// The point within the `bounds` at which `of` is least, as far as a simplex that begins at `start` finds it (Nelder and
/// Mead 1965; points outside the bounds are moved onto them), and the value there. `of` is asked `most` times at most, and
/// a few more to finish a step.
pub(super) fn minimise(
    start: &[f64],
    bounds: &[(f64, f64)],
    most: usize,
    of: impl Fn(&[f64]) -> f64,
) -> (Vec<f64>, f64) {
    let within = |point: Vec<f64>| -> Vec<f64> {
        point.iter().zip(bounds).map(|(v, (low, high))| v.clamp(*low, *high)).collect()
    };
    let valued = |point: Vec<f64>| {
        let point = within(point);
        let value = of(&point);
        (point, if value.is_nan() { f64::INFINITY } else { value })
    };
    let mut simplex = vec![valued(start.to_vec())];
    for (i, (low, high)) in bounds.iter().enumerate() {
        let mut corner = simplex[0].0.clone();
        let step = 0.2 * (high - low);
        corner[i] += if corner[i] + step <= *high { step } else { -step };
        simplex.push(valued(corner));
    }
    let mut asked = simplex.len();
    loop {
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
        let last = simplex.len() - 1;
        let (least, worst) = (simplex[0].1, simplex[last].1);
        let small = simplex[1..].iter().all(|(point, _)| {
            let sides = point.iter().zip(&simplex[0].0).zip(bounds);
            sides.into_iter().all(|((p, b), (low, high))| (p - b).abs() <= SMALL * (high - low))
        });
        if asked >= most || last == 0 || (small && worst - least <= FLAT * least.abs()) {
            return simplex.swap_remove(0);
        }
        let centre: Vec<f64> = (0..bounds.len())
            .map(|i| simplex[..last].iter().map(|(point, _)| point[i]).sum::<f64>() / last as f64)
            .collect();
        // The point on the line from the worst through the centre, `by` times as far behind it.
        let along = |by: f64| -> Vec<f64> {
            centre.iter().zip(&simplex[last].0).map(|(c, w)| c + by * (c - w)).collect()
        };
        let reflected = valued(along(REFLECT));
        asked += 1;
        if reflected.1 < least {
            let expanded = valued(along(EXPAND));
            asked += 1;
            simplex[last] = if expanded.1 < reflected.1 { expanded } else { reflected };
        } else if reflected.1 < simplex[last - 1].1 {
            simplex[last] = reflected;
        } else {
            let outside = reflected.1 < worst;
            let contracted = valued(along(if outside { CONTRACT } else { -CONTRACT }));
            asked += 1;
            if contracted.1 < worst.min(reflected.1) {
                simplex[last] = contracted;
            } else {
                let best = simplex[0].0.clone();
                for (point, value) in &mut simplex[1..] {
                    let nearer = best.iter().zip(&*point).map(|(b, p)| b + SHRINK * (p - b)).collect();
                    (*point, *value) = valued(nearer);
                }
                asked += last;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valleys_are_found_within_the_bounds() {
        let bounds = [(-2.0, 2.0), (-2.0, 2.0)];
        // Rosenbrock's valley: 0 at (1, 1).
        let rosenbrock = |p: &[f64]| (1.0 - p[0]).powi(2) + 100.0 * (p[1] - p[0] * p[0]).powi(2) + 1.0;
        let (at, least) = minimise(&[-1.2, 1.0], &bounds, 1000, rosenbrock);
        assert!((least - 1.0).abs() < 1e-6 && (at[0] - 1.0).abs() < 1e-3, "{at:?} {least}");
        // The least value lies outside: the nearest corner is it.
        let (at, _) = minimise(&[0.0, 0.0], &bounds, 500, |p| (p[0] - 5.0).powi(2) + (p[1] + 3.0).powi(2));
        assert!((at[0] - 2.0).abs() < 1e-3 && (at[1] + 2.0).abs() < 1e-3, "{at:?}");
        // One number, and a function that is nowhere a number.
        let (at, _) = minimise(&[0.9], &[(0.0, 1.0)], 200, |p| (p[0] - 0.25).abs());
        assert!((at[0] - 0.25).abs() < 1e-6, "{at:?}");
        assert_eq!(minimise(&[0.5], &[(0.0, 1.0)], 50, |_| f64::NAN).1, f64::INFINITY);
        assert_eq!(minimise(&[], &[], 50, |_| 3.0), (vec![], 3.0));
    }
}
