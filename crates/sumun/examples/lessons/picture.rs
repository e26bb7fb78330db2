//! The pictures that the lessons draw, as SVG: lines on common axes, bars and heat maps. They follow the reader's light or
//! dark theme.

use ndarray::ArrayView2;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 876.0;
const BOTTOM: f64 = 346.0;
/// Where the title, the legend and the label of the y axis stand. A row of the legend is as high as this.
const TITLE: f64 = 28.0;
const LEGEND: f64 = 52.0;
const ROW: f64 = 18.0;

/// How many colours tell lines apart before they begin again.
const COLOURS: usize = 6;

const STYLE: &str = "\
svg { font: 12px system-ui, -apple-system, 'Segoe UI', 'Noto Sans KR', 'Apple SD Gothic Neo', 'Malgun Gothic', sans-serif; \
--page: #ffffff; --ink: #16181d; --soft: #5d6470; --grid: #eceef1; --base: #a9afba; \
--c0: #2563c9; --c1: #d0432b; --c2: #16834f; --c3: #8a4fc0; --c4: #b36b00; --c5: #4b5563; }
@media (prefers-color-scheme: dark) { svg { --page: #15181e; --ink: #eef0f4; --soft: #a3aab8; --grid: #262b34; \
--base: #5b6371; --c0: #7aa7ff; --c1: #ff8a70; --c2: #4fcf95; --c3: #c79bf2; --c4: #f2b24d; --c5: #b4bcc9; } }
.page { fill: var(--page); } text { fill: var(--soft); } .title { fill: var(--ink); font-size: 16px; font-weight: 600; }
.value { fill: var(--ink); } .grid { stroke: var(--grid); } .axis { stroke: var(--base); }
.mark { stroke: var(--soft); stroke-dasharray: 2 4; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.dashed { stroke-dasharray: 7 5; } .dot { stroke-width: 2; fill: var(--page); } .bar { fill: var(--c0); }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); }
.s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); }
";

/// Lines over a common x axis, and upright marks.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) lines: Vec<Line>,
    /// Where an upright line stands, and what it says.
    pub(crate) marks: Vec<(f64, String)>,
    /// Ends of the y axis; from the points where there are none.
    pub(crate) y_range: Option<(f64, f64)>,
    /// A y axis of powers of ten; points that are not above 0 are left out.
    pub(crate) logarithmic: bool,
}

/// Points joined in order.
pub(crate) struct Line {
    /// What the legend says; nothing where it is empty.
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) stroke: Stroke,
    /// The colour's number; the line's own where there is none.
    pub(crate) colour: Option<usize>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
    /// A ring at each point, and no line.
    Rings,
}

impl Line {
    /// Points in order of x.
    pub(crate) fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points, stroke: Stroke::Solid, colour: None }
    }

    /// Values at x = `start`, `start` + 1, …
    pub(crate) fn from(name: impl Into<String>, start: usize, values: impl IntoIterator<Item = f64>) -> Self {
        let points = values.into_iter().enumerate().map(|(i, y)| ((start + i) as f64, y)).collect();
        Self::new(name, points)
    }

    pub(crate) fn stroke(self, stroke: Stroke) -> Self {
        Self { stroke, ..self }
    }

    pub(crate) fn colour(self, colour: usize) -> Self {
        Self { colour: Some(colour), ..self }
    }
}

/// Where values lie on the page.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    fn at(&self, value: f64) -> f64 {
        let scale = |v: f64| if self.logarithmic { v.log10() } else { v };
        let (low, high) = (scale(self.low), scale(self.high));
        self.from + (scale(value) - low) / (high - low) * (self.to - self.from)
    }

    /// Round values and what they say, about `max` of them.
    fn ticks(&self, max: usize) -> Vec<(f64, String)> {
        if self.logarithmic {
            let powers = self.low.log10().ceil() as i32..=self.high.log10().floor() as i32;
            let stride = powers.clone().count().div_ceil(max).max(1) as i32;
            let plain = powers.clone().all(|p| (-3..=4).contains(&p));
            let whole = powers.filter(|p| p % stride == 0);
            return whole.map(|p| (10f64.powi(p), power_of_ten(p, plain))).collect();
        }
        let step = round_step((self.high - self.low) / max as f64);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let whole = (self.low / step - 1e-9).ceil() as i64..=(self.high / step + 1e-9).floor() as i64;
        whole.map(|k| k as f64 * step).map(|value| (value, number(value, decimals))).collect()
    }
}

/// The smallest of 1, 2, 5 · 10ⁿ that is not below `x`.
fn round_step(x: f64) -> f64 {
    let power = 10f64.powf(x.log10().floor());
    [1.0, 2.0, 5.0].map(|m| m * power).into_iter().find(|step| *step >= x).unwrap_or(10.0 * power)
}

