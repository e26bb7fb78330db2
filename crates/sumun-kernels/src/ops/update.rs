//! What an optimizer does to every number by itself: one pass over values, gradients and state.
//!
//! Every path computes the same bits: sums and products are rounded one by one, never fused, and roots and quotients are
//! exact to the last bit.
//!
//! A momentum below 2⁻⁹⁵ (2.5e-29) becomes 0. It fades by a tenth with every step that has no gradient for it, as rows of an
//! embedding do whose words are rare, and below 1.2e-38 a processor takes a hundred cycles and more for each operation. What
//! is left of it would change no parameter above 1e-16, at usual learning rates.

use std::ops::Range;

use crate::simd::flush;
use crate::words::error::length;
use crate::words::sizes::range;
use crate::words::{Error, Path};

pub use crate::words::update::{Adam, Momentum, Rule, Sgd, SquareRoot, Sweep};

/// Updates all values of a sweep. A path that the processor lacks and lengths that do not fit are errors.
pub fn update(path: Path, rule: &Rule, sweep: Sweep<'_>) -> Result<(), Error> {
    let all = 0..sweep.values.len();
    update_ranges(path, rule, std::slice::from_ref(&all), sweep)
}

/// Updates some ranges of a sweep, as [`update`] does each. They must follow one another: one that ends before it begins,
/// begins before the end of the one before it, or ends beyond the sweep is an error.
pub fn update_ranges(
    path: Path,
    rule: &Rule,
    ranges: &[Range<usize>],
    sweep: Sweep<'_>,
) -> Result<(), Error> {
    let (len, states) = (sweep.values.len(), rule.states());
    let wanted = |wanted: bool| if wanted { len } else { 0 };
    length("gradients", len, sweep.gradients.len())?;
    length("first", wanted(states > 0), sweep.first.len())?;
    length("second", wanted(states > 1), sweep.second.len())?;
    let mut from = 0;
    for part in ranges {
        range("a range of a sweep", part, from..len)?;
        from = part.end;
    }
    if path == Path::Reference {
        let Sweep { values, gradients, first, second } = sweep;
        for range in ranges {
            let state = if states > 0 { range.clone() } else { 0..0 };
            let other = if states > 1 { range.clone() } else { 0..0 };
            let (values, gradients) = (&mut values[range.clone()], &gradients[range.clone()]);
            reference(
                rule,
                Sweep { values, gradients, first: &mut first[state], second: &mut second[other] },
            );
        }
        return Ok(());
    }
    let kernels = path.kernels()?;
    // SAFETY: the processor has the path's instruction set; every length was checked above.
    unsafe { (kernels.update)(rule, ranges, sweep) };
    Ok(())
}

