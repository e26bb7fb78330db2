//! What learning depends on: gradients, windows, gates, memory.

use ndarray::{Array2, Array3, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sumun::Result;
use sumun::data::{Role, ScaleKind, Scaler, sliding_windows};
use sumun::model::{Batch, DenseLayer, Input, Model, RecurrentLayer};
use sumun::nn::{
    Activation, FirstWeights, Gru, GruConfig, Initializer, Lstm, LstmConfig, Rnn, RnnConfig, Valid,
};
use sumun::noise::Noise;
use sumun::report::Picture;
use sumun::train::{Clip, Optimizer};

use super::Told;
use super::adding::sums;
use super::training::{
    Inputs, Predictions, Recipe, accuracy, mean_squared_error, most_likely, predict, step, train,
};

const SEED: u64 = 42;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// ‖dL/dh‖ 0, 1, 2 … steps before the end, as a share of that at the end, for a loss that looks at the last step alone.
macro_rules! shares {
    ($layer:ident, $config:expr) => {{
        let mut layer = $layer::new($config, &mut rng(SEED))?;
        let x = Array3::from_shape_fn((8, 100, 4), |(n, t, f)| ((n * 31 + t * 7 + f) as f32).sin());
        let noise = Noise { seed: SEED, step: 0, layer: 0 };
        let (_, _, cache) = layer.forward_last_train(x.view(), Valid::All, None, noise)?;
        let d_last = Array2::from_elem((8, 32), 1.0);
        let (_, _, mut by_step) = layer.backward_by_step(cache, d_last.view(), None)?;
        let norms = by_step.remove(0).norms;
        norms.iter().map(|norm| norm / norms[0]).collect::<Vec<f64>>()
    }};
}

pub(crate) fn gradients() -> Result<Told> {
    let mut told = Told::default();
    // Recurrent weights of N(0, 0.3²): a matrix of 32 by 32 stretches by 0.3 · √32 ≈ 1.7.
    let large = FirstWeights { hidden: Initializer::Normal { std: 0.3 }, ..FirstWeights::pytorch(32) };
    let open = FirstWeights { forget_bias: 4.0, ..FirstWeights::pytorch(32) };
    let lines: [(&str, Vec<f64>); 5] = [
        ("RNN", shares!(Rnn, RnnConfig::new(4, 32))),
        ("RNN (relu), large weights", shares!(Rnn, RnnConfig::new(4, 32).relu(true).first_weights(large))),
        ("GRU", shares!(Gru, GruConfig::new(4, 32))),
        ("LSTM", shares!(Lstm, LstmConfig::new(4, 32))),
        ("LSTM, forget bias 4", shares!(Lstm, LstmConfig::new(4, 32).first_weights(open))),
    ];
    told.say(format!("{:<26}{:>10}{:>10}{:>10}", "steps before the end", 10, 30, 90));
    let mut picture =
        Picture::new("What arrives of the last step's gradient", "steps before the end", "share")
            .logarithmic();
    for (name, shares) in lines {
        told.say(format!("{name:<26}{:>10.0e}{:>10.0e}{:>10.0e}", shares[10], shares[30], shares[90]));
        picture = picture.line(name, shares.into_iter().enumerate().map(|(t, share)| (t as f64, share)));
    }
    told.pictures.push(("gradients", picture.svg()));

    // Five layers, 100 steps, all weights from N(0, 2²).
    let two = Initializer::Normal { std: 2.0 };
    let first =
        FirstWeights { input: two, hidden: two, bias: two, unit_forget_bias: false, forget_bias: 0.0 };
    let mut model = Model::builder(Input::numbers(8))
        .layer(RecurrentLayer::rnn(16).layers(5_usize).first_weights(first))
        .dense(DenseLayer::new(1).first_weights(two).first_bias(two))
        .build(SEED)?;
    let x = Array3::from_shape_fn((32, 100, 8), |(n, t, f)| ((n * 31 + t * 7 + f) as f32).sin());
    let y = (0..32).map(|n| (n as f32).cos()).collect();
    let mut optimizer = Optimizer::new("sgd".parse()?, model.parameters())?;
    let recipe = recipe(1, Clip::GlobalNorm { max: 1.0 });
    let all: Vec<usize> = (0..32).collect();
    let found =
        step(&mut model, &mut optimizer, &recipe, (&Inputs::Numbers(x), &Predictions::Values(y)), &all)?;
    told.say("\nfive layers, 100 steps, weights from N(0, 2²):");
    told.say(format!("gradient norm {:.0e} before clipping, {:.2} after", found.norm, found.clipped_norm));
    Ok(told)
}

fn recipe(epochs: usize, clip: Clip) -> Recipe {
    let (loss, optimizer) = ("mse", "adam");
    Recipe { loss, optimizer, rate: 0.01, epochs, batch: 32, clip, print_every: epochs + 1 }
}

pub(crate) fn windows() -> Result<Told> {
    let mut told = Told::default();
    let prices = [100.0, 102.0, 105.0, 103.0, 108.0, 110.0, 107.0, 112.0, 115.0, 113.0];
    let (x, y) = sliding_windows(&prices, 5)?;
    for (window, next) in x.outer_iter().zip(&y) {
        told.say(format!("{window:>5} → {next}"));
    }

    // A series whose swing doubles, cut in time: the last fifth is the test part.
    let series: Vec<f64> = (0..500).map(|t| t as f64 / 8.0).map(|x| (1.0 + x / 62.5) * x.sin()).collect();
    let (train, _) = series.split_at(400);
    told.say(format!("\n{:<28}{:>14}{:>22}", "scaler fitted on", "largest", "MSE of \"as before\""));
    let mut pictured = Vec::new();
    for (name, seen) in [("the training part", train), ("everything, a leak", &series[..])] {
        let scaled = Scaler::fit(ScaleKind::Minmax, "value", seen, Role::Target)?.transform_all(&series);
        let (test, before) = (&scaled[400..], &scaled[399..499]);
        let largest = test.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mse = test.iter().zip(before).map(|(now, then)| (now - then).powi(2)).sum::<f64>() / 100.0;
        told.say(format!("{name:<28}{largest:>14.3}{mse:>22.5}"));
        pictured.push((name, scaled));
    }
    let mut picture = Picture::new("A swing that doubles, scaled in two ways", "step", "scaled").whole();
    for (name, scaled) in pictured {
        let later = scaled.into_iter().enumerate().skip(300).map(|(t, value)| (t as f64, value));
        picture = picture.line(&format!("by {name}"), later);
    }
    told.pictures.push(("leak", picture.mark(400.0, "the test part begins").svg()));

    // A walk at random has nothing to learn: no forecast of its next value is better than the value before.
    let steps = Initializer::Normal { std: 1.0 }.values(&[1000], &mut rng(SEED))?;
    let walk: Vec<f64> = steps
        .iter()
        .scan(0.0, |sum, &step| {
            *sum += f64::from(step);
            Some(*sum)
        })
        .collect();
    let (x, y) = sliding_windows(&walk, 20)?;
    // Answers with what came after the most similar window of the training part.
    let looked_up = |n: usize, in_training: &dyn Fn(usize) -> bool| {
        let apart = |k: usize| (&x.row(n) - &x.row(k)).mapv(|d| d * d).sum();
        let nearest = (0..y.len()).filter(|&k| in_training(k)).min_by(|&a, &b| apart(a).total_cmp(&apart(b)));
        y[nearest.unwrap_or(0)]
    };
    let error = |test: &dyn Fn(usize) -> bool, answer: &dyn Fn(usize) -> f64| {
        let errors: Vec<f64> =
            (0..y.len()).filter(|&n| test(n)).map(|n| (y[n] - answer(n)).powi(2)).collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    told.say(format!("\n{:<30}{:>22}{:>14}", "a walk at random, MSE", "most similar window", "as before"));
    let last = y.len() - y.len() / 5;
    let dealt = |n: usize| n % 5 == 2;
    for (name, test) in [
        ("every fifth window is tested", &dealt as &dyn Fn(usize) -> bool),
        ("the last fifth is tested", &|n| n >= last),
    ] {
        let looked_up = error(test, &|n| looked_up(n, &|k| !test(k)));
        let before = error(test, &|n| x[[n, 19]]);
        told.say(format!("{name:<30}{looked_up:>22.2}{before:>14.2}"));
    }
    Ok(told)
}

/// The gates of an LSTM by hand and by the layer, then of one that has learnt to add two marked numbers.
pub(crate) fn gates() -> Result<Told> {
    let mut told = Told::default();
    let x = Array2::from_shape_fn((20, 1), |(t, _)| (std::f32::consts::TAU * t as f32 / 19.0).sin());
    let lstm = Lstm::new(LstmConfig::new(1, 4), &mut rng(SEED))?;
    let weight = |name: &str| {
        let parameters = lstm.parameters();
        parameters.find(name).map(|id| parameters.value(id).to_vec()).unwrap_or_default()
    };
    let (w_x, w_h) = (weight("weight_ih_l0"), weight("weight_hh_l0"));
    let (b_x, b_h) = (weight("bias_ih_l0"), weight("bias_hh_l0"));
    let (mut h, mut c) = ([0.0_f32; 4], [0.0_f32; 4]);
    let sigmoid = |a: f32| 1.0 / (1.0 + (-a).exp());
    told.say("step      x      i      f      g      o      c      h   (unit 0)");
    for (t, x) in x.iter().enumerate() {
        let before = h;
        for unit in 0..4 {
            // Rows of the weights: four units of i, four of f, four of g, four of o.
            let [i, f, g, o] = [0, 1, 2, 3].map(|gate| {
                let row = 4 * gate + unit;
                let of_h: f32 = (0..4).map(|k| w_h[4 * row + k] * before[k]).sum();
                w_x[row] * x + b_x[row] + of_h + b_h[row]
            });
            let (i, f, g, o) = (sigmoid(i), sigmoid(f), g.tanh(), sigmoid(o));
            c[unit] = f * c[unit] + i * g;
            h[unit] = o * c[unit].tanh();
            if unit == 0 && t % 6 == 0 {
                let shown = [*x, i, f, g, o, c[0], h[0]].map(|v| format!("{v:>7.3}"));
                told.say(format!("{t:>4}{}", shown.concat()));
            }
        }
    }
    let (_, last) = lstm.forward(x.view(), Valid::All, None)?;
    let pairs = h.iter().chain(&c).zip(last.hidden.iter().chain(&last.cell));
    let difference = pairs.fold(0.0_f32, |largest, (a, b)| largest.max((a - b).abs()));
    told.say(format!("the layer's last h and c are the same within 1e-6: {}", difference < 1e-6));

    told.say("\nforget bias   f at step 19   share of the first step's i g that is left in c");
    for bias in [-6.0, 0.0, 6.0] {
        let mut lstm = Lstm::new(LstmConfig::new(1, 4), &mut rng(SEED))?;
        let parameters = lstm.parameters_mut();
        for name in ["bias_ih_l0", "bias_hh_l0"] {
            if let Some(id) = parameters.find(name) {
                let here = if name == "bias_ih_l0" { bias } else { 0.0 };
                parameters.value_mut(id)[4..8].fill(here);
            }
        }
        let trace = lstm.trace(x.view(), Valid::All, None)?.remove(0);
        let f: Vec<f32> = trace.gate("f").map(|f| f.column(0).to_vec()).unwrap_or_default();
        let left: f64 = f.iter().skip(1).map(|&f| f64::from(f)).product();
        told.say(format!("{bias:>11}{:>15.3}   {left:.1e}", f.last().copied().unwrap_or_default()));
    }

    let (x, y) = sums(1000, 20)?;
    let (learnt, held_out) = x.view().split_at(Axis(0), 900);
    let mut model = Model::builder(Input::numbers(2)).lstm(8).dense(1).build(SEED)?;
    let inputs = (Inputs::Numbers(learnt.to_owned()), Inputs::Numbers(held_out.to_owned()));
    train(
        &mut model,
        &recipe(40, Clip::GlobalNorm { max: 1.0 }),
        &inputs.0,
        &Predictions::Values(y[..900].to_vec()),
    )?;
    let mse = mean_squared_error(&predict(&model, &inputs.1)?, &y[900..]);
    told.say(format!(
        "\nLSTM(8) that adds two marked numbers of 20: learnt (test MSE below 0.01): {}",
        mse < 0.01
    ));
    let one = held_out.split_at(Axis(0), 1).0;
    let traces = model.traces(Batch::numbers(one), None)?;
    let trace = &traces[0].layers[0];
    let gate = |name: &str| -> Vec<f32> { trace.gate(name).map(sumun::Rows::unpack).unwrap_or_default() };
    let (i, f, g) = (gate("i"), gate("f"), gate("g"));
    let marked: Vec<usize> = (0..20).filter(|&t| one[[0, t, 1]] > 0.0).collect();
    // The mean of a unit's values at the marked steps, or at the others.
    let mean = |of: &dyn Fn(usize) -> f32, unit: usize, at_marks: bool| {
        let steps = (0..20).filter(|t| marked.contains(t) == at_marks);
        let values: Vec<f32> = steps.map(|t| of(8 * t + unit)).collect();
        values.iter().sum::<f32>() / values.len() as f32
    };
    let kept = |unit: usize| mean(&|k| f[k], unit, false);
    let unit = (0..8).max_by(|&a, &b| kept(a).total_cmp(&kept(b))).unwrap_or(0);
    let written = |k: usize| (i[k] * g[k]).abs();
    told.say("the unit that keeps most  marked steps   other steps");
    for (name, of) in [("forget gate f", &(|k| f[k]) as &dyn Fn(usize) -> f32), ("written, |i g|", &written)]
    {
        told.say(format!("{name:<24}{:>14.2}{:>14.2}", mean(of, unit, true), mean(of, unit, false)));
    }
    // What the answer does when a number is raised by .2: the mean over the hundred sequences that were held out.
    let answers = predict(&model, &inputs.1)?;
    let mut raised = held_out.to_owned();
    told.say("\na number is raised by 0.20      the answer moves by");
    for (name, mark) in [("a marked number", 1.0), ("a number that is not marked", 0.0)] {
        for (n, mut sequence) in raised.outer_iter_mut().enumerate() {
            sequence.assign(&held_out.index_axis(Axis(0), n));
            if let Some(t) = (1..20).find(|&t| held_out[[n, t, 1]] == mark) {
                sequence[[t, 0]] += 0.2;
            }
        }
        let moved = predict(&model, &Inputs::Numbers(raised.clone()))?;
        let mean = moved.iter().zip(&answers).map(|(a, b)| f64::from(a - b)).sum::<f64>() / 100.0;
        told.say(format!("{name:<32}{:>6.2}", mean.abs()));
    }
    let by_step = |of: &dyn Fn(usize) -> f32| -> Vec<(f64, f64)> {
        (0..20).map(|t| (t as f64, f64::from(of(8 * t + unit)))).collect()
    };
    let mut picture = Picture::new("The unit that keeps most, while it reads", "step", "")
        .whole()
        .line("forget gate f", by_step(&|k| f[k]))
        .line("written, |i g|", by_step(&written));
    for t in marked {
        picture = picture.mark(t as f64, "marked");
    }
    told.pictures.push(("gates", picture.svg()));
    Ok(told)
}

/// A label for every step: the remainder of the number itself, and that of the sum so far, with recurrence and without.
pub(crate) fn remainders() -> Result<Told> {
    let mut told = Told::default();
    let drawn = Initializer::Uniform { bound: 0.5 }.values(&[600 * 12], &mut rng(SEED))?;
    let numbers =
        Array2::from_shape_fn((600, 12), |(n, t)| (((drawn[n * 12 + t] + 0.5) * 10.0) as u32).min(9));
    let mut of_sums = numbers.clone();
    for mut row in of_sums.outer_iter_mut() {
        let mut sum = 0;
        row.iter_mut().for_each(|number| {
            sum = (sum + *number) % 3;
            *number = sum;
        });
    }
    let part = |array: &Array2<u32>, test: bool| {
        let (train, held_out) = array.view().split_at(Axis(0), 500);
        if test { held_out.to_owned() } else { train.to_owned() }
    };
    let (learnt, held_out) = (Inputs::Ids(part(&numbers, false)), Inputs::Ids(part(&numbers, true)));
    let recipe = Recipe { loss: "cross_entropy", ..recipe(30, Clip::GlobalNorm { max: 1.0 }) };
    told.say("token accuracy                of the number   of the sum so far");
    let mut shown = Vec::new();
    for (name, recurrent) in [("each step alone, dense layers", false), ("GRU, 32 units", true)] {
        let mut line = format!("{name:<30}");
        for tags in [numbers.mapv(|number| number % 3), of_sums.clone()] {
            let model = Model::builder(Input::ids(10)).embedding(16);
            let mut model = match recurrent {
                true => model.layer(RecurrentLayer::gru(32).return_sequences(true)),
                false => model.layer(DenseLayer::new(32).activation(Activation::Tanh)),
            }
            .dense(3)
            .build(SEED)?;
            train(&mut model, &recipe, &learnt, &Predictions::Classes(part(&tags, false)))?;
            let (given, right) = (most_likely(&predict(&model, &held_out)?, 3), part(&tags, true));
            line += &format!("{:>13.3}   ", accuracy(&given, &right));
            shown = vec![part(&numbers, true).row(0).to_vec(), right.row(0).to_vec(), given[..12].to_vec()];
        }
        told.say(line.trim_end());
    }
    told.say("");
    for (name, values) in ["numbers", "the sum so far, mod 3", "by the GRU"].iter().zip(&shown) {
        told.say(format!("{name:<22}{}", values.iter().map(|v| format!(" {v}")).collect::<String>()));
    }
    Ok(told)
}

/// The adding problem at three lengths: test MSE of three cells, the median of three seeds.
pub(crate) fn memory() -> Result<Told> {
    let mut told = Told::default();
    let layer = |cell: usize| match cell {
        0 => RecurrentLayer::rnn(24),
        1 => RecurrentLayer::lstm(24),
        _ => RecurrentLayer::gru(24),
    };
    let names = ["RNN", "LSTM", "GRU"];
    told.say(format!("{:<8}{}", "steps", names.map(|name| format!("{name:>24}")).concat()));
    let lengths = [10, 20, 40];
    let mut medians = [const { Vec::new() }; 3];
    for steps in lengths {
        let (x, y) = sums(1500, steps)?;
        let (learnt, held_out) = x.view().split_at(Axis(0), 1200);
        let (learnt, held_out) = (Inputs::Numbers(learnt.to_owned()), Inputs::Numbers(held_out.to_owned()));
        let answers = Predictions::Values(y[..1200].to_vec());
        let mut line = format!("{steps:<8}");
        for (cell, medians) in medians.iter_mut().enumerate() {
            let mut found = Vec::new();
            for seed in 0..3 {
                let mut model = Model::builder(Input::numbers(2)).layer(layer(cell)).dense(1).build(seed)?;
                train(&mut model, &recipe(20, Clip::GlobalNorm { max: 1.0 }), &learnt, &answers)?;
                found.push(mean_squared_error(&predict(&model, &held_out)?, &y[1200..]));
            }
            found.sort_by(f64::total_cmp);
            line += &format!("{:>24}", format!("{:.4} ({:.4}–{:.4})", found[1], found[0], found[2]));
            medians.push((steps as f64, found[1]));
        }
        told.say(line);
    }
    let mut picture =
        Picture::new("Adding two marked numbers", "steps", "test MSE, median of three seeds").logarithmic();
    for (name, points) in names.into_iter().zip(medians) {
        picture = picture.line(name, points);
    }
    let nothing = lengths.map(|steps| (steps as f64, 1.0 / 6.0));
    told.pictures.push(("memory", picture.line("remembering nothing", nothing).svg()));
    for (cell, name) in names.into_iter().enumerate() {
        let model = Model::builder(Input::numbers(2)).layer(layer(cell)).dense(1).build(0)?;
        told.say(format!("{name:<5} {:>6} parameters", model.parameters().len()));
    }
    Ok(told)
}