/// 0.01 if it shall be plain, else 10⁻².
fn power_of_ten(power: i32, plain: bool) -> String {
    if plain {
        return format!("{:.1$}", 10f64.powi(power), power.min(0).unsigned_abs() as usize);
    }
    let raised = |c: char| match c {
        '-' => '⁻',
        digit => ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][digit as usize - '0' as usize],
    };
    format!("10{}", power.to_string().chars().map(raised).collect::<String>())
}

/// A number with a true minus, and without one where it rounds to 0.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.bytes().all(|b| b"-0.".contains(&b));
    if zero { text.replacen('-', "", 1) } else { text.replacen('-', "−", 1) }
}

impl Picture {
    pub(crate) fn new(title: &str, x_label: &str, y_label: &str, lines: Vec<Line>) -> Self {
        let [title, x_label, y_label] = [title, x_label, y_label].map(String::from);
        Self { title, x_label, y_label, lines, marks: Vec::new(), y_range: None, logarithmic: false }
    }

    /// The picture as an SVG document. Points that are not finite are left out.
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|p| self.shown(p));
        let (left, right) = range(points().map(|p| p.0).chain(self.marks.iter().map(|mark| mark.0)));
        let (low, high) = self.y_range.unwrap_or_else(|| {
            let (low, high) = range(points().map(|p| p.1));
            let pad = 0.04 * (high - low);
            if self.logarithmic { (low / 1.5, high * 1.5) } else { (low - pad, high + pad) }
        });
        let (legend, rows) = self.legend();
        let top = LEGEND + ROW * rows as f64 + 22.0;
        let x = Axis { low: left, high: right, from: LEFT, to: RIGHT, logarithmic: false };
        let y = Axis { low, high, from: BOTTOM, to: top, logarithmic: self.logarithmic };

        let mut out = title(&self.title) + &legend;
        for (value, label) in y.ticks(6) {
            let at = y.at(value);
            out += &segment("grid", (LEFT, at), (RIGHT, at));
            out += &text((LEFT - 8.0, at + 4.0), "end", "", &label);
        }
        out += &segment("axis", (LEFT, BOTTOM), (RIGHT, BOTTOM));
        for (value, label) in x.ticks(10) {
            out += &segment("axis", (x.at(value), BOTTOM), (x.at(value), BOTTOM + 4.0));
            out += &text((x.at(value), BOTTOM + 18.0), "middle", "", &label);
        }
        out += &text(((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), "middle", "", &self.x_label);
        out += &text((24.0, top - 14.0), "start", "", &self.y_label);
        for (value, what) in &self.marks {
            out += &segment("mark", (x.at(*value), top), (x.at(*value), BOTTOM));
            out += &text((x.at(*value), top - 6.0), "middle", "", what);
        }
        for (index, line) in self.lines.iter().enumerate() {
            let points = line.points.iter().filter(|p| self.shown(p)).map(|p| (x.at(p.0), y.at(p.1)));
            out += &drawn(line, points.collect(), line.colour.unwrap_or(index) % COLOURS);
        }
        document(&out)
    }

    fn shown(&self, point: &(f64, f64)) -> bool {
        point.1.is_finite() && (point.1 > 0.0 || !self.logarithmic)
    }

    /// A sample of every line with a name, and how many rows they take.
    fn legend(&self) -> (String, usize) {
        let (mut out, mut x, mut row) = (String::new(), 24.0, 0);
        for (index, line) in self.lines.iter().enumerate().filter(|(_, line)| !line.name.is_empty()) {
            let wide = 30.0 + text_width(&line.name) + 20.0;
            if x + wide > RIGHT {
                (x, row) = (24.0, row + 1);
            }
            let y = LEGEND + ROW * row as f64;
            let colour = line.colour.unwrap_or(index) % COLOURS;
            out += &match line.stroke {
                Stroke::Rings => ring((x + 12.0, y - 4.0), colour),
                Stroke::Dashed => {
                    segment(&format!("line dashed s{colour}"), (x, y - 4.0), (x + 24.0, y - 4.0))
                }
                Stroke::Solid => segment(&format!("line s{colour}"), (x, y - 4.0), (x + 24.0, y - 4.0)),
            };
            out += &text((x + 30.0, y), "start", "value", &line.name);
            x += wide;
        }
        let rows = if out.is_empty() { 0 } else { row + 1 };
        (out, rows)
    }
}

fn drawn(line: &Line, points: Vec<(f64, f64)>, colour: usize) -> String {
    let mut out = String::new();
    if line.stroke != Stroke::Rings {
        let joined: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dashed = if line.stroke == Stroke::Dashed { " dashed" } else { "" };
        out += &format!("<polyline class=\"line{dashed} s{colour}\" points=\"{}\"/>\n", joined.join(" "));
    }
    // A line of few points shows where it was measured.
    if line.stroke == Stroke::Rings || points.len() <= 8 {
        points.into_iter().for_each(|point| out += &ring(point, colour));
    }
    out
}

fn ring((x, y): (f64, f64), colour: usize) -> String {
    format!("<circle class=\"dot s{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>\n")
}

fn segment(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n")
}

