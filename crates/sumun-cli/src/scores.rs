//! Scores of a model beside the baselines', for people and for programs.

use serde_json::{Map, Value, json};
use sumun::forecast::{Evaluation, ForecastScores, PanelEvaluation, PanelScores, Scores};
use sumun::report::percent;

use crate::language::said;
use crate::output::json_number;
use crate::terminal::{Style, count, left, number, right, shortened, width};

/// The widest that a name in a heading may be, in terminal columns: with the scores it fits 80.
const PART_COLUMNS: usize = 24;

/// The scores as the JSON contract names them; what is undefined is `null`.
pub(crate) fn as_json(scores: &Scores) -> Value {
    json!({
        "mae": json_number(scores.mae),
        "rmse": json_number(scores.rmse),
        "smape": json_number(scores.smape),
        "mase": scores.mase.map_or(Value::Null, json_number),
        "loss": json_number(scores.loss),
    })
}

/// The baselines' scores by their keys.
pub(crate) fn baselines_json(evaluation: &Evaluation) -> Map<String, Value> {
    evaluation.baselines.iter().map(|b| (b.key.clone(), as_json(&b.overall))).collect()
}

/// A table of the model and the baselines, one block a target; the best of each column is marked.
pub(crate) fn table(part: &str, evaluation: &Evaluation, targets: &[String], style: Style) -> String {
    let mut all: Vec<&ForecastScores> = vec![&evaluation.model];
    all.extend(&evaluation.baselines);
    let mut text = String::new();
    let origins = match evaluation.origins.len() {
        1 => "1 origin".to_owned(),
        n => format!("{} origins", count(n)),
    };
    for (i, target) in targets.iter().enumerate() {
        let title = if targets.len() == 1 {
            format!("{}, {}", shortened(&said(part), PART_COLUMNS), said(&origins))
        } else {
            format!("{} ({})", shortened(target, PART_COLUMNS), shortened(&said(part), PART_COLUMNS - 8))
        };
        if i > 0 {
            text.push('\n');
        }
        let rows: Vec<(&str, Scores)> =
            all.iter().filter_map(|s| Some((s.name.as_str(), *s.targets.get(i)?))).collect();
        text += &block(&title, &rows, style);
    }
    if targets.len() > 1 {
        text += &format!(
            "\n{}\n",
            style.dim(&said(&format!("{origins}; MASE below 1 beats the training error of seasonal naive")))
        );
    }
    if evaluation.imputed > 0 {
        text += &format!("{}\n", style.dim(&imputed_line(evaluation.imputed)));
    }
    text
}

fn imputed_line(imputed: usize) -> String {
    let values = if imputed == 1 { "value was" } else { "values were" };
    let line = format!("{} target {values} missing and filled in; no figure counts them", count(imputed));
    said(&line).into_owned()
}

fn block(title: &str, rows: &[(&str, Scores)], style: Style) -> String {
    let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
    let column = |heading, unit, of: fn(&Scores) -> f64| Column {
        heading,
        unit,
        values: rows.iter().map(|(_, scores)| of(scores)).collect(),
    };
    let columns = [
        column("MAE", "", |s| s.mae),
        column("RMSE", "", |s| s.rmse),
        column("sMAPE", " %", |s| s.smape),
        column("MASE", "", |s| s.mase.unwrap_or(f64::NAN)),
    ];
    columns_of(title, &names, &columns, style)
}

/// A column of a table of scores.
struct Column {
    heading: &'static str,
    unit: &'static str,
    /// One a row.
    values: Vec<f64>,
}

/// A table with the names of its rows on the left; the least of each column is marked.
fn columns_of(title: &str, rows: &[&str], columns: &[Column], style: Style) -> String {
    let rows: Vec<_> = rows.iter().map(|name| said(name)).collect();
    let first = rows.iter().map(|name| 2 + width(name)).chain([width(title)]).max().unwrap_or(0);
    let mut lines = vec![style.bold(&left(title, first))];
    lines.extend(rows.iter().map(|name| left(&format!("  {name}"), first)));
    for Column { heading, unit, values } in columns {
        let best = values.iter().copied().filter(|v| v.is_finite()).fold(f64::NAN, f64::min);
        let cells: Vec<String> = values
            .iter()
            .map(|&v| if v.is_finite() { format!("{}{unit}", number(v)) } else { number(v) })
            .collect();
        let columns = cells.iter().map(|cell| width(cell)).chain([heading.len()]).max().unwrap_or(0).max(7);
        lines[0] += &format!("  {}", style.bold(&right(heading, columns)));
        for ((line, cell), &v) in lines[1..].iter_mut().zip(&cells).zip(values) {
            let cell = right(cell, columns);
            *line += &format!("  {}", if v == best { style.green(&cell) } else { cell });
        }
    }
    lines.join("\n") + "\n"
}

