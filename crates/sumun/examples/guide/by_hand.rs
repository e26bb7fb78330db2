//! Written out by hand: a plain RNN, a softmax with a temperature, four GRUs, and attention.

use ndarray::{Array1, Array2, ArrayView1, array};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::model::{Batch, Input, Model, RecurrentLayer};
use sumun::nn::{CellKind, Initializer, Rnn, RnnConfig, Valid};
use sumun::report::Picture;

use super::Told;

/// Numbers in a row, with so many decimals.
pub(crate) fn row<'a>(values: impl IntoIterator<Item = &'a f32>, decimals: usize) -> String {
    let shown = values.into_iter().map(|v| format!("{v:>width$.decimals$}", width = decimals + 3));
    shown.collect::<Vec<_>>().join(" ")
}

/// "below 1e-6", or how far apart.
fn apart(difference: f64) -> String {
    if difference < 1e-6 { "below 1e-6".into() } else { format!("{difference:.3}") }
}

/// RNN(1 → 2) over three steps: h' = tanh(W_x x + b_x + W_h h + b_h).
pub(crate) fn unroll() -> Result<Told> {
    let mut told = Told::default();
    let rnn = Rnn::new(RnnConfig::new(1, 2), &mut ChaCha8Rng::seed_from_u64(42))?;
    let weight = |name: &str| {
        let parameters = rnn.parameters();
        parameters.find(name).map(|id| parameters.value(id).to_vec()).unwrap_or_default()
    };
    let (w_x, w_h) = (weight("weight_ih_l0"), weight("weight_hh_l0"));
    let (b_x, b_h) = (weight("bias_ih_l0"), weight("bias_hh_l0"));
    told.say(format!("W_x {}   W_h {}", row(&w_x, 3), row(&w_h, 3)));
    told.say(format!("b_x {}   b_h {}", row(&b_x, 3), row(&b_h, 3)));

    let by_hand = |xs: &[f32], told: Option<&mut Told>| {
        let mut h = [0.0_f32; 2];
        let mut said = Vec::new();
        for (t, x) in xs.iter().enumerate() {
            let sum = |k: usize| w_x[k] * x + b_x[k] + w_h[2 * k] * h[0] + w_h[2 * k + 1] * h[1] + b_h[k];
            h = [sum(0).tanh(), sum(1).tanh()];
            said.push(format!("t = {t}   x {x:>5.1}   h {}", row(&h, 4)));
        }
        if let Some(told) = told {
            said.iter().for_each(|line| told.say(line));
        }
        h
    };
    let xs = [0.5, -1.0, 2.0];
    let h = by_hand(&xs, Some(&mut told));
    let x = Array2::from_shape_fn((3, 1), |(t, _)| xs[t]);
    let (_, last) = rnn.forward(x.view(), Valid::All, None)?;
    let layer: Vec<f32> = last.hidden.iter().copied().collect();
    let difference = h.iter().zip(&layer).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
    told.say(format!("the layer's last state  {}   apart: {}", row(&layer, 4), apart(difference)));
    let turned = by_hand(&[2.0, -1.0, 0.5], None);
    told.say(format!("the same numbers, turned{}", row(&turned, 4)));
    told.say(format!("{} parameters, for three steps as for three thousand", rnn.parameters().len()));
    Ok(told)
}

