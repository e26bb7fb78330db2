//! Pictures as files of their own: the charts of the reports, with what of the reports' style they need.

use std::fmt::Write;

use super::figures::keys;
use super::frame::{CHART, THEME};
use super::heat::{self, Heat, Signed};
use super::svg::{Bar, Chart, Line, Mark, RINGS, Scale, XAxis};
use super::text::{self, coordinate, escape, fixed, shortened};

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
    /// The class and name of each line and kind of bar, in the order in which they came.
    legend: Vec<(String, String)>,
    /// How many colours are taken.
    colours: usize,
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
        Self { chart, ..Self::default() }
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

    /// With a vertical axis from one value to another, where it is not one of powers of ten.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.chart.y_range = Some((low, high));
        self
    }

    /// With the value of each bar at its end.
    pub fn figures(mut self) -> Self {
        self.chart.figures = true;
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
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let class = self.next_class().to_owned();
        self.with_line(name, class, points.into_iter().collect())
    }

    /// As [`line`](Self::line), dashed.
    pub fn dashed(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let class = [self.next_class(), "dashed"].join(" ");
        self.with_line(name, class, points.into_iter().collect())
    }

    /// Rings at points, in the colour of the line before them, and no line.
    pub fn rings(mut self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.colours = self.colours.saturating_sub(1);
        let class = format!("{} {RINGS}", self.next_class());
        self.with_line(name, class, points.into_iter().collect())
    }

    fn with_line(mut self, name: &str, class: String, points: Vec<(f64, f64)>) -> Self {
        let dots = points.len() <= 12;
        self.chart.lines.push(Line { name: name.into(), class: class.clone(), points, dots });
        self.named(name, class)
    }

    /// Bars from 0, of one colour, at positions 0, 1, …; `place` of `places` beside one another.
    pub fn bars(mut self, name: &str, (place, places): (usize, usize), values: &[f64]) -> Self {
        let class = self.next_class();
        let wide = 0.8 / places.max(1) as f64;
        self.chart.bars.extend(values.iter().enumerate().map(|(at, &value)| {
            let from = at as f64 - 0.4 + wide * place as f64;
            let says = format!("{name}: {}", text::number(value));
            Bar { class: class.into(), from, to: from + wide, value, says }
        }));
        self.named(name, class.into())
    }

    /// An upright line with words.
    pub fn mark(mut self, at: f64, says: &str) -> Self {
        self.chart.marks.push(Mark { class: "c-good".into(), at, says: says.into() });
        self
    }

    /// The colour of the next line.
    fn next_class(&self) -> &'static str {
        CLASSES[self.colours % CLASSES.len()]
    }

    fn named(mut self, name: &str, class: String) -> Self {
        self.legend.push((class, name.into()));
        self.colours += 1;
        self
    }

    /// The whole SVG document.
    pub fn svg(&self) -> String {
        let named: Vec<_> = self.legend.iter().filter(|(_, name)| !name.is_empty()).cloned().collect();
        let names: Vec<&str> = named.iter().map(|(_, name)| name.as_str()).collect();
        let mut chart = self.chart.clone();
        chart.description = format!("{}: {}.", chart.name, names.join(", "));
        below_its_legend(&self.chart.name, &chart, &named)
    }
}

/// A chart of a report as an SVG document of its own.
pub(crate) fn chart_picture(title: &str, chart: &Chart) -> String {
    let keys = if chart.lines.len() > 1 || chart.always_named { keys(chart) } else { Vec::new() };
    below_its_legend(title, chart, &keys)
}