fn title(what: &str) -> String {
    text((24.0, TITLE), "start", "title", what)
}

fn text((x, y): (f64, f64), anchor: &str, class: &str, what: &str) -> String {
    let what = what.replace('&', "&amp;").replace('<', "&lt;");
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>\n")
}

/// About how wide a text is drawn, in pixels: Korean syllables are twice as wide as letters.
fn text_width(what: &str) -> f64 {
    what.chars().map(|c| if c as u32 >= 0x1100 { 12.0 } else { 6.6 }).sum()
}

/// The smallest and the largest value; never the same.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low < high {
        (low, high)
    } else if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (0.0, 1.0)
    }
}

/// Values in −1 … 1 as bars, up or down, one for each unit.
pub(crate) fn bars(what: &str, values: &[f32]) -> String {
    let y = Axis { low: -1.0, high: 1.0, from: BOTTOM - 16.0, to: LEGEND + 14.0, logarithmic: false };
    let wide = (RIGHT - LEFT) / values.len() as f64;
    let mut out = title(what);
    for (value, label) in y.ticks(4) {
        let at = y.at(value);
        out += &segment(if value == 0.0 { "axis" } else { "grid" }, (LEFT, at), (RIGHT, at));
        out += &text((LEFT - 8.0, at + 4.0), "end", "", &label);
    }
    for (unit, &value) in values.iter().enumerate() {
        let (middle, end) = (LEFT + wide * (unit as f64 + 0.5), y.at(f64::from(value.clamp(-1.0, 1.0))));
        let bar = (middle - 0.3 * wide, end.min(y.at(0.0)));
        out += &rect("class=\"bar\"", bar, (0.6 * wide, (end - y.at(0.0)).abs()));
        let beyond = if value < 0.0 { end + 16.0 } else { end - 7.0 };
        out += &text((middle, beyond), "middle", "value", &number(f64::from(value), 3));
        out += &text((middle, BOTTOM + 18.0), "middle", "", &format!("unit {unit}"));
    }
    out += &text((24.0, LEGEND), "start", "", "h at the last step");
    document(&out)
}

/// Values `[T, H]` in −1 … 1, red for −1 and blue for 1; a row for each step, and a bar of the colours beside them.
pub(crate) fn heat_map(what: &str, values: ArrayView2<f32>) -> String {
    let (rows, columns) = values.dim();
    let (top, right) = (LEGEND + 8.0, RIGHT - 96.0);
    let (wide, tall) = ((right - LEFT) / columns as f64, (BOTTOM - top) / rows as f64);
    let mut out = title(what);
    for ((t, unit), &value) in values.indexed_iter() {
        let (x, y) = (LEFT + wide * unit as f64, top + tall * t as f64);
        out += &rect(&format!("class=\"cell\" fill=\"{}\"", red_to_blue(value)), (x, y), (wide, tall));
        // The cells keep their colours in a dark theme, so that their numbers do as well.
        let ink = if value.abs() > 0.6 { "#ffffff" } else { "#16181d" };
        let at = (x + wide / 2.0, y + tall / 2.0 + 4.0);
        let shown = text(at, "middle", "", &number(f64::from(value), 2));
        out += &shown.replacen("<text", &format!("<text style=\"fill: {ink}\""), 1);
    }
    for t in 0..rows {
        let y = top + tall * (t as f64 + 0.5) + 4.0;
        out += &text((LEFT - 8.0, y), "end", "", &format!("t={t}"));
    }
    for unit in 0..columns {
        let x = LEFT + wide * (unit as f64 + 0.5);
        out += &text((x, BOTTOM + 18.0), "middle", "", &format!("unit {unit}"));
    }
    let step = (BOTTOM - top) / 21.0;
    for k in 0..21 {
        let (value, y) = (1.0 - k as f32 / 10.0, top + step * f64::from(k));
        // A hair taller than its place, so that no seam shows.
        let size = (20.0, step + if k < 20 { 0.5 } else { 0.0 });
        out += &rect(&format!("fill=\"{}\"", red_to_blue(value)), (right + 32.0, y), size);
        if k % 10 == 0 {
            let label = ["1", "0", "−1"][k as usize / 10];
            out += &text((right + 60.0, y + step / 2.0 + 4.0), "start", "", label);
        }
    }
    out += &text((right + 32.0, BOTTOM + 18.0), "start", "", "h");
    document(&out)
}

/// Red at −1, white at 0, blue at 1.
fn red_to_blue(value: f32) -> String {
    let (end, middle) = (if value < 0.0 { [178, 24, 43] } else { [33, 102, 172] }, 247.0);
    let share = value.abs().min(1.0);
    let part = |end: u8| (middle + (f32::from(end) - middle) * share).round() as u8;
    let [r, g, b] = end.map(part);
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn rect(look: &str, (x, y): (f64, f64), (wide, tall): (f64, f64)) -> String {
    format!("<rect {look} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>\n")
}

fn document(inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         style=\"color-scheme: light dark\">\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n{inside}</svg>\n"
    )
}