/// Some answers of the last chapter, in numbers: networks of 16 units with weights drawn at random.
pub(crate) fn questions() -> Result<Told> {
    const UNITS: usize = 16;
    let mut told = Told::default();
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut matrix = |size: f64| -> Result<Array2<f64>> {
        let drawn =
            Initializer::Normal { std: size / (UNITS as f64).sqrt() }.values(&[UNITS * UNITS], &mut rng)?;
        Ok(Array2::from_shape_fn((UNITS, UNITS), |(row, column)| f64::from(drawn[row * UNITS + column])))
    };
    let (words, w) = (matrix(4.0)?, matrix(1.5)?);
    let size = |h: &Array1<f64>| h.dot(h).sqrt();

    // Three words, each a row of `words`; the same three in another order.
    let read = |order: [usize; 3]| {
        order.iter().fold(Array1::zeros(UNITS), |h, &word| (w.dot(&h) + words.row(word)).mapv(f64::tanh))
    };
    let counted =
        |order: [usize; 3]| order.iter().fold(Array1::zeros(UNITS), |sum, &word| sum + words.row(word));
    let (one, other) = ([0, 1, 2], [2, 1, 0]);
    let bags = size(&(counted(one) - counted(other)));
    told.say("the same words in another order are apart by");
    told.say(format!("    bag of words {}, RNN {:.2}", apart(bags), size(&(read(one) - read(other)))));

    let first = words.row(0).to_owned();
    let steps = |f: &dyn Fn(f64) -> f64| (0..50).fold(first.clone(), |h, _| w.dot(&h).mapv(f));
    let power = (1..50).fold(w.clone(), |power, _| w.dot(&power)).dot(&first);
    let linear = steps(&|a| a);
    told.say("50 steps without tanh, and one matrix that does the same, are apart by");
    told.say(format!("    {} of their size", apart(size(&(&linear - &power)) / size(&power))));
    let [nothing, relu, tanh] = [linear, steps(&|a| a.max(0.0)), steps(&f64::tanh)].map(|h| size(&h));
    told.say("how long the state is after these 50 steps");
    told.say(format!("    nothing {nothing:.0e}, ReLU {relu:.0e}, tanh {tanh:.1}"));

    told.say("gates whose slope is below a hundredth of the greatest");
    for (times, what) in [(1.0, "about 1"), (1000.0, "in thousands")] {
        let sums = w.dot(&words.t()).mapv(|sum| sum * times);
        let flat = sums.iter().filter(|&&sum| {
            let gate = 1.0 / (1.0 + (-sum).exp());
            gate * (1.0 - gate) < 0.0025
        });
        told.say(format!("    inputs {what:<14}{:>4.0} %", 100.0 * flat.count() as f64 / sums.len() as f64));
    }

    told.say("what is left of a unit's state after 30 steps, a fifth dropped");
    let anew = 0.8_f64.powi(30);
    told.say(format!("    other units at every step {anew:.4}, the same ones in a sequence 0.8"));

    let gradient = Array1::from_iter(words.iter().map(|v| 100.0 * v));
    let clipped = &gradient / size(&gradient);
    let cosine = gradient.dot(&clipped) / (size(&gradient) * size(&clipped));
    told.say("a gradient, clipped to 1");
    told.say(format!(
        "    norm {:.0} before and {:.0} after, cosine between them {cosine:.3}",
        size(&gradient),
        size(&clipped)
    ));
    Ok(told)
}

/// p_k = exp(z_k / T) / Σ_j exp(z_j / T).
pub(crate) fn temperature() -> Result<Told> {
    let mut told = Told::default();
    let letters = ["e", "a", "o", "t", "q"];
    let scores = [3.0_f64, 2.0, 1.0, 0.0, -2.0];
    told.say(format!("{:<14}{}   entropy", "temperature", letters.map(|l| format!("{l:>7}")).join("")));
    let at: Vec<String> = letters.map(String::from).into();
    let mut picture =
        Picture::new("Five letters at three temperatures", "", "probability").from_zero().labels(at);
    let temperatures = [0.5, 1.0, 1.5];
    for (place, temperature) in temperatures.into_iter().enumerate() {
        let powers = scores.map(|z| (z / temperature).exp());
        let sum: f64 = powers.iter().sum();
        let p = powers.map(|power| power / sum);
        let entropy: f64 = -p.iter().map(|p| p * p.ln()).sum::<f64>();
        told.say(format!("{temperature:<14}{}   {entropy:>7.3}", p.map(|p| format!("{p:>7.3}")).join("")));
        picture = picture.bars(&format!("T = {temperature}"), (place, temperatures.len()), &p);
    }
    told.pictures.push(("temperature", picture.svg()));
    Ok(told)
}

