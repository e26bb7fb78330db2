//! `sumun runs`: what a folder of runs holds.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sumun::run::{FigureResult, PartResults, RUNS, RunEntry, RunState, different_scales};

use crate::failure::Failure;
use crate::language::said;
use crate::output::{json_number, print, print_json, tell_of_files};
use crate::terminal::{Style, count, file_name, left, one_line, right, shortened, width};

pub(crate) const EXAMPLES: &str = "\
Examples:
  sumun runs
  sumun runs sweep --sort accuracy
  sumun runs --sort name --json

Figures are those of the test part, or of the validation part where there is no test part.";

/// The arguments of `sumun runs`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder that the runs are in
    #[arg(default_value = RUNS)]
    folder: PathBuf,
    /// By `time` (the newest first), `name`, or a figure such as accuracy, mae or mase (the best first)
    #[arg(long, value_name = "FIGURE|time|name", default_value = "time")]
    sort: String,
    /// Print one JSON object on one line instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the table.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (mut runs, problems) = RunEntry::list(&arguments.folder)?;
    sort(&mut runs, &arguments.sort)?;
    for problem in problems {
        tell_of_files(&format!("left out: {problem}"));
    }
    if arguments.json {
        let all: Vec<Value> = runs.iter().map(as_json).collect();
        return print_json(&json!({ "folder": arguments.folder.to_string_lossy(), "runs": all }));
    }
    if runs.is_empty() {
        tell_of_files(&format!(
            "{}: there are no runs here; sumun train makes one",
            arguments.folder.display()
        ));
        return Ok(());
    }
    print(&table(&runs, &arguments.sort, SystemTime::now(), Style::for_stdout()))
}

fn judged(run: &RunEntry) -> Option<&PartResults> {
    run.results.as_ref()?.judged()
}

/// A figure of a run by its name, however it is written; its first figure for `time` and `name`.
fn figure<'a>(run: &'a RunEntry, sort: &str) -> Option<&'a FigureResult> {
    let figures = &judged(run)?.figures;
    match sort {
        "time" | "name" => figures.iter().find(|figure| figure.model.is_some()),
        name => figures.iter().find(|figure| plain(&figure.key) == plain(name)),
    }
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('²', "2").chars().filter(|c| c.is_alphanumeric()).collect()
}

fn sort(runs: &mut [RunEntry], by: &str) -> Result<(), Failure> {
    match by {
        "time" => runs.sort_by_key(|run| std::cmp::Reverse(run.changed)),
        "name" => runs.sort_by(|a, b| a.path.cmp(&b.path)),
        name => {
            let mut known: Vec<&str> = Vec::new();
            for figure in runs.iter().filter_map(judged).flat_map(|part| &part.figures) {
                if !known.contains(&figure.key.as_str()) {
                    known.push(&figure.key);
                }
            }
            if !known.iter().any(|key| plain(key) == plain(name)) {
                let mut choices = vec!["time", "name"];
                choices.extend(&known);
                return Err(Failure::Usage(format!(
                    "--sort {name}: no run has such a figure; choose from {}",
                    choices.join(", ")
                )));
            }
            one_scale(runs, name, &known)?;
            runs.sort_by(|a, b| better(figure(a, name), figure(b, name)));
        }
    }
    Ok(())
}

/// Error where the figure is on different scales in different runs, with the figures that are not.
fn one_scale(runs: &[RunEntry], by: &str, known: &[&str]) -> Result<(), Failure> {
    let names: Vec<String> = runs.iter().map(|run| name(&run.path)).collect();
    let parts: Vec<(&str, &PartResults)> =
        names.iter().zip(runs).filter_map(|(name, run)| Some((name.as_str(), judged(run)?))).collect();
    let key = known.iter().copied().find(|key| plain(key) == plain(by)).unwrap_or(by);
    let Some([(one, scale), (other, other_scale)]) = different_scales(&parts, key) else { return Ok(()) };
    let others: Vec<&str> =
        known.iter().copied().filter(|key| different_scales(&parts, key).is_none()).collect();
    let advice = match others.as_slice() {
        [] => "compare runs of one kind".to_owned(),
        [one] => format!("sort by {one}"),
        several => format!("sort by one of {}", several.join(", ")),
    };
    Err(Failure::Usage(format!(
        "--sort {by}: {key} is on different scales ({}: {}; {}: {}), so that it ranks nothing; {advice}",
        shortened(one, 40),
        shortened(scale, 100),
        shortened(other, 40),
        shortened(other_scale, 100),
    )))
}

