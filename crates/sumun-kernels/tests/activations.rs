//! The vector activations against `f64`, in units of the last place.

use sumun_kernels::{Path, VectorFunction, activate};

/// How far `found` is from `want`, in units of the last place of `want` as an `f32`.
fn ulps(found: f32, want: f64) -> f64 {
    let nearest = (want as f32).abs().max(f32::MIN_POSITIVE);
    let unit = f64::from(nearest.next_up()) - f64::from(nearest);
    (f64::from(found) - want).abs() / unit
}

fn exact(what: VectorFunction, x: f32) -> f64 {
    let x = f64::from(x);
    match what {
        VectorFunction::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        VectorFunction::Tanh => x.tanh(),
        VectorFunction::Exp => x.exp(),
    }
}

/// Where the stated error holds: sigmoid and exp stop falling at −87.
fn range(what: VectorFunction) -> (f32, f32) {
    match what {
        VectorFunction::Sigmoid => (-87.0, f32::INFINITY),
        VectorFunction::Tanh => (f32::NEG_INFINITY, f32::INFINITY),
        VectorFunction::Exp => (-87.0, 88.0),
    }
}

fn bound(what: VectorFunction) -> f64 {
    match what {
        VectorFunction::Exp => 1.1,
        VectorFunction::Sigmoid | VectorFunction::Tanh => 2.5,
    }
}

/// Checks every `stride`-th f32 there is.
fn check(stride: usize) {
    for path in Path::ALL.into_iter().filter(|p| p.is_available() && *p != Path::Reference) {
        for what in [VectorFunction::Sigmoid, VectorFunction::Tanh, VectorFunction::Exp] {
            let (low, high) = range(what);
            let (mut worst, mut at) = (0.0, 0.0);
            let mut inputs = Vec::with_capacity(1 << 16);
            let mut all = (0..=u32::MAX).step_by(stride).map(f32::from_bits).peekable();
            while all.peek().is_some() {
                inputs.clear();
                inputs.extend(all.by_ref().filter(|x| (low..=high).contains(x)).take(1 << 16));
                let mut found = inputs.clone();
                activate(path, what, &mut found).unwrap();
                for (&x, &y) in inputs.iter().zip(&found) {
                    let error = ulps(y, exact(what, x));
                    if error > worst {
                        (worst, at) = (error, x);
                    }
                }
            }
            println!("{path} {what:?}: {worst:.3} ulp at {at:e}");
            assert!(worst <= bound(what), "{path} {what:?}: {worst} ulp at {at:e}");
        }
    }
}

#[test]
fn errors_stay_within_their_bounds() {
    check(1009);
}

#[test]
#[ignore = "every f32 there is, some minutes"]
fn errors_stay_within_their_bounds_for_every_f32() {
    check(1);
}

#[test]
fn ends_and_odd_values() {
    for path in Path::ALL.into_iter().filter(|p| p.is_available() && *p != Path::Reference) {
        let of = |what: VectorFunction, x: f32| {
            let mut v = [x; 3];
            activate(path, what, &mut v).unwrap();
            assert!(v[0].to_bits() == v[2].to_bits());
            v[0]
        };
        assert_eq!(of(VectorFunction::Tanh, f32::INFINITY), 1.0);
        assert_eq!(of(VectorFunction::Tanh, f32::NEG_INFINITY), -1.0);
        assert!(of(VectorFunction::Tanh, -0.0).is_sign_negative());
        assert_eq!(of(VectorFunction::Sigmoid, 0.0), 0.5);
        assert_eq!(of(VectorFunction::Sigmoid, f32::INFINITY), 1.0);
        assert!((0.0..1e-37).contains(&of(VectorFunction::Sigmoid, f32::NEG_INFINITY)));
        for what in [VectorFunction::Sigmoid, VectorFunction::Tanh, VectorFunction::Exp] {
            assert!(of(what, f32::NAN).is_nan(), "{path} {what:?}");
        }
    }
    assert!(activate(Path::Reference, VectorFunction::Tanh, &mut [0.0]).is_err());
}
