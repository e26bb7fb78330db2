//! Pictures as files of their own: the charts of the reports, with what of the reports' style they need.

use super::frame::{CHART, THEME};
use super::heat::{self, Heat};
use super::svg::{Bar, Chart, Line, Mark, Scale, XAxis};
use super::text::{self, coordinate, escape};

/// Colours in turn: classes of the reports' style.
pub(super) const CLASSES: [&str; 6] = ["c-model", "c-base1", "c-base0", "c-base3", "c-base2", "c-future"];
/// The size of a chart in pixels, and the heights of its title and of a row of its legend.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const TITLE: f64 = 30.0;
const ROW: f64 = 20.0;
/// What is left free on all sides.
const EDGE: f64 = 16.0;

/// A chart of lines, bars and marks, drawn as those of the reports are, as an SVG document of its own that follows the
/// reader's light or dark theme.
///
/// ```
/// use sumun::report::Picture;
///
/// let falling = (0..30).map(|t| (t as f64, 0.8_f64.powi(t)));
/// let svg = Picture::new("What is left", "steps", "share").logarithmic().line("0.8ᵗ", falling).svg();
/// assert!(svg.starts_with("<svg"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Picture {
    chart: Chart,
    /// The name and class of each line and kind of bar, in the order in which they came.
    legend: Vec<(String, &'static str)>,
}

impl Picture {
    /// An empty chart: its title and those of its axes. Values are on a linear scale.
    pub fn new(title: &str, x: &str, y: &str) -> Self {
        let chart = Chart {
            name: title.into(),
            x: XAxis { title: x.into(), ..XAxis::default() },
            y_title: y.into(),
            ..Chart::default()
        };
        Self { chart, legend: Vec::new() }
    }

    /// With a vertical axis of powers of ten; values that are not above 0 are left out.
    pub fn logarithmic(mut self) -> Self {
        self.chart.y_scale = Scale::Logarithmic;
        self
    }

    /// With a vertical axis that begins at 0.
    pub fn from_zero(mut self) -> Self {
        self.chart.y_scale = Scale::FromZero;
        self
    }

    /// With ticks of the horizontal axis on whole numbers alone.
    pub fn whole(mut self) -> Self {
        self.chart.x.whole = true;
        self
    }

    /// With names, or times, below the positions 0, 1, … of the horizontal axis.
    pub fn labels(mut self, labels: impl IntoIterator<Item = String>) -> Self {
        self.chart.x.labels = labels.into_iter().collect();
        self
    }

    /// Points joined in order; those that are not finite leave gaps. A line of at most twelve points shows them.
    pub fn line(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let class = self.class();
        let points: Vec<(f64, f64)> = points.into_iter().collect();
        let dots = points.len() <= 12;
        self.chart.lines.push(Line { name: name.into(), class: class.into(), points, dots });
        self.legend.push((name.into(), class));
        self
    }

    /// Bars from 0, of one colour, at positions 0, 1, …; `place` of `places` beside one another.
    pub fn bars(mut self, name: &str, (place, places): (usize, usize), values: &[f64]) -> Self {
        let class = self.class();
        let wide = 0.8 / places.max(1) as f64;
        self.chart.bars.extend(values.iter().enumerate().map(|(at, &value)| {
            let from = at as f64 - 0.4 + wide * place as f64;
            let says = format!("{name}: {}", text::number(value));
            Bar { class: class.into(), from, to: from + wide, value, says }
        }));
        self.legend.push((name.into(), class));
        self
    }

    /// An upright line with words.
    pub fn mark(mut self, at: f64, says: &str) -> Self {
        self.chart.marks.push(Mark { class: "c-good".into(), at, says: says.into() });
        self
    }