/// One sentence: how the model compares with the best baseline. `None` if there is nothing to compare.
///
/// Both are compared on this part, so that the baseline is the hardest to beat there.
pub(crate) fn verdict(evaluation: &Evaluation) -> Option<Verdict> {
    let named = |scores: &ForecastScores| (scores.name.clone(), scores.error());
    let best = evaluation.best_baseline().map(named)?;
    let names: Vec<&str> = evaluation.baselines.iter().map(|one| one.name.as_str()).collect();
    judged(&named(&evaluation.model), &best, &names)
}

/// As [`verdict`], from the names and errors of the model and of the best baseline, and the names of all baselines.
fn judged(model: &(String, f64), best: &(String, f64), baselines: &[&str]) -> Option<Verdict> {
    let ((model_name, model), (best, error)) = (model, best);
    if !model.is_finite() {
        return None;
    }
    let name = match baselines.len() {
        1 => best.clone(),
        count => format!("{best}, the best of {count} baselines"),
    };
    let share = 100.0 * (1.0 - model / error);
    let percent = share.abs().round();
    let (better, sentence) = match () {
        () if *error == 0.0 => {
            (false, format!("{best} makes no error at all; there is nothing left to learn"))
        }
        () if percent < 1.0 => (false, format!("the same error as {name}")),
        () if share > 0.0 => (true, format!("{percent:.0} % smaller error than {name}")),
        () => (false, format!("{percent:.0} % larger error than {name}")),
    };
    let is_baseline = baselines.contains(&model_name.as_str());
    Some(Verdict { sentence, better, is_baseline })
}

/// As [`verdict`], of a model of many series.
pub(crate) fn panel_verdict(evaluation: &PanelEvaluation) -> Option<Verdict> {
    let named = |scores: &PanelScores| (scores.name.clone(), scores.error());
    let best = evaluation.best_baseline().map(named)?;
    let names: Vec<&str> = evaluation.baselines.iter().map(|one| one.name.as_str()).collect();
    judged(&named(&evaluation.model), &best, &names)
}

/// The scores of many series as the JSON contract names them; what is undefined is `null`.
pub(crate) fn panel_json(scores: &PanelScores) -> Value {
    let maybe = |value: Option<f64>| value.map_or(Value::Null, json_number);
    json!({
        "mae": json_number(scores.overall.mae),
        "rmse": json_number(scores.overall.rmse),
        "smape": json_number(scores.overall.smape),
        "mase": maybe(scores.overall.mase),
        "rmsse": maybe(scores.rmsse),
        "owa": maybe(scores.owa),
    })
}

/// The same of the model, with what its intervals held.
pub(crate) fn panel_model_json(evaluation: &PanelEvaluation) -> Value {
    let mut object = panel_json(&evaluation.model);
    if let Some(pinball) = evaluation.pinball {
        object["pinball"] = json_number(pinball);
    }
    if let Some(crps) = evaluation.crps {
        object["crps"] = json_number(crps);
    }
    if !evaluation.intervals.is_empty() {
        object["intervals"] = evaluation
            .intervals
            .iter()
            .map(|interval| {
                json!({
                    "level": interval.level,
                    "coverage": json_number(interval.coverage),
                    "width": interval.width.map_or(Value::Null, json_number),
                })
            })
            .collect();
    }
    object
}

/// The baselines' scores by their keys.
pub(crate) fn panel_baselines_json(evaluation: &PanelEvaluation) -> Map<String, Value> {
    evaluation.baselines.iter().map(|one| (one.key.clone(), panel_json(one))).collect()
}

/// How many of the series that are forecast worst are named.
const WORST: usize = 3;

/// A table of the model and the baselines over many series, with what the intervals held; the best of each column is marked.
pub(crate) fn panel_table(
    part: &str,
    evaluation: &PanelEvaluation,
    names: &[String],
    style: Style,
) -> String {
    let all: Vec<&PanelScores> = std::iter::once(&evaluation.model).chain(&evaluation.baselines).collect();
    let series = match evaluation.series {
        1 => "1 series".to_owned(),
        several => format!("{} series", count(several)),
    };
    let title = format!("{}, {}", shortened(&said(part), PART_COLUMNS), said(&series));
    let rows: Vec<&str> = all.iter().map(|scores| scores.name.as_str()).collect();
    let column = |heading, unit, of: &dyn Fn(&PanelScores) -> f64| Column {
        heading,
        unit,
        values: all.iter().map(|scores| of(scores)).collect(),
    };
    let mut columns = vec![
        column("MASE", "", &|s| s.overall.mase.unwrap_or(f64::NAN)),
        column("sMAPE", " %", &|s| s.overall.smape),
        column("OWA", "", &|s| s.owa.unwrap_or(f64::NAN)),
        column("MAE", "", &|s| s.overall.mae),
    ];
    columns.retain(|column| column.values.iter().any(|value| value.is_finite()));
    let mut text = columns_of(&title, &rows, &columns, style);
    for interval in &evaluation.intervals {
        let width = interval
            .width
            .map_or_else(String::new, |width| format!(", {} wide in units of the MASE", number(width)));
        let (level, coverage) = (percent(interval.level), percent(interval.coverage));
        text +=
            &format!("{}\n", said(&format!("the {level} % interval held {coverage} % of the values{width}")));
    }
    if let Some(crps) = evaluation.crps {
        let line =
            format!("the continuous ranked probability score is {} in units of the MASE", number(crps));
        text += &format!("{}\n", said(&line));
    }
    let worst = evaluation.worst(WORST);
    if names.len() > 2 * WORST && !worst.is_empty() {
        let named = worst.iter().map(|(k, mase)| format!("{} {}", names[*k], number(*mase)));
        let line = format!("worst MASE: {}", named.collect::<Vec<_>>().join(", "));
        text += &format!("{}\n", style.dim(&said(&line)));
    }
    if evaluation.imputed > 0 {
        text += &format!("{}\n", style.dim(&imputed_line(evaluation.imputed)));
    }
    text
}