fn below_its_legend(title: &str, chart: &Chart, named: &[(String, String)]) -> String {
    let (mut legend, mut x, mut row) = (String::new(), 0.0, 0.0);
    for (class, name) in named {
        let wide = 24.0 + text::width(name) * 12.0;
        if x > 0.0 && x + wide > WIDTH {
            (x, row) = (0.0, row + ROW);
        }
        let (middle, text) = (coordinate(row + 8.0), coordinate(x + 24.0));
        let _ = match class.ends_with(RINGS) {
            true => {
                write!(
                    legend,
                    "<circle class=\"dot {class}\" cx=\"{}\" cy=\"{middle}\" r=\"4\"/>",
                    coordinate(x + 8.0)
                )
            }
            false => write!(
                legend,
                "<line class=\"line key {class}\" x1=\"{}\" x2=\"{}\" y1=\"{middle}\" y2=\"{middle}\"/>",
                coordinate(x),
                coordinate(x + 16.0)
            ),
        };
        let word = class.split(' ').next().unwrap_or_default();
        let _ = write!(
            legend,
            "<text class=\"{word}\" x=\"{text}\" y=\"{}\">{}</text>",
            coordinate(row + 12.0),
            escape(name)
        );
        x += wide + 24.0;
    }
    let top = TITLE + if named.is_empty() { 0.0 } else { row + ROW + 6.0 };
    let place = format!("<svg y=\"{0}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" ", coordinate(top));
    let drawn = chart.draw(WIDTH, HEIGHT, "chart").replacen("<svg ", &place, 1);
    let legend = format!("<g transform=\"translate(0 {TITLE})\">{legend}</g>");
    document(title, (WIDTH, top + HEIGHT), &format!("{legend}{drawn}"))
}

/// A heat map of weights, row by row, as an SVG document of its own: a row for each of `rows`, a column for each of `columns`,
/// the deeper the nearer to 1. Missing weights are 0.
pub fn weights_picture(title: &str, rows: &[String], columns: &[String], weights: &[f32]) -> String {
    let heat = Heat { name: title, rows, columns, weights };
    let place = format!("<svg y=\"{TITLE}\" ");
    let drawn = heat::draw(&heat).replacen("<svg ", &place, 1);
    let (width, height) = heat.size();
    document(title, (width, height + TITLE), &drawn)
}

/// A heat map of states or gates, row by row, as an SVG document of its own: a row for each of `rows`, a column for each of `columns`;
/// grey at 0, blue down to −1, red up to 1, with a bar of the colours beside it. Cells have their numbers where these have space. Missing
/// values are 0.
pub fn states_picture(title: &str, rows: &[String], columns: &[String], values: &[f32]) -> String {
    const TALL: f64 = 34.0;
    const BAR: f64 = 20.0;
    let widest = rows.iter().map(|name| text::width(name)).fold(0.0, f64::max);
    let (left, right) = ((12.0 * widest).ceil() + 8.0, WIDTH - BAR - 56.0);
    let (wide, height) = ((right - left) / columns.len().max(1) as f64, TALL * rows.len() as f64);
    let mut all = values.to_vec();
    all.resize(rows.len() * columns.len(), 0.0);
    let map = Signed { rows: rows.len(), columns: columns.len(), values: &all, largest: 1.0 };
    let mut out = format!("<g transform=\"translate(0 {TITLE})\">");
    out += &map.draw((left, 0.0), (right - left, height));
    let mut say = |class: &str, (x, y): (f64, f64), anchor: &str, what: &str| {
        let (x, y, what) = (coordinate(x), coordinate(y + 4.0), escape(what));
        let _ =
            write!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{what}</text>");
    };
    for (row, name) in rows.iter().enumerate() {
        say("tick", (left - 8.0, TALL * (row as f64 + 0.5)), "end", name);
    }
    for (column, name) in columns.iter().enumerate() {
        let middle = left + wide * (column as f64 + 0.5);
        say("tick", (middle, height + 14.0), "middle", name);
        for (row, &value) in all.iter().skip(column).step_by(columns.len()).enumerate() {
            // In the deepest colours the ground's is read best.
            let class = if value.abs() > 0.6 { "deep" } else { "figure" };
            if wide >= 36.0 {
                say(class, (middle, TALL * (row as f64 + 0.5)), "middle", &fixed(f64::from(value), 2));
            }
        }
    }
    for (name, share) in [("1", 0.0), ("0", 0.5), ("−1", 1.0)] {
        say("tick", (right + 24.0 + BAR + 8.0, height * share), "start", name);
    }
    let scale: Vec<f32> = (0..61).map(|step| 1.0 - step as f32 / 30.0).collect();
    let scale = Signed { rows: scale.len(), columns: 1, values: &scale, largest: 1.0 };
    out += &scale.draw((right + 24.0, 0.0), (BAR, height));
    document(title, (WIDTH, TITLE + height + 24.0), &(out + "</g>"))
}

/// A map of [`maps_picture`]: its name, what is said beside it, its values, and how high it is.
pub(crate) struct Map<'a> {
    pub(crate) name: &'a str,
    pub(crate) says: String,
    pub(crate) values: Signed<'a>,
    pub(crate) height: f64,
}

/// Maps of the same steps, one below the other, as an SVG document of its own, with what some of the steps are called.
pub(crate) fn maps_picture(title: &str, maps: &[Map<'_>], steps: &[String]) -> String {
    let mut out = format!("<g transform=\"translate(0 {TITLE})\">");
    let mut top = 0.0;
    for Map { name, says, values, height } in maps {
        let says = escape(says);
        let after = coordinate(text::width(name) * 13.0 + 10.0);
        let y = coordinate(top + 14.0);
        let _ = write!(
            out,
            "<text class=\"figure\" y=\"{y}\">{}</text><text class=\"meaning\" x=\"{after}\" y=\"{y}\">{says}</text>",
            escape(name)
        );
        out += &values.draw((0.0, top + 20.0), (WIDTH, *height));
        top += 20.0 + height + 8.0;
    }
    let wide = WIDTH / steps.len().max(1) as f64;
    let widest = steps.iter().map(|name| text::width(name) * 11.0).fold(0.0, f64::max);
    let turned = widest + 6.0 > wide && steps.iter().all(|name| !name.is_empty());
    let mut free = f64::NEG_INFINITY;
    for (step, name) in steps.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let (x, half) = (wide * (step as f64 + 0.5), text::width(name) * 5.5);
        let name = escape(name);
        if turned {
            let (x, y) = (coordinate(x + 4.0), coordinate(top + 4.0));
            let _ = write!(
                out,
                "<text class=\"tick\" transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"end\">{name}</text>"
            );
        } else if x - half > free {
            let x = x.clamp(half, (WIDTH - half).max(half));
            let (at, y) = (coordinate(x), coordinate(top + 12.0));
            let _ =
                write!(out, "<text class=\"tick\" x=\"{at}\" y=\"{y}\" text-anchor=\"middle\">{name}</text>");
            free = x + half + 6.0;
        }
    }
    let below = if turned { widest + 12.0 } else { 20.0 };
    document(title, (WIDTH, TITLE + top + below), &(out + "</g>"))
}