/// The better first, what has no figure last.
fn better(a: Option<&FigureResult>, b: Option<&FigureResult>) -> Ordering {
    let of = |figure: Option<&FigureResult>| figure.and_then(|f| Some((f.model?, f.more_is_better)));
    match (of(a), of(b)) {
        (Some((a, true)), Some((b, _))) => b.total_cmp(&a),
        (Some((a, false)), Some((b, _))) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

fn state(run: &RunEntry) -> &'static str {
    match run.state {
        RunState::Finished => "finished",
        RunState::Running => "running",
        RunState::Interrupted => "interrupted",
    }
}

fn as_json(run: &RunEntry) -> Value {
    let number = |value: Option<f64>| value.map_or(Value::Null, json_number);
    let parts = run.results.iter().flat_map(|results| &results.parts).map(|part| {
        let figures = part.figures.iter().map(|figure| {
            let both = json!({ "model": number(figure.model), "baseline": number(figure.baseline) });
            (figure.key.clone(), both)
        });
        (part.part.clone(), Value::Object(figures.collect()))
    });
    let best = run.best();
    json!({
        "run": run.path.to_string_lossy(),
        "state": state(run),
        "task": run.task,
        "data": run.data,
        "epochs": run.epochs.len(),
        "best_epoch": best.map(|epoch| epoch.epoch),
        "valid_loss": number(best.and_then(|epoch| epoch.valid_loss)),
        "figures": Value::Object(parts.collect()),
        "age_seconds": SystemTime::now().duration_since(run.changed).unwrap_or_default().as_secs(),
    })
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn table(runs: &[RunEntry], sort: &str, now: SystemTime, style: Style) -> String {
    let header = ["run", "task", "data", "state", "epochs", "figure", "model", "baseline", "age"].map(said);
    let header = header.each_ref().map(|cell| cell.as_ref());
    let shown = |value: f64| format!("{value:.4}");
    let row = |run: &RunEntry| -> [String; 9] {
        let (figure, model, baseline) = match (figure(run, sort), run.best()) {
            (Some(figure), _) => {
                let part = judged(run).map_or("", |part| part.part.as_str());
                let values = [figure.model, figure.baseline].map(|v| v.map_or("-".into(), shown));
                let [model, baseline] = values;
                let name = format!("{} {}", said(part), figure.key.replace('_', " "));
                (shortened(&name, 40), model, baseline)
            }
            // Before a run is finished only its losses are known.
            (None, Some(best)) if best.valid_loss.is_some() && judged(run).is_none() => {
                (said("valid loss").into_owned(), best.valid_loss.map_or("-".into(), shown), "-".into())
            }
            _ => ("-".into(), "-".into(), "-".into()),
        };
        let known = |text: &str| if text.is_empty() { "-".to_owned() } else { shortened(text, 24) };
        [
            shortened(&name(&run.path), 40),
            known(&run.task),
            known(file_name(&run.data)),
            said(state(run)).into_owned(),
            count(run.epochs.len()),
            figure,
            model,
            baseline,
            said(&age(now.duration_since(run.changed).unwrap_or_default())).into_owned(),
        ]
        // Files may hold anything.
        .map(|cell| one_line(&cell))
    };
    let rows: Vec<[String; 9]> = runs.iter().map(row).collect();
    let wide: Vec<usize> = (0..header.len())
        .map(|i| rows.iter().map(|row| width(&row[i])).chain([width(header[i])]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[&str]| {
        let cell = |(i, cell): (usize, &&str)| match i {
            4 | 6.. => right(cell, wide[i]),
            _ => left(cell, wide[i]),
        };
        cells.iter().enumerate().map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = format!("{}\n", style.dim(&line(&header)));
    for row in &rows {
        text += &format!("{}\n", line(&row.each_ref().map(String::as_str)));
    }
    text
}

/// How long ago, as people say it.
fn age(time: Duration) -> String {
    match time.as_secs() {
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min", s / 60),
        s if s < 48 * 3600 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_comes_first() {
        let figure = |model, more_is_better| FigureResult {
            key: "macro_f1".into(),
            model,
            baseline: None,
            more_is_better,
            scale: None,
        };
        let order = |a, b, more| better(Some(&figure(a, more)), Some(&figure(b, more)));
        assert_eq!(order(Some(0.9), Some(0.8), true), Ordering::Less);
        assert_eq!(order(Some(0.9), Some(0.8), false), Ordering::Greater);
        assert_eq!(order(None, Some(0.8), true), Ordering::Greater);
        assert_eq!(better(None, None), Ordering::Equal);
        assert_eq!(plain("Macro F1"), plain("macro_f1"));
        assert_eq!(plain("R²"), plain("r2"));
    }

    #[test]
    fn ages_change_unit() {
        let ages = [5, 150, 7300, 200_000].map(|s| age(Duration::from_secs(s)));
        assert_eq!(ages, ["5 s", "2 min", "2 h", "2 days"]);
    }
}
