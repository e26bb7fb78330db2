//! A layer and a cell that the library does not have, written by its user, in a model that TOML describes, that is trained,
//! saved and loaded as any other: nothing in the library is edited for it.
//!
//! ```text
//! cargo run --release -p sumun-nn --example own_layer
//! ```
//!
//! The cell remembers peaks: h' = max(h, W x + b), unit by unit. The layer is Swish with a learnt slope for every feature,
//! y = x σ(βx) (Ramachandran, Zoph & Le, "Searching for Activation Functions", 2017), and so, with d for the gradient of y,
//!
//! ```text
//! d_x = d (s + βx s (1 − s)),   d_β = Σ d x² s (1 − s)        s = σ(βx)
//! ```
//!
//! Together they learn to name the largest of a few numbers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sumun_nn::layer::{Building, Common, Layer, LayerSpec, Planning, Signal, Stage, Through};
use sumun_nn::loss::{Loss, Targets};
use sumun_nn::model::{Feed, Model, ModelConfig, Registry};
use sumun_nn::nn::{
    CellLayer, CellWeight, CustomCell, Initializer, InputGradient, NamedCell, Step, StepAfter, StepGradients,
    check_step,
};
use sumun_nn::noise::Noise;
use sumun_nn::parameters::Id;
use sumun_nn::train::Optimizer;
use sumun_nn::{Error, Layout, Parameters, Result, Rows};

/// A cell that remembers the largest of W x + b that it has seen, beginning with its first state. In TOML, `kind = "peak"`
/// and `units = 8`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Peak {
    units: usize,
}

impl NamedCell for Peak {
    const KIND: &'static str = "peak";
}

impl CustomCell for Peak {
    fn hidden(&self) -> usize {
        self.units
    }

    /// W x + b.
    fn saved(&self, _input: usize) -> usize {
        self.units
    }

    fn weights(&self, input: usize) -> Vec<CellWeight> {
        let first = Initializer::pytorch(input);
        vec![
            CellWeight::new("weight", &[self.units, input], first),
            CellWeight::new("bias", &[self.units], first),
        ]
    }

    fn step(&self, weights: &[&[f32]], at: Step<'_>, after: StepAfter<'_>) -> Result<()> {
        let [weight, bias] = weights else { return Err(two_weights()) };
        at.affine(weight, bias, at.x, after.saved)?;
        for ((h, &a), &before) in after.hidden.iter_mut().zip(&*after.saved).zip(at.hidden) {
            *h = if a > before { a } else { before };
        }
        Ok(())
    }

    fn step_backward(
        &self,
        weights: &[&[f32]],
        at: Step<'_>,
        saved: &[f32],
        d_hidden: &[f32],
        _d_cell: &[f32],
        into: StepGradients<'_>,
    ) -> Result<()> {
        let [weight, _] = weights else { return Err(two_weights()) };
        let [d_weight, d_bias] = into.weights else { return Err(two_weights()) };
        let mut d_a = d_hidden.to_vec();
        for (k, d) in d_a.iter_mut().enumerate() {
            if saved[k] <= at.hidden[k] {
                into.hidden[k] += *d;
                *d = 0.0;
            }
        }
        at.affine_backward(weight, at.x, &d_a, into.x, d_weight, d_bias)
    }
}

fn two_weights() -> Error {
    Error::Invalid("a peak cell has two weights".into())
}

/// Swish in a model. In TOML, `kind = "swish"`, and `slope = 2.0` for another β at first than 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SwishLayer {
    #[serde(skip)]
    common: Common,
    #[serde(default = "one")]
    slope: f32,
}

fn one() -> f32 {
    1.0
}

impl LayerSpec for SwishLayer {
    const KINDS: &'static [&'static str] = &["swish"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn title(&self) -> String {
        "Swish".into()
    }

    fn print(&self, _input: Signal) -> (String, Vec<String>) {
        ("Swish".into(), vec![format!("slope={}", self.slope)])
    }

    fn plan(&self, at: &mut Planning<'_>) -> Result<Signal> {
        let features = at.rows()?;
        at.weight("slope", &[features], None)?;
        Ok(at.read()?.signal)
    }

    fn build(&self, at: &mut Building<'_>) -> Result<Box<dyn Stage>> {
        let slope = at.add("slope", &[at.input()], Initializer::Constant { value: self.slope })?;
        Ok(Box::new(Through::each_row(Swish { slope })))
    }
}

/// Swish at work: it knows where its slopes are.
#[derive(Debug)]
struct Swish {
    slope: Id,
}

impl Layer for Swish {
    type Cache = Rows;

    fn forward(&self, parameters: &Parameters, x: Rows) -> Result<Rows> {
        let slope = parameters.value(self.slope);
        let y =
            x.data.chunks(slope.len()).flat_map(|row| row.iter().zip(slope).map(|(x, b)| x * sigmoid(b * x)));
        Rows::new(y.collect(), x.features, x.layout.clone())
    }

