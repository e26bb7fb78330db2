//! Scores of a model beside the baselines', for people and for programs.

use serde_json::{Map, Value, json};
use sumun::forecast::{Evaluation, ForecastScores, Scores};

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
            format!("{}, {origins}", shortened(part, PART_COLUMNS))
        } else {
            format!("{} ({})", shortened(target, PART_COLUMNS), shortened(part, PART_COLUMNS - 8))
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
            style.dim(&format!("{origins}; MASE below 1 beats the training error of seasonal naive"))
        );
    }
    if evaluation.imputed > 0 {
        let values = if evaluation.imputed == 1 { "value was" } else { "values were" };
        let line = format!(
            "{} target {values} missing and filled in; no figure counts them",
            count(evaluation.imputed)
        );
        text += &format!("{}\n", style.dim(&line));
    }
    text
}

fn block(title: &str, rows: &[(&str, Scores)], style: Style) -> String {
    let undefined = f64::NAN;
    type Column = (&'static str, fn(&Scores) -> f64, &'static str);
    let columns: [Column; 4] = [
        ("MAE", |s| s.mae, ""),
        ("RMSE", |s| s.rmse, ""),
        ("sMAPE", |s| s.smape, " %"),
        ("MASE", |s| s.mase.unwrap_or(f64::NAN), ""),
    ];
    let first = rows.iter().map(|(name, _)| 2 + width(name)).chain([width(title)]).max().unwrap_or(0);
    let mut lines = vec![style.bold(&left(title, first))];
    lines.extend(rows.iter().map(|(name, _)| left(&format!("  {name}"), first)));
    for (heading, value, unit) in columns {
        let values: Vec<f64> = rows.iter().map(|(_, scores)| value(scores)).collect();
        let best = values.iter().copied().filter(|v| v.is_finite()).fold(undefined, f64::min);
        let cells: Vec<String> = values
            .iter()
            .map(|&v| if v.is_finite() { format!("{}{unit}", number(v)) } else { number(v) })
            .collect();
        let columns = cells.iter().map(|cell| width(cell)).chain([heading.len()]).max().unwrap_or(0).max(7);
        lines[0] += &format!("  {}", style.bold(&right(heading, columns)));
        for ((line, cell), v) in lines[1..].iter_mut().zip(&cells).zip(values) {
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
    let best = evaluation.best_baseline()?;
    let (model, error) = (evaluation.model.error(), best.error());
    if !model.is_finite() {
        return None;
    }
    let name = match evaluation.baselines.len() {
        1 => best.name.clone(),
        count => format!("{}, the best of {count} baselines", best.name),
    };
    let share = 100.0 * (1.0 - model / error);
    let percent = share.abs().round();
    let (better, sentence) = match () {
        () if error == 0.0 => {
            (false, format!("{} makes no error at all; there is nothing left to learn", best.name))
        }
        () if percent < 1.0 => (false, format!("the same error as {name}")),
        () if share > 0.0 => (true, format!("{percent:.0} % smaller error than {name}")),
        () => (false, format!("{percent:.0} % larger error than {name}")),
    };
    let is_baseline = evaluation.baselines.iter().any(|one| one.name == evaluation.model.name);
    Some(Verdict { sentence, better, is_baseline })
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
            return style.green(&style.bold(&self.sentence));
        }
        let advice = match self.is_baseline {
            true => "the model is a baseline itself; a longer series has room for a network",
            false => "the baseline is as good or better here; more data or more --epochs may help",
        };
        format!("{}\n{}", style.bold(&self.sentence), style.dim(advice))
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
