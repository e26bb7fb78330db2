//! Times imported ONNX graphs: a case a line of JSON from standard input, its times a line on standard output.
//!
//! ```sh
//! RAYON_NUM_THREADS=1 cargo run --release -p sumun-nn --features interchange --example onnx_speed
//! ```
//!
//! A case has `model`, the graph's file; `inputs`, a safetensors file of its arrays; `known`, numbers of inputs that the graph
//! was read for; `carry`, from each output that goes into the next call to its input; `stream`, where the model steps by
//! itself instead: the frames are those of the only array; `seconds`; and `cpu`, to time the processor and not the clock, for
//! machines that others use (Linux alone). `benches/interchange_speed.py` holds the times
//! against those of ONNX Runtime.

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, stdin};
use std::time::Instant;

use serde::Deserialize;
use sumun_formats::{Tensors, onnx, safetensors};
use sumun_nn::interchange::onnx::read_with;

#[derive(Deserialize)]
struct Case {
    model: String,
    inputs: String,
    #[serde(default)]
    known: BTreeMap<String, f64>,
    #[serde(default)]
    carry: BTreeMap<String, String>,
    #[serde(default)]
    stream: bool,
    seconds: f64,
    #[serde(default)]
    cpu: bool,
}

/// A call that takes less is repeated in one timing, so that reading the clock costs nothing.
const SHORTEST_SECONDS: f64 = 20e-6;

/// As [`SHORTEST_SECONDS`], of the processor's time: the kernel counts it some hundred times a second.
const SHORTEST_OF_CPU: f64 = 0.5;

fn main() -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let mut call = call(&case)?;
        let mut times = times(&mut call, &case)?;
        times.sort_by(f64::total_cmp);
        println!(
            "{}",
            serde_json::json!({ "best_us": times[0], "median_us": times[times.len() / 2], "runs": times.len() })
        );
    }
    Ok(())
}

type Call = Box<dyn FnMut() -> Result<(), Box<dyn Error>>>;

/// What is timed: one call, which goes on from the states of the call before.
fn call(case: &Case) -> Result<Call, Box<dyn Error>> {
    let import = read_with(&onnx::read(&std::fs::read(&case.model)?)?, &case.known)?;
    let mut inputs = safetensors::read(&std::fs::read(&case.inputs)?)?.tensors;
    if case.stream {
        let [(_, frames)] = inputs.iter().collect::<Vec<_>>()[..] else {
            return Err("a stream has one array of frames".into());
        };
        let (width, frames) = (frames.shape().last().copied().unwrap_or(1), frames.to_f32()?);
        let mut stream = import.into_streams()?.stream();
        let mut next = 0;
        return Ok(Box::new(move || {
            black_box(stream.step(&frames[next..next + width])?);
            next = (next + width) % frames.len();
            Ok(())
        }));
    }
    let carry = case.carry.clone();
    Ok(Box::new(move || {
        let outputs = import.apply(&inputs, &Tensors::new())?;
        if carry.is_empty() {
            black_box(outputs);
            return Ok(());
        }
        let states =
            outputs.into_iter().filter_map(|(name, tensor)| Some((carry.get(&name)?.clone(), tensor)));
        let mut next = Tensors::new();
        states.into_iter().try_for_each(|(name, tensor)| next.insert(name, tensor, "state"))?;
        for (name, tensor) in std::mem::take(&mut inputs).into_iter() {
            if next.get(&name).is_none() {
                next.insert(name, tensor, "input")?;
            }
        }
        inputs = next;
        Ok(())
    }))
}

/// Microseconds of each call for about so many seconds, after some that do not count.
fn times(call: &mut Call, case: &Case) -> Result<Vec<f64>, Box<dyn Error>> {
    call()?;
    let begin = Instant::now();
    let now = || if case.cpu { cpu_seconds() } else { Ok(begin.elapsed().as_secs_f64()) };
    let shortest = if case.cpu { SHORTEST_OF_CPU } else { SHORTEST_SECONDS };
    // The quickest of three says how many calls a timing has.
    let mut once = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        call()?;
        once = once.min(start.elapsed().as_secs_f64().max(1e-9));
    }
    let repeats = (shortest / once).ceil().max(1.0) as usize;
    let mut times = Vec::new();
    while times.len() < 5 || begin.elapsed().as_secs_f64() < case.seconds {
        let start = now()?;
        for _ in 0..repeats {
            call()?;
        }
        times.push((now()? - start) * 1e6 / repeats as f64);
    }
    Ok(times)
}

/// The processor's time of all threads of this process.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}
