//! The page around the charts: headline, cards, tables, and how the run was made.

use std::fmt::Write;

use super::figures;
use super::shown::{Errors, ForecastReport, ScoredForecaster, TargetReport};
use crate::report::curves::Curves;
use crate::report::figures::{Room, figure};
use crate::report::frame::{self, Again, Card, Frame, fact, section};
use crate::report::text::{self, UNDEFINED, count, counted, duration, escape, fixed, number};

/// Writes the report as one HTML page.
pub fn forecast_report(report: &ForecastReport) -> String {
    let mut body = String::with_capacity(256 * 1024);
    cards(report, &mut body);
    frame::notes(&report.notes, &mut body);
    section("forecast", "Forecast", &forecasts(report), &mut body);
    section("errors", "Errors", &errors(report), &mut body);
    section("training", "Training", &curves(report).section(), &mut body);
    section("examples", "Examples", &examples(report), &mut body);
    section("made", "How it was made", &made(report), &mut body);
    let frame = Frame {
        title: &report.title,
        kind: "Training report",
        subtitle: &report.subtitle,
        created: &report.created,
        version: &report.version,
    };
    frame.page(&body)
}

fn curves(report: &ForecastReport) -> Curves<'_> {
    Curves {
        epochs: &report.epochs,
        best_epoch: report.best_epoch,
        stopped_early: report.stopped_early,
        loss_name: &report.loss_name,
    }
}

/// The best baseline with its error relative to which the model's is judged: `(name, model / baseline)`.
struct Verdict {
    baseline: String,
    ratio: f64,
    /// How many baselines there are.
    among: usize,
}

/// Judges by MASE, averaged over the targets, or by MAE where MASE is undefined and there is one target.
fn verdict(targets: &[TargetReport]) -> Option<Verdict> {
    let mean = |of: &dyn Fn(&TargetReport) -> Option<f64>| -> Option<f64> {
        let values: Option<Vec<f64>> = targets.iter().map(of).collect();
        values.filter(|v| !v.is_empty()).map(|v| v.iter().sum::<f64>() / v.len() as f64)
    };
    let finite = |x: f64| Some(x).filter(|x| x.is_finite());
    let mut measures: Vec<fn(&Errors) -> f64> = vec![|e| e.mase];
    if targets.len() == 1 {
        measures.push(|e| e.mae);
    }
    let first = targets.first()?;
    measures.into_iter().find_map(|measure| {
        let model = mean(&|t| finite(measure(&t.model.test)))?;
        let baselines = first.baselines.iter().filter_map(|b| {
            let of = |t: &TargetReport| {
                t.baselines.iter().find(|o| o.name == b.name).and_then(|b| finite(measure(&b.test)))
            };
            Some((b.name.clone(), mean(&of)?))
        });
        let (baseline, error) = baselines.min_by(|a, b| a.1.total_cmp(&b.1))?;
        let among = first.baselines.len();
        (error > 0.0).then(|| Verdict { baseline, ratio: model / error, among })
    })
}

impl Verdict {
    fn class(&self) -> &'static str {
        match self.ratio {
            r if r < 0.995 => "good",
            r if r > 1.005 => "bad",
            _ => "even",
        }
    }

    fn figure(&self) -> String {
        let change = (self.ratio - 1.0) * 100.0;
        format!("{}{} %", if change > 0.0 { "+" } else { "" }, percent(change))
    }

    fn words(&self) -> String {
        let among = match self.among {
            1 => String::new(),
            among => format!(", the best of {among} baselines"),
        };
        let change = percent((self.ratio - 1.0).abs() * 100.0);
        match self.class() {
            "good" => format!("<b>{change} % smaller error</b> than {}{among}", escape(&self.baseline)),
            "bad" => format!(
                "<b>{change} % larger error</b> than {name}{among}: on these data {name} is the better forecast",
                name = escape(&self.baseline)
            ),
            _ => format!("<b>The same error</b> as {}{among}", escape(&self.baseline)),
        }
    }
}

fn percent(x: f64) -> String {
    fixed(x, if x.abs() < 9.95 { 1 } else { 0 })
}

