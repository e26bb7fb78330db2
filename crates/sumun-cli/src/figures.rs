//! Figures of a task's model beside its baseline's, for people and for programs.

use serde_json::{Map, Value, json};
use sumun::tasks::{Figures, Measured};

use crate::terminal::{Style, count, left, number, right};

/// The figures as an object.
pub(crate) fn as_json(figures: &Figures) -> Value {
    serde_json::to_value(figures).unwrap_or_default()
}

/// The baseline's figures under its name.
pub(crate) fn baseline_json(measured: &Measured) -> Value {
    Value::Object(Map::from_iter([(measured.baseline_name.clone(), as_json(&measured.baseline))]))
}

fn part_name(part: &str) -> &str {
    match part {
        "test" => "test part",
        "valid" => "validation part",
        file => file,
    }
}

/// A table of the model and the baseline.
pub(crate) fn table(measured: &Measured, style: Style) -> String {
    let (ours, theirs) = (measured.figures.headline(), measured.baseline.headline());
    let title = format!("{}, {} examples", part_name(&measured.part), count(measured.examples));
    let mut text = left(&title, 36);
    for figure in &ours {
        text += &right(figure.name, figure.name.chars().count().max(8) + 2);
    }
    text = format!("{}\n", style.dim(&text));
    for (row, name) in [(&ours, "model"), (&theirs, measured.baseline_name.as_str())] {
        text += &left(&crate::terminal::shortened(name, 34), 36);
        for (column, figure) in ours.iter().zip(row) {
            text += &right(&shown(figure.value), column.name.chars().count().max(8) + 2);
        }
        text.push('\n');
    }
    text
}

fn shown(value: f64) -> String {
    if value.abs() < 1000.0 { format!("{value:.4}") } else { number(value) }
}

/// One sentence on whether the model was worth it.
pub(crate) fn verdict(measured: &Measured, style: Style) -> String {
    let (ours, theirs) = (measured.figures.headline(), measured.baseline.headline());
    let (Some(model), Some(baseline)) = (ours.first(), theirs.first()) else {
        return String::new();
    };
    let better = match model.more_is_better {
        true => model.value > baseline.value,
        false => model.value < baseline.value,
    };
    let sentence =
        format!("{} {} against {} of the baseline", model.name, shown(model.value), shown(baseline.value));
    if better {
        style.green(&style.bold(&sentence))
    } else {
        format!(
            "{}\n{}",
            style.bold(&sentence),
            style.dim("the baseline is as good: more --epochs, another --lr or more data may help")
        )
    }
}

/// The figures of a file, as `evaluate --json` prints them.
pub(crate) fn evaluation_json(measured: &Measured, task: &str, run: &str) -> Value {
    json!({
        "task": task,
        "run": run,
        "file": measured.part,
        "examples": measured.examples,
        "metrics": as_json(&measured.figures),
        "baselines": baseline_json(measured),
    })
}
