//! Times what it costs to look inside: passes with and without traces, gradients by step and checkpoints.
//!
//! ```text
//! cargo bench -p sumun --bench insides -- --threads 1 --seconds 2
//! ```
//!
//! A line a case: the best milliseconds of the plain pass, then each other pass as a multiple of it. `forward` is an
//! inference pass, `training` forward, backward with the input's gradient, and nothing else.

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sumun::nn::{CellKind, Checkpoints, InputGradient, Recurrent, RecurrentConfig};
use sumun::noise::Noise;
use sumun::{Layout, Parameters, Result, Rows};

/// Cell, sequences, steps, input features, hidden units, layers, both directions.
const CASES: [(CellKind, usize, usize, usize, usize, usize, bool); 8] = [
    (CellKind::RnnTanh, 32, 20, 1, 32, 1, false),
    (CellKind::Lstm, 32, 20, 1, 32, 1, false),
    (CellKind::Gru, 32, 20, 1, 32, 1, false),
    (CellKind::RnnTanh, 32, 100, 64, 64, 1, false),
    (CellKind::Lstm, 32, 100, 64, 64, 1, false),
    (CellKind::Gru, 32, 100, 64, 64, 1, false),
    (CellKind::Lstm, 16, 100, 64, 128, 2, true),
    (CellKind::Lstm, 1, 10_000, 8, 64, 1, false),
];

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (mut threads, mut seconds) = (1, 2.0);
    let mut given = std::env::args().skip(1);
    while let Some(flag) = given.next() {
        let mut value = || given.next().ok_or(format!("{flag} needs a value"));
        match flag.as_str() {
            "--threads" => threads = value()?.parse()?,
            "--seconds" => seconds = value()?.parse()?,
            // What cargo itself passes.
            "--bench" => {}
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    println!("| case | forward ms | trace | training ms | + trace | + by step | checkpoints |");
    println!("|---|---|---|---|---|---|---|");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let timed: Result<()> = pool.install(|| CASES.iter().try_for_each(|case| time(case, seconds)));
    Ok(timed?)
}

fn time(case: &(CellKind, usize, usize, usize, usize, usize, bool), seconds: f64) -> Result<()> {
    let &(cell, n, steps, input, hidden, layers, bidirectional) = case;
    let config = RecurrentConfig { layers, bidirectional, ..RecurrentConfig::new(cell, input, hidden) };
    let pieces = RecurrentConfig { checkpoints: Checkpoints::Sqrt, ..config.clone() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut parameters = Parameters::new();
    let stack = Recurrent::new(config.clone(), &mut parameters, "", &mut rng)?;
    let mut parameters_of_pieces = Parameters::new();
    let in_pieces = Recurrent::new(pieces, &mut parameters_of_pieces, "", &mut rng)?;
    let layout = Layout::full(n, steps).unwrap();
    let mut rows = |width: usize| {
        let values = (0..layout.rows() * width).map(|_| rng.random::<f32>() - 0.5).collect();
        Rows::new(values, width, layout.clone())
    };
    let (x, d_out) = (rows(input)?, rows(config.output_features())?);
    let (noise, wanted) = (Noise { seed: 1, step: 0, layer: 0 }, InputGradient::Needed);
    let mut train = |trace: bool, by_step: bool, in_pieces: Option<&Recurrent>| -> Result<()> {
        let stack = in_pieces.unwrap_or(&stack);
        let parameters = if in_pieces.is_some() { &mut parameters_of_pieces } else { &mut parameters };
        let (_, _, cache) = stack.forward_train_with_state(parameters, x.clone(), None, noise)?;
        if trace {
            std::hint::black_box(stack.trace_of(parameters, &cache)?);
        }
        if by_step {
            std::hint::black_box(stack.backward_by_step(parameters, cache, d_out.clone(), None, wanted)?);
        } else {
            std::hint::black_box(stack.backward_with_state(
                parameters,
                cache,
                d_out.clone(),
                None,
                wanted,
            )?);
        }
        Ok(())
    };
    let training = best(seconds, 4, |pass| match pass {
        0 => train(false, false, None),
        1 => train(true, false, None),
        2 => train(false, true, None),
        _ => train(false, false, Some(&in_pieces)),
    })?;
    let forward = best(seconds, 2, |pass| {
        if pass == 0 {
            std::hint::black_box(stack.forward_with_state(&parameters, x.clone(), None)?);
        } else {
            std::hint::black_box(stack.trace(&parameters, x.clone(), None)?);
        }
        Ok(())
    })?;
    let name = format!("{cell:?}").to_lowercase();
    let two = if bidirectional { ", both ways" } else { "" };
    println!(
        "| {name}, {n} × {steps}, {input} → {hidden}, {layers} layers{two} | {:.3} | {:.2}× | {:.3} | {:.2}× | {:.2}× | {:.2}× |",
        forward[0],
        forward[1] / forward[0],
        training[0],
        training[1] / training[0],
        training[2] / training[0],
        training[3] / training[0],
    );
    Ok(())
}

/// The best milliseconds of each of so many passes, all of them in turn for so many seconds.
fn best(seconds: f64, passes: usize, mut run: impl FnMut(usize) -> Result<()>) -> Result<Vec<f64>> {
    let mut best = vec![f64::INFINITY; passes];
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut rounds = 0;
    while Instant::now() < end || rounds < 5 {
        for (pass, best) in best.iter_mut().enumerate() {
            let start = Instant::now();
            run(pass)?;
            *best = best.min(start.elapsed().as_secs_f64() * 1e3);
        }
        rounds += 1;
    }
    Ok(best)
}
