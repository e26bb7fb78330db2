//! Figures of a task's model beside its baseline's, for people and for programs.

use serde_json::{Map, Value, json};
use sumun::tasks::{Figures, FoldFigure, Folds, Measured, Spread, Unknown};

use crate::language::said;
use crate::output::json_number;
use crate::terminal::{Style, count, file_name, left, number, right, shortened, width};

/// The widest that a file's name may be in a heading, in terminal columns.
const PART_COLUMNS: usize = 24;
/// How wide the names before the figures are, or as wide as the heading.
const NAME_COLUMNS: usize = 36;

/// The figures as an object.
pub(crate) fn as_json(figures: &Figures) -> Value {
    serde_json::to_value(figures).unwrap_or_default()
}

/// The names of the classes or tags, which figures have by their ids; nothing where there are none.
pub(crate) fn classes_json(measured: &Measured) -> Value {
    match measured.classes.is_empty() {
        true => Value::Null,
        false => json!(measured.classes),
    }
}

/// The baselines' figures under their names.
pub(crate) fn baseline_json(measured: &Measured) -> Value {
    let first = (measured.baseline_name.clone(), as_json(&measured.baseline));
    let others = measured.other_baselines.iter().map(|other| (other.name.clone(), as_json(&other.figures)));
    Value::Object(Map::from_iter(std::iter::once(first).chain(others)))
}

fn part_name(part: &str) -> &str {
    match part {
        "test" => "test part",
        "valid" => "validation part",
        file => file_name(file),
    }
}

/// A table of the model and the baseline.
pub(crate) fn table(measured: &Measured, style: Style) -> String {
    let (ours, theirs) = (measured.figures.headline(), measured.baseline.headline());
    let part = shortened(part_name(&measured.part), PART_COLUMNS);
    let title = format!("{}, {}", said(&part), said(&measured.amount()));
    let first = width(&title).max(NAME_COLUMNS);
    let mut text = left(&title, first);
    let columns: Vec<_> = ours.iter().map(|figure| said(figure.name)).collect();
    let wide = |at: usize| width(&columns[at]).max(8) + 2;
    for (at, column) in columns.iter().enumerate() {
        text += &right(column, wide(at));
    }
    text = format!("{}\n", style.dim(&text));
    let mut rows = vec![(ours.clone(), "model"), (theirs, measured.baseline_name.as_str())];
    rows.extend(measured.other_baselines.iter().map(|other| (other.figures.headline(), other.name.as_str())));
    for (row, name) in rows {
        text += &left(&shortened(&said(name), NAME_COLUMNS), first);
        for (at, column) in ours.iter().enumerate() {
            let value = row.iter().find(|figure| figure.key == column.key).map(|figure| shown(figure.value));
            let value = value.unwrap_or_else(|| "-".into());
            text += &right(&value, wide(at));
        }
        text.push('\n');
    }
    text
}

/// What folds of the training file came to: each, and mean and spread.
pub(crate) fn folds_table(folds: &Folds, style: Style) -> String {
    let columns: Vec<_> = folds.figures.iter().map(|figure| said(figure.name)).collect();
    let baseline = said("best baseline");
    let wide = |text: &str| width(text).max(8) + 2;
    let mut text = left(&said("folds"), NAME_COLUMNS);
    for column in &columns {
        text += &format!("{}{}", right(column, wide(column)), right(&baseline, wide(&baseline)));
    }
    text = format!("{}\n", style.dim(&text));
    let mut row = |name: &str, of: &dyn Fn(&FoldFigure) -> [f64; 2]| {
        text += &left(name, NAME_COLUMNS);
        for (figure, column) in folds.figures.iter().zip(&columns) {
            let [model, theirs] = of(figure).map(shown);
            text += &format!("{}{}", right(&model, wide(column)), right(&theirs, wide(&baseline)));
        }
        text.push('\n');
    };
    for (at, &examples) in folds.examples.iter().enumerate() {
        let examples =
            if examples == 1 { "1 example".into() } else { format!("{} examples", count(examples)) };
        let fold = format!("fold {} of {}", at + 1, folds.examples.len());
        row(&format!("{}, {}", said(&fold), said(&examples)), &|figure| {
            [figure.model[at], figure.baseline[at]]
        });
    }
    row(&said("mean of the folds"), &|figure| [figure.of_model().mean, figure.of_baseline().mean]);
    row(&said("standard deviation"), &|figure| [figure.of_model().deviation, figure.of_baseline().deviation]);
    text
}

