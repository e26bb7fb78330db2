//! What a model takes for what: the confusion matrix and the figures of each class.

use std::fmt::Write;

use super::words::part_name;
use crate::report::figures::{Room, figure};
use crate::report::svg::{Bar, Chart, Line, Scale, XAxis};
use crate::report::text::{count, counted, escape, fixed, shortened};
use crate::scores::{Calibration, ClassScore, Classification, LabelSets, Reliability};
use crate::tasks::figures::Measured;

/// A matrix of more classes is too wide to read; the most frequent ones are shown.
const MOST: usize = 50;
/// Up to so many classes every cell shows its count in full size.
const ROOMY: usize = 14;
/// Cells of more are as small as can be read.
const CLOSE: usize = 34;

/// The matrix, the table of classes and, of a model that says how sure it is, how far it is right in that.
pub(super) fn section(f: &Classification, names: &[String], noun: &str, judged: &Measured) -> String {
    let names: Vec<&str> =
        (0..f.classes.len()).map(|class| names.get(class).map_or("?", String::as_str)).collect();
    let sure = f.calibration.as_ref().map(|calibration| reliability(calibration, judged));
    format!("{}{}{}", matrix(f, &names, noun, judged), table(f, &names, noun), sure.unwrap_or_default())
}

/// How sure a model is beside how often it is right, and how sure it is how often.
fn reliability(f: &Calibration, judged: &Measured) -> String {
    let per_cent = |share: f64| 100.0 * share;
    let line = |name: &str, class: &str, of: &Reliability| Line {
        name: name.into(),
        class: class.into(),
        points: of.bins.iter().map(|bin| (per_cent(bin.confidence), per_cent(bin.accuracy))).collect(),
        dots: true,
    };
    let diagonal = Line {
        name: String::new(),
        class: "c-actual".into(),
        points: vec![(0.0, 0.0), (100.0, 100.0)],
        dots: false,
    };
    let mut lines = vec![diagonal];
    let error = |of: &Reliability| fixed(per_cent(of.calibration_error), 1);
    let part = part_name(&judged.part);
    let remark = match &f.calibrated {
        Some(calibrated) => {
            lines.push(line("the network as it is", "c-base1", &f.network));
            lines.push(line("calibrated", "c-model", calibrated));
            format!(
                "{part} part. Confidence is the probability of the class that is predicted, and on the straight line it is right. \
                 Expected calibration error: {} % of the network as it is, {} % calibrated by the validation part.",
                error(&f.network),
                error(calibrated)
            )
        }
        None => {
            lines.push(line("the network", "c-model", &f.network));
            format!(
                "{part} part. Confidence is the probability of the class that is predicted, and on the straight line it is right. \
                 Expected calibration error: {} %.",
                error(&f.network)
            )
        }
    };
    let x = |title: &str| XAxis { title: title.into(), range: Some((0.0, 100.0)), ..XAxis::default() };
    let curves = Chart {
        name: "Accuracy by confidence".into(),
        description:
            "A point for each tenth of confidence: the mean confidence to the right, the accuracy upwards."
                .into(),
        x: x("confidence (%)"),
        y_title: "accuracy (%)".into(),
        shares: true,
        lines,
        ..Chart::default()
    };
    let bins = &f.calibrated.as_ref().unwrap_or(&f.network).bins;
    let all: u64 = bins.iter().map(|bin| bin.count).sum();
    let bars = bins.iter().map(|bin| {
        let (from, to) = (per_cent(bin.above), per_cent(bin.up_to));
        let value = per_cent(bin.count as f64 / all as f64);
        let says =
            format!("{} to {} %: {}", fixed(from, 0), fixed(to, 0), counted(bin.count as usize, "example"));
        Bar { class: "c-model".into(), from, to, value, says }
    });
    let counts = Chart {
        name: "How sure the predictions are".into(),
        description: "The share of the examples in each tenth of confidence.".into(),
        x: x("confidence (%)"),
        y_title: "share of the examples (%)".into(),
        y_scale: Scale::FromZero,
        shares: true,
        bars: bars.collect(),
        ..Chart::default()
    };
    format!(
        "<div class=\"pair\">\n{}{}</div>\n",
        figure("Reliability", &remark, &curves, Room::Half),
        figure("Confidence", "How sure the predictions are.", &counts, Room::Half)
    )
}

