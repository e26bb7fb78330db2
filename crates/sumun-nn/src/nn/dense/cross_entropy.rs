//! A dense layer and the cross-entropy of its outputs in one, a chunk of rows at a time.

use sumun_kernels::linear::{LinearDims, backward_weight_with};
use sumun_kernels::{RowsMut, RowsRef};

use super::{Activation, Dense};
use crate::loss::CrossEntropy;
use crate::nn::InputGradient;
use crate::{Error, Parameters, Result, Rows};

/// Logits of a chunk: little more than an L2 of 2 MiB holds, and enough (64 rows of 10,000) that reading the weights and their
/// gradient for every chunk costs little beside what is computed with them. It does not follow a machine's L2, because the
/// loss is summed chunk by chunk, and one seed gives one loss.
const CHUNK: usize = 5 << 17;

/// Floats of a cache line.
const LINE: usize = 16;

/// Numbers from one row of logits to the next. Of many classes, rows are an odd number of cache lines apart: the same
/// column of many rows is read together, and would otherwise want the same few places of a cache.
fn stride(classes: usize) -> usize {
    if classes < 4 * LINE { classes } else { (classes.div_ceil(LINE) | 1) * LINE }
}

impl Dense {
    /// What [`forward_train`](crate::nn::Layer::forward_train), `loss` and [`backward`](crate::nn::Layer::backward) do
    /// together: the mean loss of the outputs for `x`, `[R, I]`, for the classes `targets`, `[R]`. The gradients of weight
    /// and bias are added to, and that of `x` is returned where it is wanted, all with the bits of the three.
    ///
    /// Logits and their gradient use one buffer in turn, a few megabytes large, however many rows and classes there are.
    ///
    /// # Errors
    /// A layer with an activation, shapes that do not fit, and what [`CrossEntropy::value_and_gradient`] refuses, before
    /// any gradient is touched.
    pub fn cross_entropy(
        &self,
        parameters: &mut Parameters,
        x: &Rows,
        loss: &CrossEntropy,
        targets: &[u32],
        wanted: InputGradient,
    ) -> Result<(f64, Option<Rows>)> {
        if self.config.activation != Activation::Linear {
            return Err(Error::Invalid(
                "a cross-entropy is of logits; use a dense layer without an activation".into(),
            ));
        }
        let LinearDims { rows, input, output } = self.dims(x.layout.rows());
        x.expect_shape("the input of a dense layer", rows, input)?;
        if targets.len() != rows {
            return Err(Error::Shape {
                what: "the targets of a cross-entropy".into(),
                expected: format!("{rows} classes"),
                found: targets.len().to_string(),
            });
        }
        self.expect(parameters)?;
        loss.check(output, targets)?;
        let total = loss.total_weight(targets)?;
        let packed = self.packed(parameters, Some(wanted))?;
        let mut d_x = (wanted == InputGradient::Needed).then(|| vec![0.0; rows * input]);

        let stride = stride(output);
        let chunks = (rows * stride).div_ceil(CHUNK).clamp(1, rows.max(1));
        let most = rows.div_ceil(chunks);
        let mut logits = std::mem::take(&mut self.lock().logits);
        logits.resize(most * stride, 0.0);
        let (mut sum, mut end) = (0.0, rows);
        // From the last row on, as the gradients of the weights are summed.
        while end > 0 {
            let start = end.saturating_sub(most);
            let count = end - start;
            let (x, logits) = (&x.data[start * input..end * input], &mut logits[..count * stride]);
            let bias = self.bias.map_or(&[][..], |bias| parameters.value(bias));
            let y = RowsMut { values: &mut *logits, stride, map: None };
            let x = RowsRef::dense(x, input);
            packed.forward(count, bias, x, y)?;
            sum += loss.partial_in_place(self.path, logits, (output, stride), &targets[start..end], total)?;
            let dims = LinearDims { rows: count, input, output };
            let [d_weight, d_bias] = parameters.gradients_of([Some(self.weight), self.bias])?;
            let d_y = RowsRef { values: logits, stride, map: None };
            backward_weight_with(self.path, dims, x, d_y, d_weight, d_bias, self.precision)?;
            if let Some(d_x) = &mut d_x {
                let d_x = RowsMut::dense(&mut d_x[start * input..end * input], input);
                packed.backward_input(count, d_y, d_x)?;
            }
            end = start;
        }
        self.lock().logits = logits;
        let d_x = d_x.map(|d_x| Rows::new(d_x, input, x.layout.clone())).transpose()?;
        Ok((sum, d_x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;
    use crate::nn::{DenseConfig, Layer};
    use crate::noise::Noise;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use sumun_kernels::Path;

    fn head(config: DenseConfig) -> (Dense, Parameters) {
        let mut parameters = Parameters::new();
        let layer = Dense::new(config, &mut parameters, "head", &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        (layer, parameters)
    }

    /// Several chunks, weighted classes and rows that do not count: the bits of layer, loss and layer one after another,
    /// on one thread and on three. The reference path sums gradients of weights in another order.
    #[test]
    fn chunks_give_the_bits_of_layer_and_loss_apart() {
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        for (rows, input, classes) in [(1, 3, 2), (9, 5, 65), (45, 7, CHUNK / 20)] {
            let weights: Vec<f32> = (0..classes).map(|c| (c % 7) as f32 * 0.25 + 0.5).collect();
            for (bias, class_weights, label_smoothing) in
                [(true, Vec::new(), 0.0), (false, weights, 0.0), (true, Vec::new(), 0.1)]
            {
                for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
                    if path == Path::Reference && rows > 9 {
                        continue;
                    }
                    let loss = CrossEntropy {
                        class_weights: class_weights.clone(),
                        ignore: Some(u32::MAX),
                        label_smoothing,
                    };
                    let (layer, mut apart) = head(DenseConfig::new(input, classes).bias(bias));
                    let layer = layer.on_path(path);
                    let data = (0..rows * input).map(|k| ((k * 7919) % 1009) as f32 / 500.0 - 1.0).collect();
                    let x = Rows::new(data, input, Layout::full(rows, 1).unwrap()).unwrap();
                    let target = |k| if k % 5 == 3 { u32::MAX } else { (k * 6151 % classes) as u32 };
                    let targets: Vec<u32> = (0..rows).map(target).collect();
                    let mut together = apart.clone();

                    let (z, cache) = layer.forward_train(&apart, x.clone(), noise).unwrap();
                    let mut d = vec![0.0; z.data.len()];
                    let value = loss.value_and_gradient_on(path, &z.data, &targets, Some(&mut d)).unwrap();
                    let d = Rows::new(d, classes, x.layout.clone()).unwrap();
                    let d_x = layer.backward(&mut apart, cache, d, InputGradient::Needed).unwrap().unwrap();

                    for threads in [1, 3] {
                        together.zero_gradients();
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                        let (found, found_x) = pool
                            .install(|| {
                                let wanted = InputGradient::Needed;
                                layer.cross_entropy(&mut together, &x, &loss, &targets, wanted)
                            })
                            .unwrap();
                        assert!((found - value).abs() <= 1e-12 * value, "{path}: {found} for {value}");
                        assert!(found_x.unwrap().data == d_x.data, "{path}");
                        for (f, e) in together.gradients().iter().zip(apart.gradients()) {
                            let same = f == e || path == Path::Reference && (f - e).abs() < 1e-6;
                            assert!(same, "{path} {rows} {classes}: {f} for {e}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_before_anything_is_computed() {
        let error = |activation: Activation, features: usize, targets: &[u32]| {
            let (layer, mut p) = head(DenseConfig::new(4, 3).activation(activation));
            let x = Rows::one_step(vec![0.5; 2 * features], features, 2).unwrap();
            let skip = InputGradient::Skip;
            let result = layer.cross_entropy(&mut p, &x, &CrossEntropy::default(), targets, skip);
            assert!(p.gradients().iter().all(|d| *d == 0.0));
            result.unwrap_err().to_string()
        };
        assert!(error(Activation::Tanh, 4, &[0, 1]).starts_with("a cross-entropy is of logits;"));
        assert_eq!(
            error(Activation::Linear, 3, &[0, 1]),
            "the input of a dense layer: expected [2, 4], found [2, 3]"
        );
        assert!(error(Activation::Linear, 4, &[0]).ends_with("expected 2 classes, found 1"));
        assert!(error(Activation::Linear, 4, &[0, 3]).contains("class 3 in row 1 is not below"));
    }
}
