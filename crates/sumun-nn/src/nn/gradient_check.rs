//! Every layer's gradients against central differences, for the layers' own tests.

use std::sync::Arc;

use super::{InputGradient, Layer};
use crate::noise::Noise;
use crate::{Layout, Parameters, Rows};

/// Checks the gradients of the input and of all parameters for the loss Σ weight · output, with fixed weights.
///
/// Inputs are between −1 and 1 and a difference quotient in `f32` is good to about 10⁻³, hence the tolerance.
pub(crate) fn check_gradients<L: Layer>(
    layer: &L,
    mut parameters: Parameters,
    features: usize,
    layout: Arc<Layout>,
    noise: Noise,
) {
    // Numbers that repeat nowhere and never fall on a kink.
    let number = |k: usize| ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993;
    let x: Vec<f32> = (0..layout.rows() * features).map(number).collect();
    let rows = |x: &[f32]| Rows::new(x.to_vec(), features, layout.clone()).unwrap();
    let loss = |parameters: &Parameters, x: &[f32]| {
        let (y, _) = layer.forward_train(parameters, rows(x), noise).unwrap();
        y.data.iter().enumerate().map(|(k, &y)| f64::from(number(k + 3)) * f64::from(y)).sum::<f64>()
    };

    let (y, cache) = layer.forward_train(&parameters, rows(&x), noise).unwrap();
    let d_y: Vec<f32> = (0..y.data.len()).map(|k| number(k + 3)).collect();
    let d_out = Rows::new(d_y, y.features, y.layout.clone()).unwrap();
    let d_x = layer.backward(&mut parameters, cache, d_out.clone(), InputGradient::Needed).unwrap().unwrap();

    let close = |what: &str, k: usize, analytic: f32, numeric: f64| {
        let difference = (f64::from(analytic) - numeric).abs();
        assert!(
            difference <= 2e-3 * (1.0 + numeric.abs()),
            "{what}[{k}]: {analytic} analytic, {numeric} numeric"
        );
    };
    const STEP: f32 = 1.0 / 256.0;
    for k in 0..x.len() {
        let at = |shift: f32| {
            let mut x = x.clone();
            x[k] += shift;
            loss(&parameters, &x)
        };
        close("input", k, d_x.data[k], (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP));
    }
    for k in 0..parameters.len() {
        let at = |shift: f32| {
            let mut parameters = parameters.clone();
            parameters.values_mut()[k] += shift;
            loss(&parameters, &x)
        };
        close("parameter", k, parameters.gradients()[k], (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP));
    }

    // Gradients are added to, not overwritten, and leaving out the input's changes nothing else.
    let once = parameters.gradients().to_vec();
    let (_, cache) = layer.forward_train(&parameters, rows(&x), noise).unwrap();
    assert!(layer.backward(&mut parameters, cache, d_out, InputGradient::Skip).unwrap().is_none());
    for (k, (&twice, once)) in parameters.gradients().iter().zip(once).enumerate() {
        close("twice the gradient", k, twice, 2.0 * f64::from(once));
    }
}