fn cards(report: &ForecastReport, out: &mut String) {
    let verdict = verdict(&report.targets);
    let origins: usize = report.targets.iter().map(|t| t.test_origins).max().unwrap_or(0);
    if let Some(verdict) = &verdict {
        let mut scope = String::new();
        if report.horizon > 0 {
            scope = match report.horizon {
                1 => " one step ahead".into(),
                horizon => format!(" over the next {} steps", count(horizon)),
            };
        }
        if report.targets.len() > 1 {
            let _ = write!(scope, ", on average over {}", counted(report.targets.len(), "target"));
        }
        if origins > 0 {
            let _ = write!(scope, ", at {} of the test part", counted(origins, "origin"));
        }
        let _ = writeln!(out, "<p class=\"headline {}\">{}{scope}.</p>", verdict.class(), verdict.words());
    }
    let mut cards: Vec<Card> = Vec::new();
    if let Some(verdict) = &verdict {
        cards.push(Card {
            name: "Against the best baseline".into(),
            figure: verdict.figure(),
            beside: format!("test error against {}", escape(&verdict.baseline)),
            class: verdict.class(),
        });
    }
    let mut card = |name: &str, figure: String, beside: String| {
        cards.push(Card { name: name.into(), figure, beside, class: "" });
    };
    let several = report.targets.len() > 1;
    if let Some(target) = report.targets.first() {
        let mase: Vec<f64> = report.targets.iter().map(|t| t.model.test.mase).collect();
        let mean = mase.iter().sum::<f64>() / mase.len() as f64;
        // The best three; the table of errors has all.
        let mut baselines: Vec<&ScoredForecaster> =
            target.baselines.iter().filter(|b| b.test.mase.is_finite() && !several).collect();
        baselines.sort_by(|a, b| a.test.mase.total_cmp(&b.test.mase));
        let baselines = baselines.into_iter().take(3);
        let others: Vec<String> =
            baselines.map(|b| format!("{} {}", escape(&b.name), fixed(b.test.mase, 3))).collect();
        let beside =
            if several { format!("mean of {} targets", count(mase.len())) } else { others.join(" · ") };
        card("Test MASE", fixed(mean, 3), beside);
        let unit = if target.unit.is_empty() {
            String::new()
        } else {
            format!(" <small>{}</small>", escape(&target.unit))
        };
        let e = target.model.test;
        let name = if several { format!("Test MAE of {}", target.name) } else { "Test MAE".into() };
        let mut beside = escape(&target.name);
        if e.rmse.is_finite() {
            let _ = write!(beside, " · RMSE {}", number(e.rmse));
        }
        if e.smape.is_finite() {
            let _ = write!(beside, " · sMAPE {} %", fixed(e.smape, 1));
        }
        card(&name, format!("{}{unit}", number(e.mae)), beside);
    }
    let beside = format!("{} · {}", curves(report).summary(), counted(report.parameters, "parameter"));
    card("Training time", escape(&duration(report.seconds)), beside);
    frame::cards(&cards, out);
}

fn forecasts(report: &ForecastReport) -> String {
    let mut out = String::new();
    for target in &report.targets {
        let length = target.actual.len();
        let remark = format!(
            "The last {} of the data. Each forecast of the test part was made with nothing but the values before it, \
             {} at a time.",
            counted(length, "value"),
            counted(report.horizon.max(1), "step")
        );
        let heading = format!("{}: forecast and what came", target.name);
        out.push_str(&figure(&heading, &remark, &figures::forecast(target, 0), Room::Full));
        let shown = close_up(report, target);
        if let Some(from) = shown {
            let ahead = if target.future.is_empty() { "" } else { " and what follows" };
            let heading = format!("{}: the last {}{ahead}", target.name, counted(length - from, "value"));
            let remark = target.future_interval.as_ref().map_or("", |i| i.name.as_str());
            out.push_str(&figure(&heading, remark, &figures::forecast(target, from), Room::Low));
        }
        future_table(target, &mut out);
    }
    out
}

/// Where the close-up of the end begins, if the whole picture is too dense to show single steps.
fn close_up(report: &ForecastReport, target: &TargetReport) -> Option<usize> {
    let season = report.data.season.unwrap_or(0);
    let length = target.actual.len();
    let wanted = (4 * target.future.len().max(report.horizon)).max(5 * season).clamp(60, 300);
    (length > wanted * 5 / 2).then(|| length - wanted)
}

