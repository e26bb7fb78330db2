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

/// The figures that people compare: a name, a number, and whether more is better.
pub(crate) fn headline(figures: &Figures) -> Vec<(&'static str, f64, bool)> {
    match figures {
        Figures::Classification(f) => vec![("accuracy", f.accuracy, true), ("macro F1", f.macro_f1, true)],
        Figures::Regression(f) => {
            let mut all = vec![("MAE", f.mae, false), ("RMSE", f.rmse, false)];
            all.extend(f.r2.map(|r2| ("R²", r2, true)));
            all
        }
        Figures::Tagging(f) => {
            let mut all = vec![
                ("token accuracy", f.tokens.accuracy, true),
                ("macro F1", f.tokens.macro_f1, true),
                ("whole sentences", f.sentence_accuracy, true),
            ];
            all.extend(f.spans.as_ref().map(|spans| ("span F1", spans.all.f1, true)));
            all
        }
        Figures::Language(f) => vec![
            ("nats", f.nats, false),
            ("perplexity", f.perplexity, false),
            ("bits per character", f.bits_per_character, false),
        ],
    }
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
    let (ours, theirs) = (headline(&measured.figures), headline(&measured.baseline));
    let title = format!("{}, {} examples", part_name(&measured.part), count(measured.examples));
    let mut text = left(&title, 36);
    for (name, ..) in &ours {
        text += &right(name, name.chars().count().max(8) + 2);
    }
    text = format!("{}\n", style.dim(&text));
    for (row, name) in [(&ours, "model"), (&theirs, measured.baseline_name.as_str())] {
        text += &left(&crate::terminal::shortened(name, 34), 36);
        for ((column, ..), (_, value, _)) in ours.iter().zip(row) {
            text += &right(&shown(*value), column.chars().count().max(8) + 2);
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
    let (ours, theirs) = (headline(&measured.figures), headline(&measured.baseline));
    let (Some((name, model, more)), Some((_, baseline, _))) = (ours.first(), theirs.first()) else {
        return String::new();
    };
    let better = if *more { model > baseline } else { model < baseline };
    let sentence = format!("{name} {} against {} of the baseline", shown(*model), shown(*baseline));
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