/// A line of [`list_picture`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    /// How long its bar is, as a share of the longest there can be.
    pub(crate) share: f64,
    /// Which side a signed value is on; None of one without a sign.
    pub(crate) speaks_for: Option<bool>,
    /// Its value.
    pub(crate) says: String,
}

/// Names with bars and values, one below the other, as an SVG document of its own.
pub(crate) fn list_picture(title: &str, all: &[Listed]) -> String {
    const ROOM: f64 = 560.0;
    const TALL: f64 = 26.0;
    let most = |of: &dyn Fn(&Listed) -> f64| 12.0 * all.iter().map(of).fold(0.0, f64::max) + 12.0;
    let (left, right) = (most(&|one| text::width(&one.name)), ROOM - most(&|one| text::width(&one.says)));
    let mut out = format!("<g transform=\"translate(0 {TITLE})\">");
    for (place, one) in all.iter().enumerate() {
        let top = TALL * place as f64;
        let class = match one.speaks_for {
            None => "cell",
            Some(true) => "high",
            Some(false) => "low",
        };
        let room = (right - left).max(60.0);
        let _ = write!(
            out,
            "<text y=\"{y}\" class=\"figure\">{}</text><rect class=\"ground\" x=\"{x}\" y=\"{bar}\" width=\"{}\" height=\"10\" rx=\"5\"/>\
             <rect class=\"{class}\" x=\"{x}\" y=\"{bar}\" width=\"{}\" height=\"10\" rx=\"5\"/>\
             <text class=\"figure\" x=\"{ROOM}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
            escape(&one.name),
            coordinate(room),
            coordinate(room * one.share.clamp(0.0, 1.0)),
            escape(&one.says),
            x = coordinate(left),
            y = coordinate(top + 16.0),
            bar = coordinate(top + 7.0),
        );
    }
    document(title, (ROOM, TITLE + TALL * all.len() as f64), &format!("<g class=\"heat\">{out}</g></g>"))
}

/// A drawing below its title, on a ground of its own.
fn document(title: &str, (width, height): (f64, f64), inside: &str) -> String {
    let title = shortened(title, 120);
    let width = width.max(text::width(&title) * 15.0 + EDGE);
    let (w, h) = (coordinate(width + 2.0 * EDGE), coordinate(height + 2.0 * EDGE));
    let title = escape(&title);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
         aria-label=\"{title}\" font-family=\"system-ui,'Noto Sans KR',NanumGothic,sans-serif\"><style>{THEME}{CHART}\
         </style><rect class=\"paper\" width=\"{w}\" height=\"{h}\"/><g transform=\"translate({EDGE} {EDGE})\">\
         <text class=\"title\" y=\"14\">{title}</text>{inside}</g></svg>\n"
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
        assert_eq!(heat.matches("class=\"cell\"").count(), 4);
        let states = states_picture("states", &words, &words, &[1.0, -0.7, 0.0]);
        well_formed(&states).unwrap();
        let cells =
            ["deep", "figure"].map(|class| states.matches(&format!("<text class=\"{class}\"")).count());
        assert_eq!(cells, [2, 2]);
        let rings = Picture::new("t", "x", "y")
            .line("a", [(0.0, 1.0)])
            .rings("b", [(1.0, 2.0), (2.0, 1.0)])
            .dashed("c", []);
        let rings = rings.line("d", (0..20).map(|x| (f64::from(x), 1.0))).svg();
        well_formed(&rings).unwrap();
        // One in the legend, in the colour of the line before.
        assert_eq!(rings.matches("class=\"dot c-model rings\"").count(), 3);
        assert_eq!(rings.matches("<path class=\"line").count(), 1);
        assert!(
            rings.contains("class=\"line key c-base1 dashed\"") && rings.contains("class=\"line c-base0\"")
        );
        // A picture has the rules of charts and none of pages.
        assert!(picture.len() < 9_000, "{}", picture.len());
    }
}