const INPUT: usize = 3;
const HIDDEN: usize = 4;
const STEPS: usize = 10;

/// A gate: its weights of x, of h, and its bias.
#[derive(Clone)]
struct Gate {
    x: Array2<f64>,
    h: Array2<f64>,
    bias: Array1<f64>,
}

impl Gate {
    fn sum(&self, x: ArrayView1<f64>, h: &Array1<f64>) -> Array1<f64> {
        self.x.dot(&x) + self.h.dot(h) + &self.bias
    }
}

#[derive(Clone)]
struct Gru {
    r: Gate,
    z: Gate,
    n: Gate,
}

/// The two choices that tell GRUs apart.
#[derive(Clone, Copy)]
struct Dialect {
    /// n = tanh(W x + b + r ⊙ (U h)) where true, tanh(W x + b + U (r ⊙ h)) where false.
    reset_after: bool,
    /// h' = (1 − z) ⊙ n + z ⊙ h where true, z ⊙ n + (1 − z) ⊙ h where false.
    z_keeps: bool,
}

fn sigmoid(a: Array1<f64>) -> Array1<f64> {
    a.mapv(|a| 1.0 / (1.0 + (-a).exp()))
}

impl Gru {
    fn step(&self, dialect: Dialect, x: ArrayView1<f64>, h: &Array1<f64>) -> Array1<f64> {
        let (r, z) = (sigmoid(self.r.sum(x, h)), sigmoid(self.z.sum(x, h)));
        let Gate { x: w, h: u, bias } = &self.n;
        let n = match dialect.reset_after {
            true => w.dot(&x) + bias + &r * &u.dot(h),
            false => w.dot(&x) + bias + u.dot(&(&r * h)),
        };
        let n = n.mapv(f64::tanh);
        let keeps = if dialect.z_keeps { z } else { 1.0 - z };
        (1.0 - &keeps) * n + keeps * h
    }

    /// The states after each step, `[T, H]`.
    fn by_hand(&self, dialect: Dialect, x: &Array2<f64>) -> Array2<f64> {
        let mut h = Array1::zeros(HIDDEN);
        let mut states = Array2::zeros((STEPS, HIDDEN));
        for (x, mut state) in x.outer_iter().zip(states.outer_iter_mut()) {
            h = self.step(dialect, x, &h);
            state.assign(&h);
        }
        states
    }

    /// The same by the layer of that dialect with these weights.
    fn layer(&self, dialect: Dialect, x: &Array2<f64>) -> Result<Array2<f64>> {
        let cell = if dialect.reset_after { CellKind::Gru } else { CellKind::GruResetBefore };
        let layer = RecurrentLayer::new(cell, HIDDEN).inverted_update(!dialect.z_keeps);
        let mut model =
            Model::builder(Input::numbers(INPUT)).layer(layer.name("gru").return_sequences(true)).build(0)?;
        let gates = [&self.r, &self.z, &self.n];
        let stacked = |of: fn(&Gate) -> Vec<f64>| -> Vec<f32> {
            gates.iter().flat_map(|gate| of(gate)).map(|v| v as f32).collect()
        };
        for (name, values) in [
            ("gru.weight_ih_l0", stacked(|gate| gate.x.iter().copied().collect())),
            ("gru.weight_hh_l0", stacked(|gate| gate.h.iter().copied().collect())),
            ("gru.bias_ih_l0", stacked(|gate| gate.bias.to_vec())),
            ("gru.bias_hh_l0", vec![0.0; 3 * HIDDEN]),
        ] {
            if let Some(id) = model.parameters().find(name) {
                model.parameters_mut().value_mut(id).copy_from_slice(&values);
            }
        }
        let x = x.mapv(|v| v as f32).insert_axis(ndarray::Axis(0));
        let out = model.forward(Batch::numbers(x.view()))?.unpack();
        Ok(Array2::from_shape_fn((STEPS, HIDDEN), |(t, unit)| f64::from(out[t * HIDDEN + unit])))
    }
}

