//! The page of a backtest: figures over all origins, errors by origin, and forecasts over what came.

use std::fmt::Write;

use super::backtest::{Backtest, Backtested};
use crate::report::curves::titled;
use crate::report::figures::{Room, figure};
use crate::report::frame::{self, Card, Frame, section};
use crate::report::svg::{Chart, Line, Scale, XAxis};
use crate::report::text::{count, counted, escape, number};
use crate::tasks::protocol::About;

/// Colours of the model and of baselines in turn.
const COLOURS: [&str; 5] = ["c-model", "c-base0", "c-base1", "c-base2", "c-base3"];
/// The most steps before the first origin that are drawn, in horizons.
const BEFORE: usize = 4;

/// The page, which needs nothing else. `data` is the file's name.
pub fn backtest_report(backtest: &Backtest, data: &str, about: &About) -> String {
    let mut body = String::new();
    let shown = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
    let model = &backtest.overall[0];
    let best = backtest.best_baseline();
    let mut cards = Vec::new();
    for (name, value) in model.figures.iter().take(3) {
        let beside = best
            .map_or_else(String::new, |best| format!("{} {}", escape(&best.name), shown(best.figure(name))));
        let better = best.and_then(|best| Some(best.figure(name)? > (*value)?));
        cards.push(Card {
            name: titled(name),
            figure: shown(*value),
            beside,
            class: match better {
                Some(true) => "good",
                Some(false) => "bad",
                None => "",
            },
        });
    }
    cards.push(Card {
        name: "Origins".into(),
        figure: count(backtest.origins.len()),
        beside: format!(
            "{} ahead, {}",
            counted(backtest.horizon, "step"),
            counted(backtest.trainings(), "training")
        ),
        class: "",
    });
    frame::cards(&cards, &mut body);
    frame::notes(&about.notes, &mut body);
    frame::notes(&backtest.notes, &mut body);
    let pictures = format!("{}{}", forecasts(backtest), errors(backtest));
    section("pictures", "Forecasts from each origin", &pictures, &mut body);
    section("figures", "Figures over all origins", &overall(backtest), &mut body);
    section("origins", "By origin", &by_origin(backtest), &mut body);
    let mut how = String::from("<div class=\"panel\"><p>");
    let _ = write!(
        how,
        "Each model has learnt from rows up to its origin alone: the file was cut there before it was read, scaled and split, and \
         its last rows chose the best epoch. Figures over all origins are means weighted by the values that were compared.</p>"
    );
    if !about.command.is_empty() {
        let _ = write!(how, "<p>Run it again:</p><pre><code>{}</code></pre>", escape(&about.command));
    }
    how.push_str("</div>\n");
    section("how", "How it was measured", &how, &mut body);
    let frame = Frame {
        title: &format!("Backtest of {}", backtest.targets.join(", ")),
        kind: "Backtest",
        subtitle: data,
        created: &about.created,
        version: env!("CARGO_PKG_VERSION"),
    };
    frame.page(&body)
}

/// The forecasts of the first target over what came, of one series.
fn forecasts(backtest: &Backtest) -> String {
    let Some(first) = backtest.origins.first().filter(|_| !backtest.actual.is_empty()) else {
        return String::new();
    };
    let from = first.step.saturating_sub(BEFORE * backtest.horizon);
    let actual =
        backtest.actual.iter().enumerate().skip(from).map(|(step, value)| ((step - from) as f64, *value));
    let mut lines =
        vec![Line { name: "actual".into(), class: "c-actual".into(), points: actual.collect(), dots: false }];
    for origin in &backtest.origins {
        let Backtested::Series(evaluation) = &origin.measured else { continue };
        let values = evaluation.forecasts.iter().step_by(backtest.targets.len().max(1));
        let at = |ahead: usize| (origin.step + 1 + ahead - from) as f64;
        lines.push(Line {
            name: "forecast".into(),
            class: "c-model".into(),
            points: values.enumerate().map(|(ahead, value)| (at(ahead), *value)).collect(),
            dots: backtest.horizon <= 3,
        });
    }
    let chart = Chart {
        name: "Forecasts from each origin over what came".into(),
        description: format!("The values of {} and the forecasts from each origin.", backtest.targets[0]),
        x: XAxis { labels: backtest.labels[from..].to_vec(), ..XAxis::default() },
        y_title: backtest.targets[0].clone(),
        lines,
        ..Chart::default()
    };
    let remark = match backtest.targets.len() {
        1 => String::new(),
        _ => format!("Of {}, the first column.", backtest.targets[0]),
    };
    figure("Forecasts and what came", &remark, &chart, Room::Full)
}