    /// The colour of the next line.
    fn class(&self) -> &'static str {
        CLASSES[self.legend.len() % CLASSES.len()]
    }

    /// The whole SVG document.
    pub fn svg(&self) -> String {
        let (mut legend, mut x, mut row) = (String::new(), 0.0, 0.0);
        let named: Vec<_> = self.legend.iter().filter(|(name, _)| !name.is_empty()).collect();
        for (name, class) in &named {
            let wide = 24.0 + text::width(name) * 12.0;
            if x > 0.0 && x + wide > WIDTH {
                (x, row) = (0.0, row + ROW);
            }
            let (from, to, text) = (coordinate(x), coordinate(x + 16.0), coordinate(x + 24.0));
            let (line, letters) = (coordinate(row + 8.0), coordinate(row + 12.0));
            legend.push_str(&format!(
                "<g class=\"{class}\"><line x1=\"{from}\" x2=\"{to}\" y1=\"{line}\" y2=\"{line}\" \
                 style=\"stroke:var(--c);stroke-width:3\"/><text x=\"{text}\" y=\"{letters}\">{}</text></g>",
                escape(name)
            ));
            x += wide + 24.0;
        }
        let top = TITLE + if named.is_empty() { 0.0 } else { row + ROW + 6.0 };
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let mut chart = self.chart.clone();
        chart.description = format!("{}: {}.", chart.name, names.join(", "));
        let place = format!("<svg y=\"{0}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" ", coordinate(top));
        let drawn = chart.draw(WIDTH, HEIGHT, "chart").replacen("<svg ", &place, 1);
        let legend = format!("<g transform=\"translate(0 {TITLE})\">{legend}</g>");
        document(&self.chart.name, (WIDTH, top + HEIGHT), &format!("{legend}{drawn}"))
    }
}

/// A heat map of weights, row by row, as an SVG document of its own: a row for each of `rows`, a column for each of `columns`,
/// the deeper the nearer to 1. Missing weights are 0.
pub fn weights_picture(title: &str, rows: &[String], columns: &[String], weights: &[f32]) -> String {
    let heat = Heat { name: title, rows, columns, weights };
    let (width, height) = heat.size();
    let place = format!("<svg y=\"{TITLE}\" ");
    let drawn = heat::draw(&heat).replacen("<svg ", &place, 1);
    document(title, (width.max(text::width(title) * 15.0 + EDGE), height + TITLE), &drawn)
}

/// A drawing below its title, on a ground of its own.
fn document(title: &str, (width, height): (f64, f64), inside: &str) -> String {
    let (w, h) = (coordinate(width + 2.0 * EDGE), coordinate(height + 2.0 * EDGE));
    let title = escape(title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
         aria-label=\"{title}\" style=\"font-family:system-ui,'Noto Sans KR',NanumGothic,sans-serif\"><style>{THEME}{CHART}\
         </style><rect width=\"{w}\" height=\"{h}\" style=\"fill:var(--panel)\"/><g transform=\"translate({EDGE} {EDGE})\">\
         <text y=\"14\" style=\"font-size:15px;font-weight:600;fill:var(--ink)\">{title}</text>{inside}</g></svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check::well_formed;

    #[test]
    fn pictures_are_documents_of_their_own() {
        let picture = Picture::new("오차 <MSE>", "length", "MSE")
            .logarithmic()
            .line("LSTM & GRU", [(10.0, 0.1), (30.0, f64::NAN), (50.0, 1e-3)])
            .mark(30.0, "here")
            .svg();
        well_formed(&picture).unwrap();
        for part in ["오차 &lt;MSE&gt;", "LSTM &amp; GRU", ">here</text>", "prefers-color-scheme: dark"] {
            assert!(picture.contains(part), "{part}");
        }
        assert!(!picture.contains("NaN"));
        let bars = Picture::new("t", "x", "y").from_zero().bars("a", (0, 2), &[0.5, 0.25]).svg();
        well_formed(&bars).unwrap();
        assert_eq!(bars.matches("class=\"bar").count(), 2);
        let words = ["a".to_owned(), "나".to_owned()];
        let heat = weights_picture("weights", &words, &words, &[1.0, 0.0, 0.25]);
        well_formed(&heat).unwrap();
        assert_eq!(heat.matches("--v:").count(), 4);
        // A picture has the rules of charts and none of pages.
        assert!(picture.len() < 9_000, "{}", picture.len());
    }
}