/// The same for programs.
pub(crate) fn folds_json(folds: &Folds) -> Value {
    let of = |values: &[f64], Spread { mean, deviation }: Spread| {
        json!({
            "folds": values.iter().map(|&value| json_number(value)).collect::<Vec<_>>(),
            "mean": json_number(mean),
            "deviation": json_number(deviation),
        })
    };
    let figures = folds.figures.iter().map(|figure| {
        let model = of(&figure.model, figure.of_model());
        (
            figure.key.to_owned(),
            json!({ "model": model, "baseline": of(&figure.baseline, figure.of_baseline()) }),
        )
    });
    json!({ "examples": folds.examples, "metrics": figures.collect::<Map<_, _>>() })
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
    let gain = (model.value - baseline.value) * if model.more_is_better { 1.0 } else { -1.0 };
    let best = if measured.other_baselines.is_empty() { "" } else { "best " };
    let (ours, theirs) = (shown(model.value), shown(baseline.value));
    let sentence = format!("{} {ours} against {theirs} of the {best}baseline", model.name);
    let sentence = said(&sentence);
    if gain > 0.0 {
        return style.green(&style.bold(&sentence));
    }
    let how = if gain == 0.0 { "as good" } else { "better" };
    let advice = format!("the baseline is {how}: more --epochs, another --lr or more data may help");
    format!("{}\n{}", style.bold(&sentence), style.dim(&said(&advice)))
}

/// What to say where the vocabulary lacks tokens of a file; None where it lacks none.
pub(crate) fn unknown_note(unknown: Option<Unknown>) -> Option<String> {
    let unknown = unknown.filter(|unknown| unknown.count > 0)?;
    let read = if unknown.have_parts { "are read by their known parts" } else { "count as <UNK>" };
    Some(format!(
        "{} of {} tokens are not in the vocabulary and {read}",
        count(unknown.count),
        count(unknown.of)
    ))
}

/// The figures of a file, as `evaluate --json` prints them.
pub(crate) fn evaluation_json(measured: &Measured, task: &str, run: &str) -> Value {
    json!({
        "task": task,
        "run": run,
        "file": measured.part,
        "examples": measured.examples,
        "classes": classes_json(measured),
        "unknown_tokens": measured.unknown,
        "metrics": as_json(&measured.figures),
        "baselines": baseline_json(measured),
        "notes": measured.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sumun::scores::Regression;

    fn measured(part: &str, model: f64, baseline: f64) -> Measured {
        let figures =
            |error: f64| Regression::of(&[0.0, 1.0], &[error, 1.0 + error]).map(Figures::Regression).unwrap();
        Measured {
            part: part.into(),
            examples: 2,
            classes: Vec::new(),
            unknown: None,
            figures: figures(model),
            baseline: figures(baseline),
            baseline_name: "always the mean, 0.5000".into(),
            other_baselines: Vec::new(),
            predictions: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_tells_worse_from_as_good() {
        for (model, baseline, expected) in [
            (0.5, 1.0, "MAE 0.5000 against 1.0000 of the baseline"),
            (1.0, 1.0, "the baseline is as good: "),
            (1.0, 0.5, "the baseline is better: "),
        ] {
            let said = verdict(&measured("test", model, baseline), Style::PLAIN);
            assert!(said.lines().last().unwrap().starts_with(expected), "{said}");
        }
    }

    #[test]
    fn tables_line_up_under_any_name() {
        for part in ["test", "a/folder/영화_한줄평_모음_2026년_시험용_자료.csv"] {
            let table = table(&measured(part, 0.5, 1.0), Style::PLAIN);
            let widths: Vec<usize> = table.lines().map(width).collect();
            assert!(widths.iter().all(|&w| w == widths[0]), "{table}");
        }
    }
}
