//! The other reading of a GRU's update gate: h' = z ⊙ n + (1 − z) ⊙ h.
//!
//! Many texts (Cho et al. 2014's first version, Chung et al. 2014, most lessons) write z for what is *taken* of the
//! candidate n; PyTorch, Keras and ONNX write it for what is *kept* of h. Where 1 − f(a) = f(−a), as for the sigmoid,
//! the one is the other with the pre-activation of z negated: its rows of the weights and biases. Negating a number is
//! exact, so nothing is lost, and the kernels, which know one reading, serve both at full speed: the rows
//! are negated when weights are packed, and their gradients in the backward pass.

use std::ops::Range;

use sumun_kernels::{Dims, Weights};

use super::cells::{Recurrent, RecurrentCells};
use super::config::{RecurrentConfig, WeightKind, check_inverted_update};
use crate::{Parameters, Result};

/// The values of a weight on which the sign of z's pre-activation hangs. Under layer normalisation, which takes r and z
/// together, it hangs on the gains and on all that is added after them; the products must stay as they are.
fn update_values(part: WeightKind, dims: Dims) -> Vec<Range<usize>> {
    let hidden = dims.hidden;
    let rows = |width: usize| hidden * width..2 * hidden * width;
    let normed = dims.options.layer_norm.is_some();
    match part {
        WeightKind::WeightIh if !normed => vec![rows(dims.input)],
        WeightKind::WeightHh if !normed => vec![rows(dims.output())],
        WeightKind::BiasIh | WeightKind::BiasHh => vec![rows(1)],
        // Groups of H values: of the input's product r, z, n, then of the hidden state's.
        WeightKind::NormGain | WeightKind::NormBias => vec![rows(1), 4 * hidden..5 * hidden],
        WeightKind::WeightIh | WeightKind::WeightHh | WeightKind::WeightHr | WeightKind::Peepholes => {
            Vec::new()
        }
    }
}

fn negate(values: &mut [f32], ranges: Vec<Range<usize>>) {
    ranges.into_iter().for_each(|range| values[range].iter_mut().for_each(|value| *value = -*value));
}

impl RecurrentCells {
    /// Hands over the weights of a layer and direction as the kernels read them.
    pub(super) fn with_weights<T>(
        &self,
        parameters: &Parameters,
        index: usize,
        read: impl FnOnce(&Weights<'_, f32>) -> T,
    ) -> T {
        let ids = &self.ids[index];
        if !self.config.inverted_update {
            return read(&weights(ids.map(|id| id.map_or(&[][..], |id| parameters.value(id)))));
        }
        let dims = self.config.dims(index / self.config.directions());
        let mut turned = ids.map(|id| id.map_or(Vec::new(), |id| parameters.value(id).to_vec()));
        for ((values, id), part) in turned.iter_mut().zip(ids).zip(WeightKind::ALL) {
            if id.is_some() {
                negate(values, update_values(part, dims));
            }
        }
        read(&weights(turned.each_ref().map(Vec::as_slice)))
    }

    /// Negates the gradients of what the kernels read negated. Once before kernels add to gradients and once after,
    /// this subtracts what they add.
    pub(super) fn turn_gradients(&self, parameters: &mut Parameters, index: usize) {
        if !self.config.inverted_update {
            return;
        }
        let dims = self.config.dims(index / self.config.directions());
        for (id, part) in self.ids[index].into_iter().zip(WeightKind::ALL) {
            if let Some(id) = id {
                negate(parameters.gradient_mut(id), update_values(part, dims));
            }
        }
    }
}

impl Recurrent {
    /// Changes a GRU to the other reading of its update gate (`inverted`: h' = z ⊙ n + (1 − z) ⊙ h) and its weights
    /// with it, so that it returns the same bits. Turned twice, it has the bits it had. Its gradients are turned too;
    /// the moments of an optimizer are not: make a new one.
    ///
    /// # Errors
    /// A cell that is no GRU, and a gate activation for which 1 − f(a) is not f(−a); nothing has changed then.
    pub fn set_inverted_update(&mut self, parameters: &mut Parameters, inverted: bool) -> Result<()> {
        let cells = &mut self.cells;
        check_inverted_update(&RecurrentConfig { inverted_update: true, ..cells.config.clone() })?;
        if cells.config.inverted_update == inverted {
            return Ok(());
        }
        cells.expect(parameters)?;
        // Either of the two readings has the same weights to negate.
        cells.config.inverted_update = true;
        for index in 0..cells.ids.len() {
            cells.turn_gradients(parameters, index);
            let dims = cells.config.dims(index / cells.config.directions());
            for (id, part) in cells.ids[index].into_iter().zip(WeightKind::ALL) {
                if let Some(id) = id {
                    negate(parameters.value_mut(id), update_values(part, dims));
                }
            }
        }
        cells.config.inverted_update = inverted;
        Ok(())
    }
}

/// Slices in the order of [`WeightKind::ALL`].
fn weights(parts: [&[f32]; WeightKind::ALL.len()]) -> Weights<'_, f32> {
    let [input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias] = parts;
    Weights { input, hidden, bias_input, bias_hidden, projection, peepholes, norm_gain, norm_bias }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use sumun_kernels::{Options, Path};
    use sumun_testing::assert_close;

