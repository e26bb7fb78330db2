//! A picture of how gradients vanish or explode in backpropagation through time.

use super::frame::STYLE;
use super::svg::{Chart, Line, Scale, XAxis};
use super::text::{self, coordinate, escape};

/// Colours for lines in turn: classes of the page's style.
pub(super) const CLASSES: [&str; 6] = ["c-model", "c-base0", "c-base1", "c-base2", "c-base3", "c-future"];

/// Gradient norms against the distance in time, one line a layer or network, on a logarithmic scale: a whole SVG document.
///
/// Each line is a name and the norm at 0, 1, 2 … steps before the end, as
/// [`StateGradients::norms`](crate::nn::StateGradients::norms) gives it. A straight line downwards is a gradient that
/// vanishes exponentially (Hochreiter 1991; Bengio, Simard & Frasconi 1994). Norms of 0, and those that are not finite,
/// are left out.
pub fn gradient_norms_picture(lines: &[(&str, &[f64])]) -> String {
    let line = |(index, (name, norms)): (usize, &(&str, &[f64]))| Line {
        name: (*name).into(),
        class: CLASSES[index % CLASSES.len()].into(),
        points: norms.iter().enumerate().map(|(distance, &norm)| (distance as f64, norm)).collect(),
        dots: false,
    };
    let names: Vec<&str> = lines.iter().map(|(name, _)| *name).collect();
    let chart = Chart {
        name: "Gradient norm against distance in time".into(),
        description: format!("The norm of the gradient of the hidden state: {}.", names.join(", ")),
        x: XAxis { title: "steps before the end".into(), whole: true, ..XAxis::default() },
        y_title: "‖dL/dh‖".into(),
        y_scale: Scale::Logarithmic,
        lines: lines.iter().enumerate().map(line).collect(),
        ..Chart::default()
    };
    document(&chart, 900.0, 400.0)
}

/// A chart as an SVG document of its own, with its style and the names of its lines.
fn document(chart: &Chart, width: f64, height: f64) -> String {
    const LEGEND: f64 = 26.0;
    let (w, h, all) = (coordinate(width), coordinate(height), coordinate(height + LEGEND));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{all}\" viewBox=\"0 0 {w} {all}\" style=\"font-family:sans-serif\"><style>{STYLE}</style>"
    );
    let mut x = 0.0;
    for line in &chart.lines {
        let (class, name) = (&line.class, escape(&line.name));
        let (from, to, text) = (coordinate(x), coordinate(x + 16.0), coordinate(x + 24.0));
        out.push_str(&format!(
            "<g class=\"{class}\"><line x1=\"{from}\" x2=\"{to}\" y1=\"11\" y2=\"11\" style=\"stroke:var(--c);stroke-width:3\"/>\
             <text class=\"tick\" x=\"{text}\" y=\"15\">{name}</text></g>"
        ));
        x += 48.0 + text::width(&line.name) * 12.0;
    }
    let place = format!("<svg y=\"{}\" width=\"{w}\" height=\"{h}\" ", coordinate(LEGEND));
    out.push_str(&chart.draw(width, height, "chart").replacen("<svg ", &place, 1));
    out.push_str("</svg>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check::well_formed;

    #[test]
    fn is_a_document_of_its_own_with_every_name() {
        let falling: Vec<f64> = (0..30).map(|t| 0.5_f64.powi(t)).collect();
        let picture =
            gradient_norms_picture(&[("RNN <tanh>", &falling), ("LSTM", &[1.0, 0.9, f64::NAN, 0.0])]);
        assert!(picture.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""), "{picture}");
        well_formed(&picture).unwrap();
        for part in ["RNN &lt;tanh&gt;", "LSTM", "steps before the end", "<style>", "<path"] {
            assert!(picture.contains(part), "{part}");
        }
        assert!(!picture.contains("NaN") && gradient_norms_picture(&[]).contains("<svg"));
    }
}
