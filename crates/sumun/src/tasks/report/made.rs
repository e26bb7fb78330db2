//! How a model was made: data, settings, layers, words, and how to do it again.

use std::fmt::Write;

use sumun_kernels::Path;
use toml::Table;

use super::{About, amount, part_amount, part_name};
use crate::report::frame::{self, Again, fact};
use crate::report::text::{count, counted, escape, fixed, shortened};
use crate::tasks::config::TaskConfig;
use crate::tasks::finished::SequenceOutcome;
use crate::tasks::layers::layer_rows;
use crate::tasks::trained::TrainedTask;

/// How many tokens of largest norm are shown.
const LARGEST: usize = 5;

/// Everything.
pub(super) fn section(trained: &SequenceOutcome, task: Option<&TrainedTask>, about: &About) -> String {
    let mut out = String::new();
    data(trained, task, &mut out);
    settings(trained, task, &mut out);
    if let Some(task) = task {
        let summary = task.model.summary();
        frame::layers(&layer_rows(&summary), summary.parameters(), &mut out);
        norms(trained, task, &mut out);
    }
    let again = Again {
        commands: &[
            ("Train: the same seed gives the same model on the same instruction set.", &about.command),
            ("Use the trained model.", &about.predict_command),
        ],
        version: env!("CARGO_PKG_VERSION"),
        seed: trained.config.train.seed,
        threads: about.threads,
        path: Path::best().name(),
        seconds: trained.seconds,
    };
    frame::again(&again, &mut out);
    out
}

fn data(trained: &SequenceOutcome, task: Option<&TrainedTask>, out: &mut String) {
    let config = &trained.config;
    out.push_str("<div class=\"panel\"><h3>Data</h3><dl class=\"facts\">");
    fact("File", &config.data.train.to_string_lossy(), out);
    fact("To learn from", &amount(trained), out);
    for measured in &trained.measured {
        fact(part_name(&measured.part), &part_amount(measured), out);
    }
    if let Some(task) = task {
        let classes = task.pipeline.class_names().len();
        if classes > 0 {
            fact("Labels", &counted(classes, "label"), out);
        }
        if let Some(tokens) = task.pipeline.tokens() {
            fact("Vocabulary", &counted(tokens.len(), "token"), out);
        }
    }
    out.push_str("</dl></div>\n");
}

/// Every setting that the task reads; those that are not as they would be unless told stand out.
fn settings(trained: &SequenceOutcome, task: Option<&TrainedTask>, out: &mut String) {
    let config = &trained.config;
    let (Ok(table), Ok(settings)) = (Table::try_from(config), TaskConfig::settings(config.task)) else {
        return;
    };
    out.push_str(
        "<div class=\"panel\"><h3>Settings</h3><p>Those that are not the default are marked.</p><dl class=\"settings\">",
    );
    let reads_text = task.is_none_or(|task| task.pipeline.tokens().is_some());
    let of_text = |key: &str| key.starts_with("text.") || key == "network.embedding";
    // What does nothing here is left out.
    let idle = |key: &str| if reads_text { key == "data.x_layout" } else { of_text(key) };
    for setting in settings.rows().filter(|setting| !idle(&setting.key())) {
        let value = match table.get(setting.section).and_then(|section| section.get(setting.name)) {
            Some(toml::Value::String(text)) => text.clone(),
            // As defaults are written: `0`, not `0.0`.
            Some(toml::Value::Float(number)) => number.to_string(),
            Some(value) => value.to_string(),
            None => continue,
        };
        let default = settings.default_of(setting);
        let changed = default.as_deref() != Some(value.as_str()) && setting.key() != "data.train";
        let class = if changed { " class=\"changed\"" } else { "" };
        let usual = match default {
            Some(default) if changed => format!("<span>default {}</span>", escape(&default)),
            _ => String::new(),
        };
        let _ = write!(
            out,
            "<div{class}><dt title=\"{}\">{}</dt><dd>{}{usual}</dd></div>",
            escape(setting.help),
            escape(&setting.option()),
            escape(&shortened(&value, 80))
        );
    }
    out.push_str("</dl></div>\n");
}

/// The tokens whose vectors are longest: those that move the network most.
fn norms(trained: &SequenceOutcome, task: &TrainedTask, out: &mut String) {
    let Some(tokens) = task.pipeline.tokens() else { return };
    let summary = task.model.summary();
    let weight = summary.rows.first().and_then(|row| trained.file.tensor(&format!("{}.weight", row.name)));
    let Some(weight) = weight.filter(|weight| weight.shape.first() == Some(&tokens.len())) else { return };
    let features = weight.shape.get(1).copied().unwrap_or(0).max(1);
    let norm = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let norms: Vec<f64> = weight.values.chunks_exact(features).map(norm).collect();
    let mut order: Vec<usize> = (0..norms.len()).collect();
    order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]));
    let Some(&largest) = order.first() else { return };
    let mean = norms.iter().sum::<f64>() / norms.len() as f64;
    let _ = write!(
        out,
        "<div class=\"panel\"><h3>Longest word vectors</h3><p>The Euclidean norm of a token’s vector; the mean of all {} is \
         {}.</p><ul class=\"norms\">",
        count(norms.len()),
        fixed(mean, 2)
    );
    for &token in order.iter().take(LARGEST) {
        let _ = write!(
            out,
            "<li><code>{}</code><i style=\"--v:{}%\"></i><b>{}</b></li>",
            escape(&shortened(&visible(&tokens[token]), 24)),
            fixed((100.0 * norms[token] / norms[largest].max(f64::MIN_POSITIVE)).clamp(0.0, 100.0), 0),
            fixed(norms[token], 2)
        );
    }
    out.push_str("</ul></div>\n");
}

/// A token that people can see.
fn visible(token: &str) -> String {
    match token {
        "\n" => "line end".into(),
        " " => "space".into(),
        token => token.into(),
    }
}
