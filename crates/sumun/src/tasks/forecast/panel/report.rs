//! The page of a training on many series.

use std::fmt::Write;

use super::super::network::stack;
use super::outcome::{Example, PanelOutcome};
use super::score::{PanelEvaluation, PanelScores};
use crate::report::EpochRow;
use crate::report::curves::Curves;
use crate::report::figures::{Room, figure};
use crate::report::frame::{self, Again, Card, Frame, fact, section};
use crate::report::svg::{Area, Chart, Line, Scale, Section, XAxis};
use crate::report::text::{count, counted, duration, escape, fixed, number, percent};
use crate::tasks::layers::layer_rows;
use crate::tasks::protocol::About;

/// How many baselines have a colour of their own.
const COLOURS: usize = 4;
/// How many of the series that are forecast worst are named.
const WORST: usize = 10;

/// The page as HTML.
pub(super) fn report(trained: &PanelOutcome, about: &About) -> String {
    let epochs: Vec<EpochRow> = trained.epochs.iter().map(EpochRow::from).collect();
    let curves = Curves {
        epochs: &epochs,
        best_epoch: Some(trained.best_epoch).filter(|_| !epochs.is_empty()),
        stopped_early: trained.stopped_early,
        loss_name: match (trained.decisions.distribution, trained.decisions.levels.as_slice()) {
            (Some(_), _) => "negative log-likelihood",
            (None, []) => "loss of scaled values",
            (None, _) => "pinball loss of scaled values",
        },
    };
    let mut body = String::with_capacity(128 * 1024);
    cards(trained, &curves, &mut body);
    let remarkable = |note: &&String| !note.starts_with("time column ");
    let told = |note: &&String| !trained.notes.contains(note);
    let notes: Vec<String> =
        about.notes.iter().filter(told).chain(&trained.notes).filter(remarkable).cloned().collect();
    frame::notes(&notes, &mut body);
    section("forecast", "Forecasts", &examples(trained), &mut body);
    if let Some(evaluation) = measured(trained) {
        section("errors", "Errors", &errors(trained, evaluation), &mut body);
        section("intervals", "Intervals", &intervals(evaluation), &mut body);
        section("series", "Series", &series(trained, evaluation), &mut body);
    }
    section("training", "Training", &curves.section(), &mut body);
    section("made", "How it was made", &made(trained, about), &mut body);
    let subtitle = format!("From {}", trained.shown.source);
    let title = format!("Forecast of {}", trained.config.data.target.join(", "));
    let frame = Frame {
        title: &title,
        kind: "Training report",
        subtitle: &subtitle,
        created: &about.created,
        version: &trained.forecaster.config().version,
    };
    frame.page(&body)
}

/// The part that the model is judged by.
fn measured(trained: &PanelOutcome) -> Option<&PanelEvaluation> {
    trained.test.as_ref().or(trained.valid.as_ref())
}

fn part(trained: &PanelOutcome) -> &'static str {
    if trained.test.is_some() { "test" } else { "validation" }
}

fn cards(trained: &PanelOutcome, curves: &Curves<'_>, out: &mut String) {
    let mut cards: Vec<Card> = Vec::new();
    let mut card = |name: &str, figure: String, beside: String, class: &'static str| {
        cards.push(Card { name: name.into(), figure, beside, class });
    };
    if let Some(evaluation) = measured(trained) {
        let model = &evaluation.model;
        if let Some(best) = evaluation.best_baseline()
            && best.error() > 0.0
        {
            let change = 100.0 * (model.error() / best.error() - 1.0);
            let class = match () {
                () if change < -0.5 => "good",
                () if change > 0.5 => "bad",
                () => "even",
            };
            let size = fixed(change.abs(), if change.abs() < 9.95 { 1 } else { 0 });
            let words = match class {
                "good" => format!("<b>{size} % smaller error</b> than"),
                "bad" => format!("<b>{size} % larger error</b> than"),
                _ => "<b>The same error</b> as".into(),
            };
            let _ = writeln!(
                out,
                "<p class=\"headline {class}\">{words} {}, the best of {}, over the {} parts of {}.</p>",
                escape(&best.name),
                counted(evaluation.baselines.len(), "baseline"),
                part(trained),
                series_of(evaluation.series)
            );
            let sign = if change > 0.0 { "+" } else { "−" };
            let beside = format!("{} error against {}", part(trained), escape(&best.name));
            card("Against the best baseline", format!("{sign}{size} %"), beside, class);
        }
        let others: Vec<String> = best_first(evaluation)
            .iter()
            .take(3)
            .map(|one| format!("{} {}", escape(&one.name), fixed(one.error(), 3)))
            .collect();
        let name = if model.overall.mase.is_some() { "Mean MASE" } else { "Mean MAE" };
        card(name, fixed(model.error(), 3), others.join(" · "), "");
        if let Some(interval) = evaluation.intervals.first() {
            let beside = match interval.width {
                Some(width) => format!("of the values, {} wide in units of the MASE", fixed(width, 2)),
                None => "of the values".into(),
            };
            let name = format!("Inside the {} % interval", percent(interval.level));
            card(&name, format!("{} %", fixed(100.0 * interval.coverage, 1)), beside, "");
        } else if let Some(owa) = model.owa {
            card("OWA", fixed(owa, 3), "Naive2 has 1".into(), "");
        }
    }
    let beside = format!(
        "{} · {}",
        curves.summary(),
        counted(trained.forecaster.model().parameters().len(), "parameter")
    );
    card("Training time", escape(&duration(trained.seconds)), beside, "");
    frame::cards(&cards, out);
}