/// The largest difference.
fn largest(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |largest, d| largest.max(d.abs()))
}

pub(crate) fn gru() -> Result<Told> {
    let mut told = Told::default();
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut draw = |rows: usize, columns: usize| -> Result<Array2<f64>> {
        let values = Initializer::Normal { std: 1.0 }.values(&[rows * columns], &mut rng)?;
        Ok(Array2::from_shape_fn((rows, columns), |(r, c)| f64::from(values[r * columns + c])))
    };
    let mut gate = || -> Result<Gate> {
        let bias = draw(1, HIDDEN)?.row(0).to_owned();
        Ok(Gate { x: draw(HIDDEN, INPUT)?, h: draw(HIDDEN, HIDDEN)?, bias })
    };
    let gru = Gru { r: gate()?, z: gate()?, n: gate()? };
    let x = draw(STEPS, INPUT)?;

    told.say(format!("{:<44}{:>30}   layer", "the same weights in four dialects", "last state"));
    let mut states = Vec::new();
    for (name, reset_after, z_keeps) in [
        ("reset after,  z keeps: PyTorch, Keras", true, true),
        ("reset after,  z renews", true, false),
        ("reset before, z keeps: ONNX, Cho 2014", false, true),
        ("reset before, z renews: Chung 2014, lesson", false, false),
    ] {
        let dialect = Dialect { reset_after, z_keeps };
        let by_hand = gru.by_hand(dialect, &x);
        let difference = largest(&by_hand, &gru.layer(dialect, &x)?);
        let last: Vec<f32> = by_hand.row(STEPS - 1).iter().map(|&v| v as f32).collect();
        told.say(format!("{name:<44}{:>30}   {}", row(&last, 3), apart(difference)));
        states.push(by_hand);
    }
    let negated = |gate: &Gate| Gate { x: -&gate.x, h: -&gate.h, bias: -&gate.bias };
    let turned = Gru { z: negated(&gru.z), ..gru.clone() };
    let pytorch = &states[0];
    told.say(format!("\n{:<44}{}", "largest difference from PyTorch's", "10 steps, 4 units"));
    for (name, states) in [
        ("the lesson's equation", &states[3]),
        (
            "the same, z's weights negated",
            &turned.by_hand(Dialect { reset_after: false, z_keeps: false }, &x),
        ),
        (
            "reset after, z renews, z's weights negated",
            &turned.by_hand(Dialect { reset_after: true, z_keeps: false }, &x),
        ),
    ] {
        told.say(format!("{name:<44}{}", apart(largest(pytorch, states))));
    }
    Ok(told)
}

/// A query, three steps of a memory, and what comes of them: α = softmax(m · q), the sum of α m.
pub(crate) fn attention() -> Result<Told> {
    let mut told = Told::default();
    let memory: Array2<f64> = array![[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]];
    told.say(format!("{:<16}{:>22}{:>26}{:>20}", "query", "scores", "weights", "context"));
    for query in [array![2.0, 0.0], array![0.0, 2.0], array![0.0, 0.0], array![6.0, 0.0]] {
        let scores = memory.dot(&query);
        let powers = scores.mapv(f64::exp);
        let weights = &powers / powers.sum();
        let context = weights.dot(&memory);
        let shown =
            |values: &Array1<f64>| values.iter().map(|v| format!("{v:>6.3}")).collect::<Vec<_>>().join(" ");
        told.say(format!(
            "{:<16}{:>22}{:>26}{:>20}",
            shown(&query),
            shown(&scores),
            shown(&weights),
            shown(&context)
        ));
    }
    Ok(told)
}
