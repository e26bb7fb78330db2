//! How a model was made: data, settings, layers, words, and how to do it again.

use std::fmt::Write;

use sumun_kernels::Path;

use super::words::{amount, part_name};
use crate::report::frame::{self, Again, fact};
use crate::report::text::{count, counted, escape, fixed, shortened};
use crate::tasks::finished::SequenceOutcome;
use crate::tasks::layers::layer_rows;
use crate::tasks::protocol::About;

/// How many tokens of largest norm are shown.
const LARGEST: usize = 5;

/// Everything.
pub(super) fn section(trained: &SequenceOutcome, about: &About) -> String {
    let mut out = String::new();
    data(trained, &mut out);
    settings(trained, &mut out);
    let summary = &trained.summary;
    frame::layers(&layer_rows(summary), summary.parameters(), &mut out);
    norms(trained, &mut out);
    let again = Again {
        commands: &[
            ("Train: the same seed gives the same model on the same instruction set.", &about.command),
            ("Use the trained model.", &about.predict_command),
        ],
        version: env!("CARGO_PKG_VERSION"),
        seed: trained.seed,
        threads: about.threads,
        path: Path::best().name(),
        seconds: trained.seconds,
    };
    frame::again(&again, &mut out);
    out
}

fn data(trained: &SequenceOutcome, out: &mut String) {
    out.push_str("<div class=\"panel\"><h3>Data</h3><dl class=\"facts\">");
    fact("File", &trained.train_file.to_string_lossy(), out);
    fact("To learn from", &amount(trained), out);
    for measured in &trained.measured {
        fact(part_name(&measured.part), &measured.amount(), out);
    }
    if !trained.classes.is_empty() {
        fact("Labels", &counted(trained.classes.len(), "label"), out);
    }
    if let Some(tokens) = &trained.tokens {
        fact("Vocabulary", &counted(tokens.len(), "token"), out);
    }
    out.push_str("</dl></div>\n");
}

/// Every setting that the task reads; those that are not the default stand out.
fn settings(trained: &SequenceOutcome, out: &mut String) {
    let (table, settings) = (&trained.config, &trained.settings);
    out.push_str(
        "<div class=\"panel\"><h3>Settings</h3><p>Those that are not the default are marked.</p><dl class=\"settings\">",
    );
    let reads_text = trained.tokens.is_some();
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
fn norms(trained: &SequenceOutcome, out: &mut String) {
    let Some(tokens) = &trained.tokens else { return };
    let weight =
        trained.summary.rows.first().and_then(|row| trained.file.tensor(&format!("{}.weight", row.name)));
    // Behind the tokens' vectors are those of their parts.
    let Some(weight) = weight.filter(|weight| weight.shape.first() >= Some(&tokens.len())) else { return };
    let features = weight.shape.get(1).copied().unwrap_or(0).max(1);
    let norm = |row: &[f32]| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let norms: Vec<f64> = weight.values.chunks_exact(features).take(tokens.len()).map(norm).collect();
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