fn best_first(evaluation: &PanelEvaluation) -> Vec<&PanelScores> {
    let mut baselines: Vec<&PanelScores> =
        evaluation.baselines.iter().filter(|one| one.error().is_finite()).collect();
    baselines.sort_by(|a, b| a.error().total_cmp(&b.error()));
    baselines
}

fn examples(trained: &PanelOutcome) -> String {
    let mut out = String::new();
    let shown = &trained.shown.examples;
    if shown.is_empty() {
        return out;
    }
    let room = if shown.len() == 1 { Room::Full } else { Room::Half };
    if shown.len() > 1 {
        out.push_str("<div class=\"pair\">\n");
    }
    for example in shown {
        let name = if example.name.is_empty() {
            trained.config.data.target[0].clone()
        } else {
            example.name.clone()
        };
        let remark = match example.place {
            "" => format!("MASE {}", fixed(example.mase, 2)),
            place => format!("MASE {}, {place} of the series measured", fixed(example.mase, 2)),
        };
        out.push_str(&figure(&name, &remark, &chart(trained, example), room));
    }
    if shown.len() > 1 {
        out.push_str("</div>\n");
    }
    let words = match trained.decisions.levels.as_slice() {
        [] => "The last forecast of each, made with nothing but the values before it.".into(),
        levels => {
            let levels: Vec<String> = levels.iter().map(|&level| percent(level)).collect();
            format!(
                "The last forecast of each, made with nothing but the values before it: the median, and shaded where {} % of what \
                 comes should lie.",
                levels.join(" and ")
            )
        }
    };
    let _ = writeln!(out, "<p class=\"small\">{words}</p>");
    out
}

fn chart(trained: &PanelOutcome, example: &Example) -> Chart {
    let (rows, horizon) = (example.values.len(), example.medians.len());
    let known = rows - horizon;
    let timed = trained.forecaster.config().time.is_some();
    let place = |row: usize| row as f64;
    let actual = example.values.iter().enumerate().map(|(row, &value)| (place(row), value)).collect();
    let last =
        known.checked_sub(1).map(|row| (place(row), example.values[row])).filter(|(_, v)| v.is_finite());
    let ahead = example.medians.iter().enumerate().map(|(step, &value)| (place(known + step), value));
    let areas = example.intervals.iter().rev().map(|ends| Area {
        class: "c-model".into(),
        points: ends
            .iter()
            .enumerate()
            .map(|(step, &[low, high])| (place(known + step), low, high))
            .collect(),
    });
    let line = |name: &str, class: &str, points| Line {
        name: name.into(),
        class: class.into(),
        points,
        dots: false,
    };
    Chart {
        name: format!("Forecast of {}", example.name),
        description: format!("The last {} and their forecast.", counted(rows, "value")),
        x: XAxis {
            title: if timed { String::new() } else { "row".into() },
            whole: true,
            labels: if timed { example.labels.clone() } else { Vec::new() },
            range: Some((0.0, place(rows.max(1) - 1))),
        },
        y_title: trained.config.data.target[0].clone(),
        sections: vec![Section {
            class: "s-test".into(),
            name: String::new(),
            from: place(known) - 0.5,
            to: place(rows - 1),
        }],
        areas: areas.collect(),
        lines: vec![
            line("actual", "c-actual", actual),
            line("forecast", "c-model", last.into_iter().chain(ahead).collect()),
        ],
        ..Chart::default()
    }
}

