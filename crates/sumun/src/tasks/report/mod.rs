//! The report of a training: one page about its figures, its examples and how it was made.

mod attention;
mod classes;
mod examples;
mod language;
mod made;
mod numbers;
mod tags;
mod words;

use std::fmt::Write;

use self::words::{amount, part_name};
use super::figures::{Figures, Measured};
use super::finished::SequenceOutcome;
use super::folds::{FoldFigure, Folds, Spread};
use super::protocol::About;
use super::results::Headline;
use super::simulate;
use super::translate;
use crate::report::EpochRow;
use crate::report::curves::Curves;
use crate::report::frame::{self, Card, Frame, section};
use crate::report::text::{counted, duration, escape, fixed, number};

/// The report of a training: one self-contained HTML page, which the same input always gives the same bytes of. All that
/// comes from the data is escaped.
pub fn task_report(trained: &SequenceOutcome, about: &About) -> String {
    let epochs: Vec<EpochRow> = trained.epochs.iter().map(EpochRow::from).collect();
    let curves = Curves {
        epochs: &epochs,
        best_epoch: Some(trained.best_epoch).filter(|&best| best > 0),
        stopped_early: trained.stopped_early,
        loss_name: trained.words.loss,
    };
    let mut body = String::with_capacity(256 * 1024);
    headline(trained, &mut body);
    cards(trained, &curves, &mut body);
    frame::notes(&about.notes, &mut body);
    section("figures", "Figures", &scores(&trained.measured), &mut body);
    section("folds", "Folds", &about.folds.as_ref().map(folds).unwrap_or_default(), &mut body);
    if let Some(judged) = trained.measured.last() {
        let (heading, detail) = match &judged.figures {
            Figures::Classification(f) => ("Classes", classes::section(f, &trained.classes, "class", judged)),
            Figures::Labels(f) => ("Labels", classes::labels(f, &trained.thresholds, judged)),
            Figures::Regression(_) => ("Errors", numbers::section(judged, &trained.shown)),
            Figures::Tagging(f) => ("Tags", tags::section(f, &trained.classes, judged)),
            Figures::Language(_) => ("", String::new()),
            Figures::Translation(_) => ("Alignment", translate::alignments(judged, &trained.shown)),
            Figures::Simulation(_) => ("Series", simulate::section(judged, &trained.shown)),
        };
        section("detail", heading, &detail, &mut body);
        section("examples", "Examples", &examples::section(judged, &trained.shown), &mut body);
    }
    section("samples", "Samples", &language::samples(&trained.samples), &mut body);
    section("training", "Training", &curves.section(), &mut body);
    section("made", "How it was made", &made::section(trained, about), &mut body);
    let data = &trained.train_file;
    let name = data.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let frame = Frame {
        title: &format!("{} {name}", trained.words.verb),
        kind: "Training report",
        subtitle: &format!("Learnt from {} of {}", amount(trained), data.display()),
        created: &about.created,
        version: env!("CARGO_PKG_VERSION"),
    };
    frame.page(&body)
}

/// A figure as people read it: shares in per cent.
fn written(figure: &Headline) -> String {
    if figure.share { format!("{} %", fixed(100.0 * figure.value, 1)) } else { number(figure.value) }
}