fn matrix(f: &Classification, names: &[&str], noun: &str, judged: &Measured) -> String {
    let mut shown: Vec<usize> = (0..names.len()).collect();
    // Those with the most examples, in their own order.
    shown.sort_by_key(|&class| std::cmp::Reverse(f.classes[class].support));
    shown.truncate(MOST);
    shown.sort_unstable();
    let size = match shown.len() {
        n if n <= ROOMY => "roomy",
        n if n <= CLOSE => "tight",
        _ => "tight tiny",
    };
    let mut out = format!(
        "<figure class=\"matrix\"><figcaption><h3>Confusion matrix</h3><p>{} part. Rows are the true {noun}, columns the \
         predicted one. The shade is the share of the row: <span class=\"key c-model\"></span>right, \
         <span class=\"key c-bad\"></span>wrong.",
        escape(part_name(&judged.part))
    );
    if shown.len() < names.len() {
        let _ = write!(out, " The {} most frequent of {} are shown.", shown.len(), count(names.len()));
    }
    let _ = write!(
        out,
        "</p></figcaption><div class=\"scroll\"><table class=\"confusion {size}\"><thead><tr><td class=\"corner\">\
         true ↓ · predicted →</td>"
    );
    for &class in &shown {
        let name = escape(&shortened(names[class], 18));
        let _ = write!(out, "<th scope=\"col\"><span>{name}</span></th>");
    }
    out.push_str("<th class=\"sum\" scope=\"col\"><span>all</span></th></tr></thead><tbody>");
    for &truth in &shown {
        let support = f.classes[truth].support;
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(&shortened(names[truth], 24)));
        for &predicted in &shown {
            cell(f.confusion[truth][predicted], support, [names[truth], names[predicted]], &mut out);
        }
        let _ = write!(out, "<td class=\"sum\">{}</td></tr>", count(support as usize));
    }
    out.push_str("</tbody></table></div></figure>\n");
    out
}

fn cell(n: u64, support: u64, [truth, predicted]: [&str; 2], out: &mut String) {
    let right = truth == predicted;
    if n == 0 {
        // A class that is there but never found should be seen.
        let missed = right && support > 0;
        out.push_str(if missed { "<td class=\"right none\">0</td>" } else { "<td></td>" });
        return;
    }
    let share = n as f64 / support.max(1) as f64;
    // A single mistake among thousands should still be seen.
    let shade = if right { 8.0 + 84.0 * share } else { 14.0 + 78.0 * share };
    let class = if right { "right" } else { "wrong" };
    let deep = if shade > 55.0 { " deep" } else { "" };
    let says = if right {
        format!("{}: {} right ({} %)", truth, counted(n as usize, "example"), fixed(100.0 * share, 1))
    } else {
        format!(
            "{truth} taken for {predicted}: {} ({} %)",
            counted(n as usize, "example"),
            fixed(100.0 * share, 1)
        )
    };
    let _ = write!(
        out,
        "<td class=\"{class}{deep}\" style=\"--v:{}%\" title=\"{}\">{}</td>",
        fixed(shade, 0),
        escape(&says),
        count(n as usize)
    );
}

/// The table of labels of which an example may have several.
pub(super) fn labels(f: &LabelSets, thresholds: &[f64], judged: &Measured) -> String {
    let mut out = format!(
        "<div class=\"panel scroll tall\"><h3>Every label</h3><p>{} part. A label is predicted that is at least as probable as \
         its threshold.</p><table class=\"classes\"><thead><tr><th>label</th><th>examples</th><th>precision (%)</th>\
         <th>recall (%)</th><th>F1 (%)</th><th>threshold (%)</th></tr></thead><tbody>",
        escape(part_name(&judged.part))
    );
    for (label, score) in f.labels.iter().enumerate() {
        let name = judged.classes.get(label).map_or("?", String::as_str);
        figures_of(name, score, &mut out);
        let threshold = thresholds.get(label).map_or_else(|| "–".to_owned(), |least| fixed(100.0 * least, 1));
        let _ = write!(out, "<td>{threshold}</td></tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}

/// The beginning of a row of a table: a name and its figures.
fn figures_of(name: &str, score: &ClassScore, out: &mut String) {
    let _ = write!(
        out,
        "<tr><th>{}</th><td>{}</td>",
        escape(&shortened(name, 60)),
        count(score.support as usize)
    );
    for value in [score.precision, score.recall, score.f1] {
        let percent = 100.0 * value;
        let _ = write!(
            out,
            "<td><i class=\"meter\" style=\"--v:{}%\"></i>{}</td>",
            fixed(percent, 0),
            fixed(percent, 1)
        );
    }
}

fn table(f: &Classification, names: &[&str], noun: &str) -> String {
    let mut out = format!(
        "<div class=\"panel scroll tall\"><h3>Every {noun}</h3><table class=\"classes\"><thead><tr><th>{noun}</th>\
         <th>examples</th><th>precision (%)</th><th>recall (%)</th><th>F1 (%)</th><th>mostly mistaken for</th></tr></thead>\
         <tbody>"
    );
    for (class, score) in f.classes.iter().enumerate() {
        let row = &f.confusion[class];
        let mistaken = (0..row.len()).filter(|&other| other != class && row[other] > 0);
        let mistaken = mistaken.max_by_key(|&other| (row[other], std::cmp::Reverse(other)));
        let mistaken = mistaken.map_or_else(
            || "–".to_owned(),
            |other| {
                format!(
                    "{} <span class=\"soft\">{} of {}</span>",
                    escape(&shortened(names[other], 40)),
                    count(row[other] as usize),
                    count(score.support as usize)
                )
            },
        );
        figures_of(names[class], score, &mut out);
        let _ = write!(out, "<td>{mistaken}</td></tr>");
    }
    out.push_str("</tbody></table></div>\n");
    out
}
