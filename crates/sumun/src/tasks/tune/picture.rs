//! Parallel coordinates: an axis a setting, a line a trial (Inselberg 1985), as SVG at the sizes of the reports' figures.

use std::fmt::Write;

use crate::report::text::{coordinate, escape, shortened, width};

/// The size of text in pixels.
const FONT: f64 = 12.0;
/// The sizes of the drawing, as style.css shows them.
const SIZES: [(&str, f64, f64); 3] =
    [("wide", 1040.0, 420.0), ("middle", 700.0, 400.0), ("narrow", 360.0, 340.0)];

/// An axis from its lower to its upper end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub(super) name: String,
    /// What stands beside it, each at a height from 0 to 1.
    pub(super) labels: Vec<(f64, String)>,
}

/// A line through all axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Thread {
    /// A CSS class that sets `--c`, and another for its weight.
    pub(super) class: &'static str,
    /// The height at each axis, from 0 to 1; the line has a gap where there is none.
    pub(super) heights: Vec<Option<f64>>,
    /// What the browser shows over it.
    pub(super) says: String,
}

/// The figure: legend and drawings. The last threads lie over the others.
pub(super) fn parallel(
    axes: &[Axis],
    threads: &[Thread],
    legend: &[(&str, &str)],
    description: &str,
) -> String {
    let mut out = String::from(
        "<figure class=\"full parallel\"><figcaption><h3>Settings and what they came to</h3><p>",
    );
    let _ = write!(out, "{}</p></figcaption><ul class=\"legend\">", escape(description));
    for (class, name) in legend {
        let _ = write!(out, "<li class=\"{class}\">{}</li>", escape(name));
    }
    out.push_str("</ul><div class=\"drawings\">");
    for (class, width, height) in SIZES {
        draw(axes, threads, (class, width, height), description, &mut out);
    }
    out.push_str("</div></figure>\n");
    out
}

fn draw(
    axes: &[Axis],
    threads: &[Thread],
    (class, wide, high): (&str, f64, f64),
    says: &str,
    out: &mut String,
) {
    let widest = |axis: &Axis| {
        let labels = axis.labels.iter().map(|(_, label)| width(label) * FONT);
        labels.fold(0.0, f64::max)
    };
    // Labels stand right of their axis.
    let (left, right) = (10.0, wide - axes.last().map_or(0.0, widest) - 10.0);
    let (top, bottom) = (52.0, high - 14.0);
    let gap = (right - left) / (axes.len().max(2) - 1) as f64;
    let x = |axis: usize| left + axis as f64 * gap;
    let y = |height: f64| bottom - height * (bottom - top);
    let _ = write!(
        out,
        "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"Parallel coordinates of the trials\">\
         <desc>{}</desc>",
        coordinate(wide),
        coordinate(high),
        escape(says)
    );
    // Names of neighbours stand at two heights where they would touch.
    let fit = axes.iter().all(|axis| width(&axis.name) * FONT < 0.65 * gap);
    for (at, _) in axes.iter().enumerate() {
        let _ = write!(
            out,
            "<line class=\"grid base\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
            coordinate(top),
            coordinate(bottom),
            x = coordinate(x(at))
        );
    }
    for thread in threads {
        let mut path = String::new();
        let mut drawn = false;
        for (at, height) in thread.heights.iter().enumerate() {
            if let Some(height) = height {
                let step = if drawn { 'L' } else { 'M' };
                let _ = write!(path, "{step}{} {}", coordinate(x(at)), coordinate(y(*height)));
            }
            drawn = height.is_some();
        }
        let _ = write!(
            out,
            "<path class=\"line {}\" d=\"{path}\"><title>{}</title></path>",
            thread.class,
            escape(&thread.says)
        );
    }
    for (at, axis) in axes.iter().enumerate() {
        let last = at + 1 == axes.len();
        let (anchor, name_x) = match at {
            0 => ("start", 0.0),
            _ if last => ("end", wide),
            _ => ("middle", x(at)),
        };
        let name_y = if fit || at % 2 == 0 { 14.0 } else { 32.0 };
        let most = ((2.0 * gap - 12.0) / (0.56 * FONT)).max(4.0) as usize;
        let _ = write!(
            out,
            "<text class=\"axis-title\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            coordinate(name_x),
            coordinate(name_y),
            escape(&shortened(&axis.name, most))
        );
        let room = if last { f64::INFINITY } else { gap - 10.0 };
        let cut = (widest(axis) > room).then_some((room / (0.56 * FONT)).max(3.0) as usize);
        for (height, label) in &axis.labels {
            let label = cut.map_or_else(|| label.clone(), |most| shortened(label, most));
            let _ = write!(
                out,
                "<text class=\"halo\" x=\"{}\" y=\"{}\" text-anchor=\"start\">{}</text>",
                coordinate(x(at) + 5.0),
                coordinate(y(*height) + 4.0),
                escape(&label)
            );
        }
    }
    out.push_str("</svg>");
}
