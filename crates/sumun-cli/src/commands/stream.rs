//! `sumun apply --stream`: a frame a line in, a line out for each as it comes.

use std::io::{self, BufRead, Read, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use sumun::model::{Frame, Input, ModelStream, StepOutput};
use sumun::models::{Opened, interchange, read_arrays, write_arrays};

use super::show::tell_notes;
use crate::failure::Failure;
use crate::output::say;

/// The longest line that is read, in bytes: a million numbers.
const LONGEST: u64 = 16 << 20;

/// Reads frames from standard input until it ends, and writes a line for each.
pub(super) fn run(opened: Opened, state: Option<&Path>, state_out: Option<&Path>) -> Result<(), Failure> {
    let notes = opened.notes.clone();
    let streams = opened.into_streams()?;
    let mut stream = streams.stream();
    if let Some(file) = state {
        let arrays = read_arrays(file, "h_n")?;
        let state = interchange::state_from_arrays(stream.model(), &arrays);
        let state = state.and_then(|state| stream.set_state(&state));
        state.map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    }
    if let Err(failure) = each_line(&mut stream, &mut io::stdin().lock(), &mut io::stdout().lock()) {
        // Who reads the output has had enough of it, and may go on from here.
        match failure {
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            failure => return Err(failure),
        }
    }
    tell_notes(&notes);
    if let Some(file) = state_out {
        write_arrays(file, &interchange::state_to_arrays(stream.model(), &stream.state())?)?;
        say(&format!("{}: written", file.display()));
    }
    Ok(())
}

/// A step for every line.
fn each_line(
    stream: &mut ModelStream,
    lines: &mut impl BufRead,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let input = stream.model().config().inputs.values().next().copied();
    let names: Vec<String> = stream.model().output_names().map(str::to_owned).collect();
    let mut line = Vec::new();
    for number in 1_usize.. {
        line.clear();
        let wrong = |problem: &str| Failure::Usage(format!("line {number} of standard input: {problem}"));
        let read = lines.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line);
        match read.map_err(|error| wrong(&format!("it cannot be read: {error}; try again")))? {
            0 => break,
            _ if line.len() as u64 > LONGEST => {
                return Err(wrong(&format!("it is over {LONGEST} bytes; give one frame a line")));
            }
            _ => {}
        }
        let text = std::str::from_utf8(&line).map_err(|_| wrong("it is no text; give numbers"))?;
        let numbers = numbers(text).map_err(|problem| wrong(&problem))?;
        let output = step(stream, input, &numbers).map_err(|problem| wrong(&problem))?;
        let mut shown = shown(&output, &names);
        shown.push('\n');
        out.write_all(shown.as_bytes()).and_then(|()| out.flush()).map_err(Failure::Output)?;
    }
    Ok(())
}

/// The numbers of a line: with commas or blanks between them, or as a JSON array.
fn numbers(line: &str) -> Result<Vec<f64>, String> {
    let line = line.trim();
    if line.is_empty() {
        return Err("it is empty; give one frame a line".into());
    }
    if line.starts_with('[') {
        return serde_json::from_str(line)
            .map_err(|error| format!("it is no JSON array of numbers: {error}"));
    }
    let number = |cell: &str| cell.trim().parse().map_err(|_| format!("'{}' is no number", cell.trim()));
    match line.contains(',') {
        true => line.split(',').map(number).collect(),
        false => line.split_whitespace().map(number).collect(),
    }
}

fn step(stream: &mut ModelStream, input: Option<Input>, numbers: &[f64]) -> Result<StepOutput, String> {
    match input {
        Some(Input::Ids { .. }) => {
            let &[id] = numbers else {
                return Err(format!("it has {} numbers; give one id", numbers.len()));
            };
            if id.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&id) {
                return Err(format!("{id} is no id"));
            }
            stream.step(Frame::Id(id as u32))
        }
        _ => {
            let numbers: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            stream.step(Frame::Numbers(&numbers))
        }
    }
    .map_err(|error| error.to_string())
}

/// The row of the only output with commas between its numbers, or an object with the rows of all.
fn shown(output: &StepOutput, names: &[String]) -> String {
    let text = |row: &[f32]| row.iter().map(|&value| number(value)).collect::<Vec<_>>();
    if names.len() == 1 {
        return output.row().map(|row| text(row).join(",")).unwrap_or_default();
    }
    let rows = names.iter().zip(&output.rows).map(|(name, row)| (name.clone(), json!(row)));
    Value::Object(rows.collect::<Map<_, _>>()).to_string()
}

/// The shortest text that reads back as the same number.
fn number(value: f32) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