    use sumun_kernels::ActivationFunction;

    use super::*;
    use crate::nn::{CellKind, InputGradient, Layer};
    use crate::noise::Noise;
    use crate::{Layout, Rows};

    const NOISE: Noise = Noise { seed: 3, step: 5, layer: 2 };

    /// A stack, with numbers in all of its weights: gains and biases too.
    fn stack(config: &RecurrentConfig) -> (Recurrent, Parameters) {
        let (mut parameters, mut rng) = (Parameters::new(), ChaCha8Rng::seed_from_u64(11));
        let stack = Recurrent::new(config.clone(), &mut parameters, "", &mut rng).unwrap();
        parameters.values_mut().iter_mut().for_each(|value| *value = rng.random_range(-0.6..0.6));
        (stack, parameters)
    }

    fn rows() -> Rows {
        let layout = Layout::ragged(&[4, 0, 2, 5], 5).unwrap();
        let x = (0..layout.rows() * 3).map(|k| ((k * 29) % 83) as f32 / 41.0 - 1.0).collect();
        Rows::new(x, 3, layout).unwrap()
    }

    /// Every option that the reading can be combined with, and those that it must not touch.
    fn configs() -> Vec<RecurrentConfig> {
        let of = |cell| RecurrentConfig {
            inverted_update: true,
            layers: 2,
            bidirectional: true,
            ..RecurrentConfig::new(cell, 3, 5)
        };
        let (gru, before) = (of(CellKind::Gru), of(CellKind::GruResetBefore));
        let plain = Options::default();
        let hard = Some(ActivationFunction::HARD_SIGMOID_KERAS);
        let affine = Some(ActivationFunction::Affine { alpha: 0.3, beta: 0.5 });
        vec![
            RecurrentConfig { options: Options { gate_activation: hard, ..plain }, ..gru.clone() },
            RecurrentConfig { options: Options { gate_activation: affine, ..plain }, ..before.clone() },
            RecurrentConfig { options: Options { clip: Some(0.4), ..plain }, ..before.clone() },
            RecurrentConfig { options: Options { layer_norm: Some(1e-5), ..plain }, ..gru.clone() },
            RecurrentConfig { options: Options { layer_norm: Some(1e-5), ..plain }, ..before.clone() },
            RecurrentConfig { options: Options { zoneout_hidden: 0.3, ..plain }, ..gru.clone() },
            RecurrentConfig { recurrent_dropout: 0.3, input_dropout: 0.2, ..gru.clone() },
            RecurrentConfig { bias: false, ..gru.clone() },
            RecurrentConfig { second_bias: false, ..before.clone() },
            gru,
            before,
        ]
    }

    /// Converted weights return the same bits and take the same steps, on the path that computed them before; converted
    /// twice they have the bits that they had. A reading that is taken for the other returns something else.
    #[test]
    fn conversion_is_exact_and_its_own_inverse() {
        for config in configs() {
            let (mut stack, mut parameters) = stack(&config);
            let path = stack.path();
            let before = parameters.values().to_vec();
            let run = |stack: &Recurrent, parameters: &mut Parameters| {
                parameters.zero_gradients();
                let (out, cache) = stack.forward_train(parameters, rows(), NOISE).unwrap();
                let d_x = stack.backward(parameters, cache, out.clone(), InputGradient::Needed).unwrap();
                let shown: Vec<_> = stack
                    .trace(parameters, rows(), None)
                    .unwrap()
                    .into_iter()
                    .map(|t| t.hidden.data.clone())
                    .collect();
                (out.data.clone(), d_x.unwrap().data.clone(), shown, parameters.gradients().to_vec())
            };
            let (out, d_x, shown, gradients) = run(&stack, &mut parameters);

            stack.set_inverted_update(&mut parameters, false).unwrap();
            assert!(!stack.config().inverted_update);
            assert_ne!(parameters.values(), before);
            let turned = parameters.gradients().to_vec();
            let plain = run(&stack, &mut parameters);
            assert_eq!((&plain.0, &plain.1, &plain.2), (&out, &d_x, &shown), "{config:?}");
            assert_eq!(plain.3, turned, "{config:?}");
            assert_eq!(stack.path(), path);

            stack.set_inverted_update(&mut parameters, true).unwrap();
            stack.set_inverted_update(&mut parameters, true).unwrap();
            assert_eq!(parameters.values(), before);
            assert_eq!(parameters.gradients(), gradients);
            let misread = RecurrentConfig { inverted_update: false, ..config.clone() };
            let (misread, _) = self::stack(&misread);
            assert_ne!(
                misread.forward(&parameters, rows()).unwrap().data,
                stack.forward(&parameters, rows()).unwrap().data
            );
        }
    }