/// The rules as they are written.
fn reference(rule: &Rule, s: Sweep<'_>) {
    let pairs = s.values.iter_mut().zip(s.gradients);
    match *rule {
        Rule::Sgd(Sgd { lr, scale, penalty, momentum, how }) => match how {
            Momentum::None => pairs.for_each(|(p, &d)| *p -= lr * (d * scale + penalty * *p)),
            Momentum::Heavy => pairs.zip(s.first).for_each(|((p, &d), b)| {
                *b = flush(momentum * *b + (d * scale + penalty * *p));
                *p -= lr * *b;
            }),
            Momentum::Nesterov => pairs.zip(s.first).for_each(|((p, &d), b)| {
                let g = d * scale + penalty * *p;
                *b = flush(momentum * *b + g);
                *p -= lr * (g + momentum * *b);
            }),
        },
        Rule::Adam(Adam {
            scale,
            penalty,
            keep,
            first_share,
            second_keep,
            second_share,
            step_size,
            root_scale,
            epsilon,
        }) => pairs.zip(s.first).zip(s.second).for_each(|(((p, &d), m), v)| {
            let g = if penalty == 0.0 { d * scale } else { d * scale + penalty * *p };
            *m = flush(*m + first_share * (g - *m));
            *v = second_keep * *v + second_share * (g * g);
            *p = *p * keep - step_size * *m / (v.sqrt() * root_scale + epsilon);
        }),
        Rule::SquareRoot(SquareRoot { lr, scale, penalty, old, new, epsilon }) => {
            pairs.zip(s.first).for_each(|((p, &d), v)| {
                let g = d * scale + penalty * *p;
                *v = old * *v + new * (g * g);
                *p -= lr * g / (v.sqrt() + epsilon);
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all sizes and both signs, some 0, and whole stretches of 0 with `rests`.
    fn numbers(len: usize, seed: u64, rests: bool, positive: bool) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32
        };
        (0..len)
            .map(|k| {
                let (v, size) = (next(), [1.0, 1e-3, 1e-18, 300.0, 0.0][(next() * 5.0) as usize % 5]);
                let v = if positive { v * size } else { (v - 0.5) * size };
                if rests && k % 200 < 140 { 0.0 } else { v }
            })
            .collect()
    }

    fn rules() -> Vec<Rule> {
        let mut rules = Vec::new();
        for penalty in [0.0, 0.01] {
            for how in [Momentum::None, Momentum::Heavy, Momentum::Nesterov] {
                rules.push(Rule::Sgd(Sgd { lr: 0.1, scale: 0.7, momentum: 0.9, penalty, how }));
            }
            for (keep, scale, epsilon) in
                [(1.0, 0.7, 1e-8), (0.999, 0.7, 1e-8), (1.0, f32::NAN, 1e-8), (1.0, 1.0, 0.0)]
            {
                rules.push(Rule::Adam(Adam {
                    scale,
                    penalty,
                    keep,
                    first_share: 0.1,
                    second_keep: 0.999,
                    second_share: 0.001,
                    step_size: 0.01,
                    root_scale: 3.5,
                    epsilon,
                }));
            }
            for (old, new) in [(0.99, 0.01), (1.0, 1.0)] {
                let rule = SquareRoot { lr: 0.1, scale: 0.7, penalty, old, new, epsilon: 1e-8 };
                rules.push(Rule::SquareRoot(rule));
            }
        }
        rules
    }

    /// Two steps of all rules: every path gives the bits of the plain loops, also where it passes over stretches at rest.
    #[test]
    fn every_path_gives_the_same_bits() {
        let bits = |v: &[f32]| -> Vec<u32> {
            // One NaN is as good as another.
            v.iter().map(|v| if v.is_nan() { f32::NAN.to_bits() } else { v.to_bits() }).collect()
        };
        for rule in rules() {
            for (len, rests) in
                [(1, false), (15, false), (64, true), (129, false), (1003, true), (1003, false)]
            {
                let state = |seed, wanted: bool| match wanted {
                    true => numbers(len, seed, rests, seed == 4),
                    false => Vec::new(),
                };
                let start =
                    [numbers(len, 1, false, false), state(3, rule.states() > 0), state(4, rule.states() > 1)];
                let run = |path: Path| {
                    let [mut p, mut first, mut second] = start.clone();
                    if matches!(rule, Rule::SquareRoot(_)) {
                        first.iter_mut().for_each(|v| *v = v.abs());
                    }
                    for seed in [5, 6] {
                        let gradients = numbers(len, seed, rests, false);
                        let (values, first, second) = (&mut p[..], &mut first[..], &mut second[..]);
                        let sweep = Sweep { values, gradients: &gradients, first, second };
                        update(path, &rule, sweep).unwrap();
                    }
                    [bits(&p), bits(&first), bits(&second)]
                };
                let expected = run(Path::Reference);
                for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                    assert!(run(path) == expected, "{path}, {len} values, {rule:?}");
                }
            }
        }
    }

    /// Signed zeros are no rest: the plain loops turn a state of −0 into +0.
    #[test]
    fn what_is_at_rest_stays_as_it_is() {
        let rule = rules()[3];
        assert!(matches!(rule, Rule::Adam(adam) if adam.rests()));
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            for (gradient, state) in [(0.0f32, 0.0f32), (-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0)] {
                let (mut p, mut first, mut second) =
                    ([-0.0, 1.5].repeat(64), vec![state; 128], vec![0.0; 128]);
                let (values, gradients) = (&mut p[..], vec![gradient; 128]);
                let sweep = Sweep { values, gradients: &gradients, first: &mut first, second: &mut second };
                update(path, &rule, sweep).unwrap();
                assert_eq!(p, [-0.0, 1.5].repeat(64));
                let zero = |v: &f32| v.to_bits() == 0;
                assert!(p.iter().step_by(2).all(|v| v.to_bits() == (-0.0f32).to_bits()), "{path}");
                assert!(first.iter().all(zero) && second.iter().all(zero), "{path} {gradient} {state}");
            }
        }
    }

    /// Without gradients, momenta fade to 0 itself and never to numbers that processors are slow with.
    #[test]
    fn momenta_that_fade_become_zero() {
        for rule in rules() {
            let fades = match rule {
                Rule::Sgd(sgd) => sgd.how != Momentum::None && sgd.penalty == 0.0,
                Rule::Adam(adam) => adam.penalty == 0.0 && adam.scale.is_finite(),
                Rule::SquareRoot(_) => false,
            };
            for path in Path::ALL.into_iter().filter(|path| fades && path.is_available()) {
                let (mut p, mut first, gradients) = ([1.0; 70], [1e-3f32; 70], [0.0; 70]);
                let mut second = vec![1e-6; if rule.states() > 1 { 70 } else { 0 }];
                for _ in 0..700 {
                    let (values, first, second) = (&mut p[..], &mut first[..], &mut second[..]);
                    update(path, &rule, Sweep { values, gradients: &gradients, first, second }).unwrap();
                    assert!(first.iter().all(|m| *m == 0.0 || m.is_normal()), "{path} {rule:?}");
                }
                assert_eq!(first, [0.0; 70], "{path} {rule:?}");
            }
        }
    }

    /// What is between ranges stays as it is; ranges that do not fit are errors before anything changes.
    #[test]
    fn ranges_are_updated_as_one_by_one() {
        let ranges = [3..3, 5..70, 70..71, 130..194, 200..211, 240..259];
        for rule in rules() {
            let (gradients, start) = (numbers(260, 5, true, false), numbers(260, 1, true, true));
            let state = |wanted: bool| if wanted { start.clone() } else { Vec::new() };
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let run = |together: bool| {
                    let [mut p, mut first, mut second] =
                        [start.clone(), state(rule.states() > 0), state(rule.states() > 1)];
                    let sweep = Sweep {
                        values: &mut p,
                        gradients: &gradients,
                        first: &mut first,
                        second: &mut second,
                    };
                    if together {
                        update_ranges(path, &rule, &ranges, sweep).unwrap();
                    } else {
                        let Sweep { values, first, second, .. } = sweep;
                        for range in &ranges {
                            let of = |wanted: bool| if wanted { range.clone() } else { 0..0 };
                            let sweep = Sweep {
                                values: &mut values[range.clone()],
                                gradients: &gradients[range.clone()],
                                first: &mut first[of(rule.states() > 0)],
                                second: &mut second[of(rule.states() > 1)],
                            };
                            update(path, &rule, sweep).unwrap();
                        }
                    }
                    [p, first, second].map(|v| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
                };
                assert!(run(true) == run(false), "{path} {rule:?}");
            }
        }
        let plain = rules()[0];
        for (start, end) in [(0, 1), (1, 5), (5, 5), (3, 2), (4, 6), (4, 0), (usize::MAX, usize::MAX)] {
            for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                let mut values = [1.0; 4];
                let (first, second) = (&mut [][..], &mut [][..]);
                let sweep = Sweep { values: &mut values, gradients: &[1.0; 4], first, second };
                let error = update_ranges(path, &plain, &[0..1, start..end], sweep).unwrap_err();
                let what = "a range of a sweep";
                assert_eq!(error, Error::Range { what, start, end, least: 1, most: 4 });
                assert_eq!(values, [1.0; 4]);
            }
        }
    }

    #[test]
    fn buffers_that_do_not_fit_are_errors() {
        let lengths = |rule: &Rule, lengths: [usize; 3]| {
            let [mut g, mut a, mut b] = lengths.map(|len| vec![0.0; len]);
            let sweep = Sweep { values: &mut [0.0; 4], gradients: &mut g, first: &mut a, second: &mut b };
            update(Path::best(), rule, sweep).map_err(|error| error.to_string())
        };
        let (plain, adam) = (rules()[0], rules()[3]);
        assert_eq!((lengths(&plain, [4, 0, 0]), lengths(&adam, [4, 4, 4])), (Ok(()), Ok(())));
        for (rule, found) in [(plain, [3, 0, 0]), (plain, [4, 4, 0]), (adam, [4, 0, 4]), (adam, [4, 4, 5])] {
            assert!(lengths(&rule, found).is_err(), "{rule:?} {found:?}");
        }
    }
}