/// How a model compares with the best baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) sentence: String,
    pub(crate) better: bool,
    /// Whether the model is one of the baselines, as for a series that is too short for a network.
    is_baseline: bool,
}

impl Verdict {
    /// The sentence, with advice where the model is no better.
    pub(crate) fn written(&self, style: Style) -> String {
        if self.better {
            return style.green(&style.bold(&said(&self.sentence)));
        }
        let advice = match self.is_baseline {
            true => "the model is a baseline itself; a longer series has room for a network",
            false => "the baseline is as good or better here; more data or more --epochs may help",
        };
        format!("{}\n{}", style.bold(&said(&self.sentence)), style.dim(&said(advice)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(key: &str, name: &str, mae: &[f64]) -> ForecastScores {
        let of = |mae: f64| Scores { mae, rmse: 1.5 * mae, smape: 10.0, mase: Some(mae / 100.0), loss: 0.1 };
        let mean = mae.iter().sum::<f64>() / mae.len() as f64;
        ForecastScores {
            key: key.into(),
            name: name.into(),
            overall: of(mean),
            targets: mae.iter().copied().map(of).collect(),
            mae_by_step: vec![mae.iter().copied().map(Some).collect()],
        }
    }

    fn evaluation(model: &[f64], naive: &[f64], seasonal: &[f64]) -> Evaluation {
        Evaluation {
            origins: 10..707,
            imputed: 0,
            model: scores("model", "LSTM", model),
            baselines: vec![
                scores("naive", "naive", naive),
                scores("seasonal_naive", "계절 naive (24)", seasonal),
            ],
            forecasts: Default::default(),
        }
    }

    #[test]
    fn verdicts_are_honest() {
        for (model, naive, seasonal, expected) in [
            (
                &[52.0][..],
                &[300.0][..],
                &[100.0][..],
                "48 % smaller error than 계절 naive (24), the best of 2 baselines",
            ),
            (&[150.0], &[100.0], &[300.0], "50 % larger error than naive, the best of 2 baselines"),
            (&[100.2], &[100.0], &[300.0], "the same error as naive, the best of 2 baselines"),
            (&[1.0], &[0.0], &[300.0], "naive makes no error at all; there is nothing left to learn"),
            (&[1.0], &[f64::NAN], &[2.0], "50 % smaller error than 계절 naive (24), the best of 2 baselines"),
            (
                &[40.0, 60.0],
                &[100.0, 100.0],
                &[300.0, 300.0],
                "50 % smaller error than naive, the best of 2 baselines",
            ),
        ] {
            assert_eq!(verdict(&evaluation(model, naive, seasonal)).unwrap().sentence, expected);
        }
        assert_eq!(verdict(&evaluation(&[f64::NAN], &[1.0], &[1.0])), None);
        let said = |evaluation: &Evaluation| verdict(evaluation).unwrap().written(Style::PLAIN);
        let mut itself = evaluation(&[100.0], &[100.0], &[200.0]);
        assert!(said(&itself).contains("more --epochs may help"));
        itself.model.name = "naive".into();
        assert!(said(&itself).contains("the model is a baseline itself"));
    }

    #[test]
    fn tables_line_up() {
        let text =
            table("test part", &evaluation(&[131.87], &[1200.0], &[251.2]), &["수요".into()], Style::PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines.iter().all(|line| width(line) == width(lines[0])), "{text}");
        assert!(width(lines[0]) <= 80, "{text}");
        assert!(lines[0].starts_with("test part, 697 origins"), "{text}");
        assert!(lines[1].contains("131.9") && lines[1].contains("10.00 %"), "{text}");
    }

    #[test]
    fn what_is_undefined_is_null() {
        let json = as_json(&Scores { mae: f64::NAN, rmse: f64::INFINITY, smape: 0.5, mase: None, loss: 1.0 });
        assert_eq!(json.to_string(), r#"{"loss":1.0,"mae":null,"mase":null,"rmse":null,"smape":0.5}"#);
    }
}