    /// h' = z ⊙ n + (1 − z) ⊙ h of what the trace shows, where z is σ of its own weights, on every path.
    #[test]
    fn the_trace_shows_the_reading_that_was_asked_for() {
        for (cell, path) in [CellKind::Gru, CellKind::GruResetBefore].into_iter().flat_map(|cell| {
            Path::ALL.into_iter().filter(|path| path.is_available()).map(move |path| (cell, path))
        }) {
            let config = RecurrentConfig { inverted_update: true, ..RecurrentConfig::new(cell, 3, 20) };
            let (stack, p) = stack(&config);
            let stack = stack.on_path(path).unwrap();
            let x = Rows::pack(&[0.3, -0.2, 0.9, 0.4, 0.1, -0.7], 3, Layout::full(1, 2).unwrap()).unwrap();
            let trace = stack.trace(&p, x.clone(), None).unwrap().remove(0);
            let (z, n, h) = (trace.gate("z").unwrap(), trace.gate("n").unwrap(), &trace.hidden);
            let weight = |name: &str| p.value(p.find(name).unwrap());
            let dot = |a: &[f32], b: &[f32]| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
            };
            let (mut want_z, mut want_h) = (Vec::new(), Vec::new());
            for t in 0..2 {
                let before = if t == 0 { vec![0.0; 20] } else { h.data[..20].to_vec() };
                for k in 0..20 {
                    let row = 20 + k;
                    let a = dot(&weight("weight_ih_l0")[row * 3..][..3], &x.data[t * 3..][..3])
                        + dot(&weight("weight_hh_l0")[row * 20..][..20], &before)
                        + f64::from(weight("bias_ih_l0")[row])
                        + f64::from(weight("bias_hh_l0")[row]);
                    let z = 1.0 / (1.0 + (-a).exp());
                    want_z.push(z);
                    want_h.push(z * f64::from(n.data[t * 20 + k]) + (1.0 - z) * f64::from(before[k]));
                }
            }
            assert_close(&format!("z on {path}"), &z.data, &want_z, 1e-6, 1e-6);
            assert_close(&format!("h on {path}"), &h.data, &want_h, 1e-6, 1e-6);
        }
    }

    #[test]
    fn what_is_no_matter_of_signs_is_refused() {
        let of = |cell, gate_activation| {
            let options = Options { gate_activation, ..Options::default() };
            let plain = RecurrentConfig { options, ..RecurrentConfig::new(cell, 3, 5) };
            let inverted = RecurrentConfig { inverted_update: true, ..plain.clone() };
            let new = |config| {
                Recurrent::new(config, &mut Parameters::new(), "", &mut ChaCha8Rng::seed_from_u64(1))
                    .map(|_| ())
            };
            let error = new(inverted).unwrap_err().to_string();
            let (mut stack, mut parameters) = stack(&plain);
            let before = parameters.values().to_vec();
            let converted = stack.set_inverted_update(&mut parameters, true).unwrap_err().to_string();
            assert_eq!((converted, parameters.values()), (error.clone(), &before[..]));
            error
        };
        assert_eq!(
            of(CellKind::Lstm, None),
            "LSTM: inverted_update is about the update gate of a GRU; leave it out"
        );
        for gate in [
            ActivationFunction::Softsign,
            ActivationFunction::Relu,
            ActivationFunction::Linear,
            ActivationFunction::Tanh,
            ActivationFunction::HardSigmoid { alpha: 0.2, beta: 0.4 },
        ] {
            let error = of(CellKind::Gru, Some(gate));
            assert!(
                error.starts_with("inverted_update needs a gate activation f with 1 − f(a) = f(−a)"),
                "{error}"
            );
        }
    }
}