type Column = (&'static str, fn(&PanelScores) -> f64, fn(f64) -> String);

const COLUMNS: [Column; 5] = [
    ("MASE", |s| s.overall.mase.unwrap_or(f64::NAN), |x| fixed(x, 3)),
    ("sMAPE", |s| s.overall.smape, |x| format!("{} %", fixed(x, 2))),
    ("OWA", |s| s.owa.unwrap_or(f64::NAN), |x| fixed(x, 3)),
    ("RMSSE", |s| s.rmsse.unwrap_or(f64::NAN), |x| fixed(x, 3)),
    ("MAE", |s| s.overall.mae, number),
];

fn errors(trained: &PanelOutcome, evaluation: &PanelEvaluation) -> String {
    let mut out =
        String::from("<div class=\"panel scroll\"><table class=\"errors plain\"><thead><tr><td></td>");
    for (name, ..) in COLUMNS {
        let _ = write!(out, "<th>{name}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    let sorted = best_first(evaluation);
    let colour = |key: &str| match sorted.iter().position(|one| one.key == key) {
        Some(rank) if rank < COLOURS => Some(format!("c-base{rank}")),
        _ => None,
    };
    let all: Vec<&PanelScores> = std::iter::once(&evaluation.model).chain(&evaluation.baselines).collect();
    for (k, row) in all.iter().enumerate() {
        let class = if k == 0 { Some("c-model".into()) } else { colour(&row.key) };
        let key = class.map_or_else(String::new, |class| format!("<span class=\"key {class}\"></span>"));
        let _ = write!(out, "<tr><th>{key}{}</th>", escape(&row.name));
        for (_, value, written) in COLUMNS {
            let best =
                all.iter().map(|one| value(one)).filter(|v| v.is_finite()).fold(f64::INFINITY, f64::min);
            let x = value(row);
            let text = if x.is_finite() { written(x) } else { crate::report::text::UNDEFINED.into() };
            let _ = match x == best {
                true => write!(out, "<td class=\"best\"><b>{text}</b></td>"),
                false => write!(out, "<td>{text}</td>"),
            };
        }
        out.push_str("</tr>");
    }
    let _ = writeln!(
        out,
        "</tbody></table></div>\n<p class=\"small\">Means over the {} parts of {}, each of which counts once. The smallest error of \
         each column is marked. MASE is the MAE over that of the naive forecast one season ahead on the training part; OWA is the \
         mean of sMAPE and MASE, each over that of Naive2.</p>",
        part(trained),
        series_of(evaluation.series)
    );
    if trained.decisions.horizon > 1 {
        let line = |scores: &PanelScores, class: String| Line {
            name: scores.name.clone(),
            class,
            points: scores
                .by_step
                .iter()
                .enumerate()
                .map(|(step, error)| (step as f64 + 1.0, error.unwrap_or(f64::NAN)))
                .collect(),
            dots: scores.by_step.len() <= 24,
        };
        let drawn = sorted.iter().enumerate().take(COLOURS);
        let lines = drawn.map(|(rank, one)| line(one, format!("c-base{rank}")));
        let chart = Chart {
            name: "Error by step ahead".into(),
            description:
                "How the error grows with the distance of the forecast, for the model and the best baselines."
                    .into(),
            x: XAxis { title: "steps ahead".into(), whole: true, ..XAxis::default() },
            y_title: "mean MASE".into(),
            y_scale: Scale::FromZero,
            lines: lines.chain([line(&evaluation.model, "c-model".into())]).collect(),
            ..Chart::default()
        };
        let remark = format!("The mean over {}.", series_of(evaluation.series));
        out.push_str(&figure("Error by step ahead", &remark, &chart, Room::Low));
    }
    out
}

fn series_of(count_of: usize) -> String {
    if count_of == 1 { "1 series".into() } else { format!("{} series", count(count_of)) }
}

/// How often each interval held what came, over all and by step.
fn intervals(evaluation: &PanelEvaluation) -> String {
    if evaluation.intervals.is_empty() {
        return String::new();
    }
    let mut out = String::from(
        "<div class=\"panel scroll\"><table class=\"errors plain\"><thead><tr><td></td><th>should hold</th><th>held</th><th>mean width</th>\
         </tr></thead><tbody>",
    );
    for interval in &evaluation.intervals {
        let level = percent(interval.level);
        let _ = write!(
            out,
            "<tr><th>{level} % interval</th><td>{level} %</td><td>{} %</td><td>{}</td></tr>",
            fixed(100.0 * interval.coverage, 1),
            interval.width.map_or_else(|| crate::report::text::UNDEFINED.into(), |width| fixed(width, 2))
        );
    }
    out.push_str("</tbody></table></div>\n<p class=\"small\">Widths are in units of the MASE.");
    if let Some(pinball) = evaluation.pinball {
        let _ = write!(out, " The mean pinball loss of all quantiles is {} of them.", fixed(pinball, 3));
    }
    if let Some(crps) = evaluation.crps {
        let _ = write!(out, " The continuous ranked probability score is {}.", fixed(crps, 3));
    }
    out.push_str("</p>\n");
    if evaluation.intervals[0].by_step.len() > 1 {
        let lines = evaluation.intervals.iter().enumerate().map(|(k, interval)| Line {
            name: format!("{} %", percent(interval.level)),
            class: if k == 0 { "c-model".into() } else { format!("c-base{}", (k - 1) % COLOURS) },
            points: interval
                .by_step
                .iter()
                .enumerate()
                .map(|(step, share)| (step as f64 + 1.0, 100.0 * share.unwrap_or(f64::NAN)))
                .collect(),
            dots: interval.by_step.len() <= 24,
        });
        let chart = Chart {
            name: "Share of values inside the intervals".into(),
            description: "How often the intervals held what came, by step ahead.".into(),
            x: XAxis { title: "steps ahead".into(), whole: true, ..XAxis::default() },
            y_title: "% of values inside".into(),
            always_named: true,
            lines: lines.collect(),
            ..Chart::default()
        };
        out.push_str(&figure("What the intervals held, by step ahead", "", &chart, Room::Low));
    }
    out
}

/// The series that are forecast worst.
fn series(trained: &PanelOutcome, evaluation: &PanelEvaluation) -> String {
    let worst = evaluation.worst(WORST);
    if worst.len() < 2 {
        return String::new();
    }
    let best = evaluation.best_baseline();
    let mut out = String::from(
        "<div class=\"panel scroll\"><h3>Forecast worst</h3><table class=\"errors plain\"><thead><tr><td></td><th>MASE</th>",
    );
    if let Some(best) = best {
        let _ = write!(out, "<th>{}</th>", escape(&best.name));
    }
    out.push_str("<th>sMAPE</th></tr></thead><tbody>");
    for (k, mase) in &worst {
        let name = trained.shown.names.get(*k).map_or("", String::as_str);
        let _ = write!(out, "<tr><th>{}</th><td>{}</td>", escape(name), fixed(*mase, 2));
        if let Some(best) = best {
            let of = best.series.get(*k).and_then(|scores| scores.as_ref()?.scores.mase);
            let _ = write!(
                out,
                "<td>{}</td>",
                of.map_or_else(|| crate::report::text::UNDEFINED.into(), |mase| fixed(mase, 2))
            );
        }
        let smape = evaluation.model.series[*k].as_ref().map_or(f64::NAN, |scores| scores.scores.smape);
        let _ = write!(out, "<td>{} %</td></tr>", fixed(smape, 1));
    }
    out.push_str("</tbody></table></div>\n");
    if let Some(best) = best {
        let pairs = evaluation.model.series.iter().zip(&best.series);
        let both = pairs.filter_map(|(a, b)| Some((a.as_ref()?.scores.mase?, b.as_ref()?.scores.mase?)));
        let (mut better, mut all) = (0, 0);
        for (model, baseline) in both {
            all += 1;
            better += usize::from(model < baseline);
        }
        let _ = writeln!(
            out,
            "<p class=\"small\">The model is nearer than {} in {} of {}.</p>",
            escape(&best.name),
            count(better),
            series_of(all)
        );
    }
    out
}

fn made(trained: &PanelOutcome, about: &About) -> String {
    let mut out = String::from("<div class=\"panel\"><h3>Data</h3><dl class=\"facts\">");
    let shown = &trained.shown;
    fact("File", &shown.source, &mut out);
    fact("Series", &count(shown.series), &mut out);
    fact("Rows", &count(shown.rows), &mut out);
    let [least, middle, most] = shown.lengths.map(count);
    if shown.series > 1 {
        fact("Rows a series", &format!("{least} to {most}, {middle} in the middle"), &mut out);
    }
    fact("One row every", &shown.frequency, &mut out);
    let decisions = &trained.decisions;
    if decisions.season > 1 {
        fact("Season", &counted(decisions.season, "row"), &mut out);
    }
    fact("Forecast", &format!("{} ahead", counted(decisions.horizon, "step")), &mut out);
    out.push_str("</dl></div>\n");
    if !decisions.choices.is_empty() {
        out.push_str(
            "<div class=\"panel\"><h3>Choices</h3><p>Decided from the data; an option overrules each.</p><dl class=\"choices\">",
        );
        for choice in &decisions.choices {
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
    let model = trained.forecaster.model();
    frame::layers(&layer_rows(&model.summary()), model.parameters().len(), &mut out);
    let path = stack(model).map_or_else(|_| String::new(), |stack| stack.path().name().into());
    frame::again(
        &Again {
            commands: &[
                ("Train: the same seed gives the same model on the same instruction set.", &about.command),
                ("Forecast with the trained model.", &about.predict_command),
            ],
            version: &trained.forecaster.config().version,
            seed: trained.config.train.seed,
            threads: about.threads,
            path: &path,
            seconds: trained.seconds,
        },
        &mut out,
    );
    out
}