/// The first figure of the model and the best baselines at each origin.
fn errors(backtest: &Backtest) -> String {
    let Some((key, _)) = backtest.overall[0].figures.iter().find(|(_, value)| value.is_some()) else {
        return String::new();
    };
    let mut ranked: Vec<_> = backtest.overall.iter().skip(1).collect();
    ranked.sort_by(|a, b| {
        let of = |one: &&super::backtest::BacktestScores| one.figure(key).unwrap_or(f64::INFINITY);
        of(a).total_cmp(&of(b))
    });
    let shown = std::iter::once(&backtest.overall[0]).chain(ranked.into_iter().take(COLOURS.len() - 1));
    let line = |(one, class): (&super::backtest::BacktestScores, &str)| Line {
        name: one.name.clone(),
        class: class.into(),
        points: backtest
            .origins
            .iter()
            .enumerate()
            .map(|(at, origin)| {
                let scores = origin.scores();
                let found = scores.iter().find(|other| other.key == one.key);
                (at as f64, found.and_then(|found| found.figure(key)).unwrap_or(f64::NAN))
            })
            .collect(),
        dots: true,
    };
    let chart = Chart {
        name: format!("{} by origin", titled(key)),
        description: format!("The {} of the model and the best baselines from each origin.", titled(key)),
        x: XAxis {
            labels: backtest.origins.iter().map(|origin| origin.label.clone()).collect(),
            ..XAxis::default()
        },
        y_title: titled(key),
        y_scale: Scale::FromZero,
        lines: shown.zip(COLOURS).map(line).collect(),
        ..Chart::default()
    };
    figure("Error by origin", "", &chart, Room::Low)
}

fn shown(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), number)
}

fn overall(backtest: &Backtest) -> String {
    let mut out = String::from("<div class=\"panel scroll\"><table class=\"numbers\"><thead><tr><th></th>");
    for (name, _) in &backtest.overall[0].figures {
        let _ = write!(out, "<th>{}</th>", escape(&titled(name)));
    }
    out.push_str("</tr></thead><tbody>");
    for one in &backtest.overall {
        let _ = write!(out, "<tr><th>{}</th>", escape(&one.name));
        for (name, value) in &one.figures {
            let all = backtest.overall.iter().filter_map(|other| other.figure(name));
            let best = all.fold(f64::INFINITY, f64::min);
            let class = if *value == Some(best) { " class=\"best\"" } else { "" };
            let _ = write!(out, "<td{class}><b>{}</b></td>", shown(*value));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

fn by_origin(backtest: &Backtest) -> String {
    let mut out = String::from(
        "<div class=\"panel scroll\"><table class=\"numbers\"><thead><tr><th>origin</th><th>model</th>",
    );
    let best = backtest.best_baseline();
    for (name, _) in &backtest.overall[0].figures {
        let _ = write!(out, "<th>{}</th>", escape(&titled(name)));
    }
    if let Some(best) = best {
        let _ = write!(out, "<th>{}: {}</th>", escape(&best.name), escape(&titled(best.figures[0].0)));
    }
    out.push_str("</tr></thead><tbody>");
    for origin in &backtest.origins {
        let scores = origin.scores();
        let model = if origin.trained { "trained here" } else { "trained before" };
        let _ = write!(out, "<tr><th>{}</th><td>{model}</td>", escape(&origin.label));
        for (_, value) in &scores[0].figures {
            let _ = write!(out, "<td>{}</td>", shown(*value));
        }
        if let Some(best) = best {
            let found = scores.iter().find(|one| one.key == best.key);
            let _ = write!(out, "<td>{}</td>", shown(found.and_then(|one| one.figures[0].1)));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}