fn future_table(target: &TargetReport, out: &mut String) {
    if target.future.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details><summary>The next {}{} as numbers</summary><div class=\"scroll\"><table class=\"numbers\">\
         <thead><tr><th>{}</th><th>{}</th>",
        if target.future.len() == 1 {
            "value of ".into()
        } else {
            format!("{} values of ", count(target.future.len()))
        },
        escape(&target.name),
        if target.timestamps.is_empty() { "row" } else { "time" },
        escape(&figures::with_unit("forecast", &target.unit))
    );
    let interval = target.future_interval.as_ref();
    if interval.is_some() {
        out.push_str("<th>from</th><th>to</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for (i, value) in target.future.iter().enumerate() {
        let at = target.actual.len() + i;
        let time = target
            .timestamps
            .get(at)
            .map_or_else(|| count(target.first_row + at), |t| escape(text::moment(t)));
        let _ = write!(out, "<tr><th>{time}</th><td>{}</td>", number(*value));
        if let Some(interval) = interval {
            for end in [&interval.low, &interval.high] {
                let _ = write!(out, "<td>{}</td>", number(end.get(i).copied().unwrap_or(f64::NAN)));
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div></details>\n");
}

fn errors(report: &ForecastReport) -> String {
    let mut out = String::new();
    for target in &report.targets {
        if report.targets.len() > 1 {
            let _ = writeln!(out, "<h3 class=\"target\">{}</h3>", escape(&target.name));
        }
        error_table(target, &mut out);
        out.push_str("<div class=\"pair\">\n");
        // With a single step the table has said it all.
        let by_step = target.model.mae_by_step.len() > 1;
        if by_step {
            let remark = "Test part; every origin counts once.";
            out.push_str(&figure("Error by step ahead", remark, &figures::by_step(target), Room::Half));
        }
        let (chart, remark) = figures::residuals(target);
        let room = if by_step { Room::Half } else { Room::Low };
        out.push_str(&figure("Residuals", &remark, &chart, room));
        out.push_str("</div>\n");
    }
    if !report.targets.is_empty() {
        about_errors(&report.targets, &mut out);
    }
    out
}

/// The columns of the table of errors: heading, value, and how it is written.
type Column = (&'static str, fn(&Errors) -> f64, fn(f64) -> String);

const COLUMNS: [Column; 4] = [
    ("MAE", |e| e.mae, number),
    ("RMSE", |e| e.rmse, number),
    ("sMAPE", |e| e.smape, |x| if x.is_finite() { format!("{} %", fixed(x, 2)) } else { UNDEFINED.into() }),
    ("MASE", |e| e.mase, |x| fixed(x, 3)),
];

fn error_table(target: &TargetReport, out: &mut String) {
    let rows: Vec<&ScoredForecaster> = std::iter::once(&target.model).chain(&target.baselines).collect();
    let parts: [fn(&ScoredForecaster) -> Errors; 2] = [|f| f.test, |f| f.valid];
    out.push_str(
        "<div class=\"panel scroll\"><table class=\"errors\"><thead><tr><td></td><th colspan=\"4\">Test</th>\
         <th colspan=\"4\">Validation</th></tr><tr><td></td>",
    );
    for _ in parts {
        for (name, _, _) in COLUMNS {
            let _ = write!(out, "<th>{name}</th>");
        }
    }
    out.push_str("</tr></thead><tbody>");
    for (i, row) in rows.iter().enumerate() {
        let class = if i == 0 { Some("c-model".into()) } else { figures::baseline_class(target, i - 1) };
        let key = class.map_or_else(String::new, |class| format!("<span class=\"key {class}\"></span>"));
        let _ = write!(out, "<tr><th>{key}{}</th>", escape(&row.name));
        for part in parts {
            for (_, value, written) in COLUMNS {
                let best = rows
                    .iter()
                    .map(|r| value(&part(r)))
                    .filter(|v| v.is_finite())
                    .fold(f64::INFINITY, f64::min);
                let x = value(&part(row));
                if x == best && rows.len() > 1 {
                    let _ = write!(out, "<td class=\"best\"><b>{}</b></td>", written(x));
                } else {
                    let _ = write!(out, "<td>{}</td>", written(x));
                }
            }
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
}

/// What the table of errors means, once below all of them.
fn about_errors(targets: &[TargetReport], out: &mut String) {
    let unit = match targets {
        [target] if !target.unit.is_empty() => escape(&target.unit),
        _ => "the unit of the data".into(),
    };
    let _ = writeln!(
        out,
        "<p class=\"small\">The smallest error of each column is marked. MAE and RMSE are in {unit}. MASE is the MAE \
         divided by that of seasonal naive on the training part.</p>"
    );
}

fn examples(report: &ForecastReport) -> String {
    let mut out = String::new();
    for target in report.targets.iter().filter(|t| !t.examples.is_empty()) {
        if report.targets.len() > 1 {
            let _ = writeln!(out, "<h3 class=\"target\">{}</h3>", escape(&target.name));
        }
        out.push_str("<div class=\"thirds\">\n");
        for example in &target.examples {
            let unit = if target.unit.is_empty() { String::new() } else { format!(" {}", target.unit) };
            let mut remark = format!("MAE {}{unit}", number(example.mae));
            if !example.origin.is_empty() {
                let _ = write!(remark, " · made at {}", text::moment(&example.origin));
            }
            let chart = figures::example(target, example);
            out.push_str(&figure(&example.title, &remark, &chart, Room::Third));
        }
        out.push_str("</div>\n");
    }
    out
}

fn made(report: &ForecastReport) -> String {
    let mut out = String::new();
    data(report, &mut out);
    if !report.choices.is_empty() {
        out.push_str("<div class=\"panel\"><h3>Choices</h3><p>Decided from the data; an option overrules each.</p><dl class=\"choices\">");
        for choice in &report.choices {
            let _ = write!(
                out,
                "<div><dt>{}</dt><dd><b>{}</b><span>{}</span></dd></div>",
                escape(&choice.name),
                escape(&choice.value),
                escape(&choice.reason)
            );
        }
        out.push_str("</dl></div>\n");
    }
    frame::layers(&report.layers, report.parameters, &mut out);
    let again = Again {
        commands: &[
            ("Train: the same seed gives the same model on the same instruction set.", &report.command),
            ("Forecast with the trained model.", &report.predict_command),
        ],
        version: &report.version,
        seed: report.seed,
        threads: report.threads,
        path: &report.path,
        seconds: report.seconds,
    };
    frame::again(&again, &mut out);
    out
}

fn data(report: &ForecastReport, out: &mut String) {
    let data = &report.data;
    out.push_str("<div class=\"panel\"><h3>Data</h3><dl class=\"facts\">");
    fact("File", &data.file, out);
    fact("Rows", &count(data.rows), out);
    fact("One row every", &data.frequency, out);
    if let Some(season) = data.season {
        let origin =
            if data.season_origin.is_empty() { String::new() } else { format!(", {}", data.season_origin) };
        fact("Season", &format!("{}{origin}", counted(season, "row")), out);
    }
    if report.horizon > 0 {
        fact("Forecast", &format!("{} ahead", counted(report.horizon, "step")), out);
    }
    out.push_str("</dl>");
    let all: usize = data.splits.iter().map(|s| s.rows).sum();
    if all > 0 {
        out.push_str("<ul class=\"splits\">");
        for (i, split) in data.splits.iter().enumerate() {
            let share = split.rows as f64 * 100.0 / all as f64;
            let _ = write!(
                out,
                "<li class=\"part{}\" style=\"flex-grow:{}\"><b>{}</b><span>{} · {} %</span><span class=\"dates\">{}</span></li>",
                i % 3,
                text::coordinate(share.max(0.1)),
                escape(&split.name),
                counted(split.rows, "row"),
                fixed(share, 0),
                if split.from.is_empty() {
                    String::new()
                } else {
                    let (from, to) = (escape(text::moment(&split.from)), escape(text::moment(&split.to)));
                    format!("<i>{from} –</i> <i>{to}</i>")
                },
            );
        }
        out.push_str("</ul>");
    }
    if !data.columns.is_empty() {
        out.push_str("<p class=\"columns\">Columns: ");
        for (name, part) in &data.columns {
            let _ = write!(out, "<span><code>{}</code> {}</span> ", escape(name), escape(part));
        }
        out.push_str("</p>");
    }
    out.push_str("</div>\n");
}
