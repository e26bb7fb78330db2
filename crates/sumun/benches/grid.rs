//! Times the speed grid, `benches/grid.json`: one JSON line a case with its best and median milliseconds.
//!
//! ```text
//! cargo bench -p sumun --bench grid -- --only sine_lstm,sentiment_gru --threads 1 --seconds 2
//! ```
//!
//! A `train` case does all that a user's step does: zeroed gradients, forward, loss, backward, Adam (1e-3) over every
//! parameter, on one fixed batch; a `forward` case the whole batch without gradients; a `step` case one time step with
//! the state carried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use sumun::loss::{Loss, Targets};
use sumun::nn::{
    CellKind, Dense, DenseConfig, Embedding, EmbeddingConfig, InputGradient, Layer, Output, Recurrent,
    RecurrentConfig,
};
use sumun::noise::Noise;
use sumun::train::{Optimizer, OptimizerConfig};
use sumun::{Ids, Layout, Parameters, Result, Rows};
use sumun_kernels::{Dims, Path, Prepared, Purpose, Scratch, StateMut, Weights};

#[derive(Deserialize)]
struct Grid {
    cases: Vec<Case>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    kind: String,
    cell: String,
    #[serde(default)]
    batch: usize,
    #[serde(default)]
    steps: usize,
    input: usize,
    hidden: usize,
    #[serde(default)]
    layers: Option<usize>,
    #[serde(default)]
    bidirectional: bool,
    #[serde(default)]
    vocab: usize,
    #[serde(default)]
    classes: Option<usize>,
    #[serde(default)]
    loss: String,
    #[serde(default)]
    lengths: Option<Vec<usize>>,
    #[serde(default)]
    slow: bool,
}

struct Arguments {
    grid: String,
    only: Option<Vec<String>>,
    threads: usize,
    seconds: f64,
    slow: bool,
}

fn arguments() -> std::result::Result<Arguments, String> {
    let grid = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/grid.json").to_string();
    let mut parsed = Arguments { grid, only: None, threads: 1, seconds: 2.0, slow: false };
    let mut given = std::env::args().skip(1);
    while let Some(flag) = given.next() {
        let mut value = || given.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--grid" => parsed.grid = value()?,
            "--only" => parsed.only = Some(value()?.split(',').map(String::from).collect()),
            "--threads" => parsed.threads = value()?.parse().map_err(|e| format!("--threads: {e}"))?,
            "--seconds" => parsed.seconds = value()?.parse().map_err(|e| format!("--seconds: {e}"))?,
            "--slow" => parsed.slow = true,
            // What cargo itself passes.
            "--bench" => {}
            other => return Err(format!("unknown option {other}")),
        }
    }
    Ok(parsed)
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = arguments()?;
    let grid: Grid = serde_json::from_str(&std::fs::read_to_string(&arguments.grid)?)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build()?;
    let timed: Result<()> = pool.install(|| {
        for case in &grid.cases {
            let wanted = match &arguments.only {
                Some(only) => only.contains(&case.name),
                None => arguments.slow || !case.slow,
            };
            if wanted {
                time(case, &arguments)?;
            }
        }
        Ok(())
    });
    Ok(timed?)
}