    fn forward_train(&self, parameters: &Parameters, x: Rows, _noise: Noise) -> Result<(Rows, Rows)> {
        Ok((self.forward(parameters, x.clone())?, x))
    }

    fn backward(
        &self,
        parameters: &mut Parameters,
        x: Rows,
        d_out: Rows,
        wanted: InputGradient,
    ) -> Result<Option<Rows>> {
        let mut d = d_out.into_data();
        let (slope, d_slope) = parameters.value_and_gradient(self.slope);
        for (d, x) in d.chunks_mut(slope.len()).zip(x.data.chunks(slope.len())) {
            for (k, (d, x)) in d.iter_mut().zip(x).enumerate() {
                let s = sigmoid(slope[k] * x);
                d_slope[k] += *d * x * x * s * (1.0 - s);
                *d *= s + slope[k] * x * s * (1.0 - s);
            }
        }
        match wanted {
            InputGradient::Needed => Rows::new(d, x.features, x.layout.clone()).map(Some),
            InputGradient::Skip => Ok(None),
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The model: two layers of the cell in both directions, the layer, and a linear map.
pub(crate) const MODEL: &str = r#"
    [input]
    features = 1

    [[layers]]
    kind = "peak"
    units = 8
    layers = 2
    bidirectional = true

    [[layers]]
    kind = "swish"
    slope = 0.5

    [[layers]]
    kind = "dense"
    units = 1
"#;

/// The kinds of layers that the library has, and these two.
pub(crate) fn registry() -> Registry {
    Registry::standard().with::<CellLayer<Peak>>().with::<SwishLayer>()
}

/// What the example found.
pub(crate) struct Outcome {
    /// The model after training.
    pub(crate) model: Model,
    /// Root mean square errors on sequences that it never saw: of the model, and of always saying the mean.
    pub(crate) error: f64,
    pub(crate) of_the_mean: f64,
}

/// So many sequences of 3 to 8 numbers from 0 to 1, and the largest of each.
pub(crate) fn examples(count: usize, rng: &mut ChaCha8Rng) -> Result<(Rows, Vec<f32>)> {
    let sequences: Vec<Vec<f32>> = (0..count)
        .map(|_| {
            let length = rng.random_range(3..=8);
            (0..length).map(|_| rng.random::<f32>()).collect()
        })
        .collect();
    let largest = sequences.iter().map(|numbers| numbers.iter().copied().fold(0.0, f32::max)).collect();
    let lengths: Vec<usize> = sequences.iter().map(Vec::len).collect();
    let padded: Vec<f32> = sequences
        .iter()
        .flat_map(|numbers| numbers.iter().copied().chain(std::iter::repeat(0.0)).take(8).collect::<Vec<_>>())
        .collect();
    Ok((Rows::pack(&padded, 1, Layout::ragged(&lengths, 8)?)?, largest))
}

/// Trains the model to name the largest number.
pub(crate) fn run() -> Result<Outcome> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    check_step(&Peak { units: 3 }, 2, &mut rng)?;
    let mut model = ModelConfig::from_toml_with(MODEL, &registry())?.build(7)?;
    let loss: Loss = "mse".parse()?;
    let mut optimizer = Optimizer::new("adam".parse()?, model.parameters())?;
    for step in 1..=600 {
        let (x, largest) = examples(32, &mut rng)?;
        let noise = Noise { seed: 7, step, layer: 0 };
        let (y, cache) = model.forward_train(Feed::new().rows("input", x), noise)?;
        let mut d = vec![0.0; largest.len()];
        let found = loss.value_and_gradient(&y.data, Targets::Values(&largest), Some(&mut d))?;
        model.parameters_mut().zero_gradients();
        model.backward(cache, Rows::new(d, 1, y.layout.clone())?)?;
        optimizer.step(model.parameters_mut(), 0.005, 1.0)?;
        if step % 100 == 0 {
            println!("step {step}: loss {found:.5}");
        }
    }
    let (x, largest) = examples(500, &mut rng)?;
    let y = model.forward(Feed::new().rows("input", x))?;
    let mean = largest.iter().sum::<f32>() / largest.len() as f32;
    let rms = |of: &dyn Fn(usize) -> f32| {
        let square = |(k, largest): (usize, &f32)| f64::from(of(k) - largest).powi(2);
        (largest.iter().enumerate().map(square).sum::<f64>() / largest.len() as f64).sqrt()
    };
    let (error, of_the_mean) = (rms(&|k| y.data[k]), rms(&|_| mean));
    Ok(Outcome { error, of_the_mean, model })
}

#[allow(dead_code, reason = "the test that shares this file calls run only")]
fn main() -> Result<()> {
    let Outcome { model, error, of_the_mean } = run()?;
    println!("{}", model.summary());
    println!("root mean square error: {error:.4}; of the mean {of_the_mean:.4}");
    Ok(())
}