/// A sentence's beginning.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// What the folds of the training file came to, and their mean and spread.
fn folds(folds: &Folds) -> String {
    let mut out =
        String::from("<div class=\"panel scroll\"><table class=\"scores\"><thead><tr><th>fold</th>");
    for figure in &folds.figures {
        let _ = write!(out, "<th>{}</th><th>best baseline</th>", escape(figure.name));
    }
    out.push_str("</tr></thead><tbody>");
    let written = |figure: &FoldFigure, value: f64| {
        if figure.share { format!("{} %", fixed(100.0 * value, 1)) } else { number(value) }
    };
    for (at, &examples) in folds.examples.iter().enumerate() {
        let _ = write!(out, "<tr><th>{}<small>{}</small></th>", at + 1, counted(examples, "example"));
        for figure in &folds.figures {
            let [model, baseline] =
                [figure.model[at], figure.baseline[at]].map(|value| written(figure, value));
            let _ = write!(out, "<td>{model}</td><td>{baseline}</td>");
        }
        out.push_str("</tr>");
    }
    for (name, of) in [
        ("mean of the folds", (|spread| spread.mean) as fn(Spread) -> f64),
        ("standard deviation", |spread| spread.deviation),
    ] {
        let _ = write!(out, "<tr><th>{name}</th>");
        for figure in &folds.figures {
            let [model, baseline] =
                [figure.of_model(), figure.of_baseline()].map(|of_folds| written(figure, of(of_folds)));
            let _ = write!(out, "<td class=\"best\"><b>{model}</b></td><td>{baseline}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out.push_str(
        "<p class=\"small\">A model of its own learnt from all folds but one, and was measured on that one. The model of this \
         run is none of them.</p>\n",
    );
    out
}

/// The first figure of a part beside the baseline's.
fn first(measured: &Measured) -> Option<(Headline, Headline)> {
    let ours = measured.figures.headline().into_iter().next()?;
    let theirs = measured.baseline.headline().into_iter().next()?;
    Some((ours, theirs))
}

fn verdict(ours: &Headline, theirs: &Headline) -> &'static str {
    match (ours.value - theirs.value) * if ours.more_is_better { 1.0 } else { -1.0 } {
        gain if gain > 0.0 => "good",
        gain if gain < 0.0 => "bad",
        _ => "",
    }
}

fn headline(trained: &SequenceOutcome, out: &mut String) {
    let Some((measured, (ours, theirs))) = trained.measured.last().and_then(|m| Some((m, first(m)?))) else {
        return;
    };
    let class = verdict(&ours, &theirs);
    let best = if measured.other_baselines.is_empty() { "" } else { "best " };
    let against = match class {
        "bad" => "; on these data the baseline is better",
        "" => "; the baseline is as good",
        _ => "",
    };
    let _ = writeln!(
        out,
        "<p class=\"headline {class}\"><b>{} {}</b> on {} of the {} part; the {best}baseline, {}, has {}{against}.</p>",
        escape(&capital(ours.name)),
        written(&ours),
        measured.amount(),
        escape(&part_name(&measured.part).to_lowercase()),
        escape(&measured.baseline_name),
        written(&theirs),
    );
}

fn cards(trained: &SequenceOutcome, curves: &Curves<'_>, out: &mut String) {
    let mut cards: Vec<Card> = Vec::new();
    if let Some(judged) = trained.measured.last() {
        let baseline = judged.baseline.headline();
        let valid = trained.measured.first().filter(|_| trained.measured.len() > 1);
        let valid = valid.map(|valid| valid.figures.headline()).unwrap_or_default();
        for (i, figure) in judged.figures.headline().iter().take(3).enumerate() {
            let of = |all: &[Headline]| all.iter().find(|f| f.key == figure.key).copied();
            let theirs = of(&baseline);
            let mut beside: Vec<String> = theirs.iter().map(|b| format!("baseline {}", written(b))).collect();
            beside.extend(of(&valid).map(|valid| format!("validation {}", written(&valid))));
            cards.push(Card {
                name: format!("{} {}", part_name(&judged.part), figure.name),
                figure: written(figure),
                beside: beside.join(" · "),
                class: theirs.filter(|_| i == 0).map_or("", |theirs| verdict(figure, &theirs)),
            });
        }
    }
    let parameters: usize = trained.file.tensors.iter().map(|tensor| tensor.values.len()).sum();
    cards.push(Card {
        name: "Training time".into(),
        figure: escape(&duration(trained.seconds)),
        beside: format!("{} · {}", curves.summary(), counted(parameters, "parameter")),
        class: "",
    });
    frame::cards(&cards, out);
}

/// Every figure of model and baseline on every part.
fn scores(measured: &[Measured]) -> String {
    let Some(judged) = measured.last() else { return String::new() };
    let mut out =
        String::from("<div class=\"panel scroll\"><table class=\"scores\"><thead><tr><th>part</th><th></th>");
    let names = judged.figures.headline();
    for figure in &names {
        let _ = write!(out, "<th>{}</th>", escape(figure.name));
    }
    out.push_str("</tr></thead><tbody>");
    for part in measured.iter().rev() {
        let (ours, theirs) = (part.figures.headline(), part.baseline.headline());
        let of = |all: &[Headline], key| all.iter().find(|figure| figure.key == key).copied();
        let more: Vec<(&str, Vec<Headline>)> =
            part.other_baselines.iter().map(|other| (&*other.name, other.figures.headline())).collect();
        let mut rows =
            vec![("model", &ours, &theirs, "c-model"), (&*part.baseline_name, &theirs, &ours, "c-base0")];
        rows.extend(more.iter().map(|(name, figures)| (*name, figures, &ours, "c-base1")));
        let height = rows.len();
        for (row, (name, all, others, class)) in rows.into_iter().enumerate() {
            let begins = if row == 0 {
                let examples = part.amount();
                let part = escape(part_name(&part.part));
                format!("<th rowspan=\"{height}\">{part}<small>{examples}</small></th>")
            } else {
                String::new()
            };
            let _ = write!(out, "<tr>{begins}<th><span class=\"key {class}\"></span>{}</th>", escape(name));
            for figure in &names {
                let Some(value) = of(all, figure.key) else {
                    out.push_str("<td>–</td>");
                    continue;
                };
                match of(others, figure.key).map(|other| verdict(&value, &other)) {
                    Some("good") => {
                        let _ = write!(out, "<td class=\"best\"><b>{}</b></td>", written(&value));
                    }
                    _ => {
                        let _ = write!(out, "<td>{}</td>", written(&value));
                    }
                }
            }
            out.push_str("</tr>");
        }
    }
    out.push_str("</tbody></table></div>\n");
    let _ = writeln!(out, "<p class=\"small\">{}</p>", meaning(&judged.figures));
    out
}

/// What the figures mean, in HTML.
fn meaning(figures: &Figures) -> &'static str {
    match figures {
        Figures::Classification(_) => {
            "The better figure of each part is marked. Accuracy is the share of right predictions; macro F1 is the mean F1 of \
             the classes, each counting the same."
        }
        Figures::Labels(_) => {
            "The better figure of each part is marked. Micro F1 counts all labels of all examples together; macro F1 is the mean \
             F1 of the labels, each counting the same; subset accuracy is the share of examples all of whose labels, and no others, \
             are predicted."
        }
        Figures::Regression(_) => {
            "The better figure of each part is marked. MAE and RMSE are in the unit of the label; R² is the share of the \
             variance that is explained."
        }
        Figures::Tagging(_) => {
            "The better figure of each part is marked. Macro F1 is the mean F1 of the tags; a whole sentence is right where \
             every tag is; a span is found where its type, first and last token are right."
        }
        Figures::Translation(_) => {
            "The better figure of each part is marked. An exact match is right to the last token; chrF is the F score (β = 2) of \
             n-grams of characters, n = 1 … 6, without white space; token accuracy is the share of tokens, ends too, that are \
             found from the source and the true tokens before them."
        }
        Figures::Simulation(_) => {
            "The better figure of each part is marked. NSE is the Nash–Sutcliffe efficiency, 1 − Σ(y − ŷ)² / Σ(y − ȳ)², and KGE the \
             Kling–Gupta efficiency, which compares correlation, deviations and means; both are medians over the series, 1 at best. \
             MAE and RMSE are in the unit of the target."
        }
        Figures::Language(_) => {
            "The better figure of each part is marked. Nats are the mean −ln p of each token; perplexity is e to that \
             power. Both compare models of one vocabulary, in which &lt;UNK&gt; stands for all that is unknown; bits per \
             character compare models of words and characters, as unknown words are spelled there."
        }
    }
}

#[cfg(test)]
mod tests;