fn time(case: &Case, arguments: &Arguments) -> Result<()> {
    let mut run: Box<dyn FnMut() -> Result<()>> = match case.kind.as_str() {
        "train" => Box::new(train(case)?),
        "forward" => Box::new(forward(case)?),
        "step" => Box::new(step(case)?),
        kind => return Err(sumun::Error::Invalid(format!("{}: no kind {kind}", case.name))),
    };
    run()?;
    run()?;
    let end = Instant::now() + Duration::from_secs_f64(arguments.seconds);
    let mut times = Vec::new();
    while (Instant::now() < end || times.len() < 5) && times.len() < 200_000 {
        let start = Instant::now();
        run()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let line = serde_json::json!({
        "peer": concat!("sumun ", env!("CARGO_PKG_VERSION")),
        "path": Path::best().name(),
        "threads": arguments.threads,
        "name": case.name,
        "best_ms": times[0],
        "median_ms": times[times.len() / 2],
        "runs": times.len(),
    });
    println!("{line}");
    Ok(())
}

fn config(case: &Case) -> Result<RecurrentConfig> {
    let cell = match case.cell.as_str() {
        "rnn" => CellKind::RnnTanh,
        "lstm" => CellKind::Lstm,
        "gru" => CellKind::Gru,
        cell => return Err(sumun::Error::Invalid(format!("{}: no cell {cell}", case.name))),
    };
    Ok(RecurrentConfig {
        layers: case.layers.unwrap_or(1),
        bidirectional: case.bidirectional,
        ..RecurrentConfig::new(cell, case.input, case.hidden)
    })
}

fn numbers(rng: &mut ChaCha8Rng, count: usize) -> Vec<f32> {
    (0..count).map(|_| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn classes(rng: &mut ChaCha8Rng, count: usize, of: usize) -> Vec<u32> {
    (0..count).map(|_| rng.next_u32() % of as u32).collect()
}

/// The batch as a user holds it, `[N, T, …]`; packing it is part of the step.
enum Batch {
    Numbers(Vec<f32>),
    Ids(Vec<u32>),
}

fn batch(case: &Case, rng: &mut ChaCha8Rng) -> Batch {
    let cells = case.batch * case.steps;
    match case.vocab {
        0 => Batch::Numbers(numbers(rng, cells * case.input)),
        vocabulary => Batch::Ids(classes(rng, cells, vocabulary)),
    }
}

fn layout(case: &Case) -> Result<Arc<Layout>> {
    match &case.lengths {
        Some(lengths) => Layout::ragged(lengths, case.steps),
        None => Ok(Layout::full(case.batch, case.steps)),
    }
}

fn train(case: &Case) -> Result<impl FnMut() -> Result<()>> {
    let case = case.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = Parameters::new();
    let embedding = match case.vocab {
        0 => None,
        vocabulary => {
            let config = EmbeddingConfig { vocabulary, features: case.input, padding_id: None };
            Some(Embedding::new(config, &mut parameters, "embedding", &mut rng)?)
        }
    };
    let every_step = case.loss == "ce_steps";
    let output = if every_step { Output::Sequence } else { Output::Last };
    let config = RecurrentConfig { output, ..config(&case)? };
    let features = config.output_features();
    let recurrent = Recurrent::new(config, &mut parameters, "recurrent", &mut rng)?;
    let of = case.classes.unwrap_or(1);
    let head = Dense::new(DenseConfig::new(features, of), &mut parameters, "head", &mut rng)?;
    let loss: Loss = if case.loss.starts_with("ce") { "cross_entropy" } else { &case.loss }.parse()?;
    let mut optimizer = Optimizer::new("adam".parse::<OptimizerConfig>()?, &parameters)?;

    let x = batch(&case, &mut rng);
    let count = case.batch * if every_step { case.steps } else { 1 };
    let class_ids = classes(&mut rng, count, of);
    let values: Vec<f32> = class_ids.iter().map(|&c| (c % 2) as f32).collect();
    Ok(move || {
        let noise = Noise { seed: 0, step: 0, layer: 0 };
        parameters.zero_gradients();
        let layout = layout(&case)?;
        let (x, embedded) = match (&x, &embedding) {
            (Batch::Ids(ids), Some(embedding)) => {
                let (x, cache) = embedding.forward_train(&parameters, Ids::pack(ids, layout)?)?;
                (x, Some((embedding, cache)))
            }
            (Batch::Numbers(x), _) => (Rows::pack(x, case.input, layout)?, None),
            (Batch::Ids(_), None) => unreachable!("ids come with an embedding"),
        };
        let wanted = if embedded.is_some() { InputGradient::Needed } else { InputGradient::Skip };
        let (h, ran) = recurrent.forward_train(&parameters, x, noise)?;
        let (mut z, mapped) = head.forward_train(&parameters, h, noise)?;
        let targets = match loss {
            Loss::CrossEntropy(_) => Targets::Classes(&class_ids),
            _ => Targets::Values(&values),
        };
        let logits = z.data.clone();
        let gradient: &mut Vec<f32> = Arc::make_mut(&mut z.data);
        loss.value_and_gradient(&logits, targets, Some(gradient))?;
        let d_h = head.backward(&mut parameters, mapped, z, InputGradient::Needed)?.expect("asked for");
        let d_x = recurrent.backward(&mut parameters, ran, d_h, wanted)?;
        if let (Some((embedding, cache)), Some(d_x)) = (embedded, d_x) {
            embedding.backward(&mut parameters, cache, d_x)?;
        }
        optimizer.step(&mut parameters, 1e-3, 1.0)
    })
}

fn forward(case: &Case) -> Result<impl FnMut() -> Result<()>> {
    let case = case.clone();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut parameters = Parameters::new();
    let recurrent = Recurrent::new(config(&case)?, &mut parameters, "recurrent", &mut rng)?;
    let x = numbers(&mut rng, case.batch * case.steps * case.input);
    Ok(move || {
        let rows = Rows::pack(&x, case.input, layout(&case)?)?;
        let answer = recurrent.forward(&parameters, rows)?.unpack();
        std::hint::black_box(answer);
        Ok(())
    })
}

fn step(case: &Case) -> Result<impl FnMut() -> Result<()>> {
    let config = config(case)?;
    let (input, hidden) = (case.input, case.hidden);
    let dims = Dims::new(config.cell.cell(), input, hidden);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut draw = |count: usize| -> Vec<f32> {
        let scale = 1.0 / (hidden as f32).sqrt();
        numbers(&mut rng, count).into_iter().map(|v| v * scale).collect()
    };
    let rows = dims.gate_rows();
    let (w, u, b, x) = (draw(rows * input), draw(rows * hidden), draw(rows), draw(input));
    let weights = Weights { input: &w, hidden: &u, bias_input: &b, bias_hidden: &b, ..Weights::default() };
    let prepared = Prepared::new(dims, &weights, Path::best(), Purpose::Inference)?;
    let cells = if dims.cell.has_cell_state() { hidden } else { 0 };
    let (mut hidden, mut cell) = (vec![0.0; hidden], vec![0.0; cells]);
    let mut scratch = Scratch::default();
    Ok(move || {
        let state = StateMut { hidden: &mut hidden, cell: &mut cell };
        Ok(prepared.step(&x, state, &mut scratch)?)
    })
}
