//! A small chart builder: one description, drawn as SVG at any size, so that a page can hold one drawing for a wide
//! screen and one for a phone, each with text of a readable size. Colours are CSS classes and follow the page's theme.

use std::fmt::Write;

use super::text::{self, coordinate, escape};
use super::ticks::{self, Tick};

/// The size of axis text in pixels.
const FONT: f64 = 12.0;
/// Lines with more points than this are reduced to first, least, greatest and last point of every pixel column.
const DECIMATE_ABOVE: usize = 2000;
/// The class of a line that is nothing but a ring at each of its points.
pub(super) const RINGS: &str = "rings";
/// Values beyond this are not drawn: their differences would leave the range of `f64`.
const LARGEST: f64 = 1e300;

/// What a chart shows; nothing here depends on its size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chart {
    /// What a screen reader says first.
    pub(crate) name: String,
    /// What the chart shows, in a sentence, for those who cannot see it.
    pub(crate) description: String,
    pub(crate) x: XAxis,
    /// Title of the vertical axis with its unit; stands above it.
    pub(crate) y_title: String,
    pub(crate) y_scale: Scale,
    /// The ends of a vertical axis that is not logarithmic; the extent of what is drawn, with some air, where `None`.
    pub(crate) y_range: Option<(f64, f64)>,
    /// Whether the values are shares in per cent: the vertical axis ends at 0 and 100 then.
    pub(crate) shares: bool,
    /// Whether the legend names a single line too: that of one run of several, for example.
    pub(crate) always_named: bool,
    pub(crate) sections: Vec<Section>,
    pub(crate) areas: Vec<Area>,
    pub(crate) bars: Vec<Bar>,
    /// Whether each bar says its value at its end.
    pub(crate) figures: bool,
    pub(crate) lines: Vec<Line>,
    /// Points of a scatter plot.
    pub(crate) dots: Vec<(f64, f64)>,
    pub(crate) marks: Vec<Mark>,
}

/// The horizontal axis.
#[derive(Debug, Clone, Default)]
pub(crate) struct XAxis {
    /// Stands at the right end below the axis; may be empty.
    pub(crate) title: String,
    /// Whether ticks fall on whole numbers only.
    pub(crate) whole: bool,
    /// Timestamps: the text of position 0, 1, …; empty for a numeric axis.
    pub(crate) labels: Vec<String>,
    /// The range; the extent of what is drawn where `None`.
    pub(crate) range: Option<(f64, f64)>,
}

/// How values become heights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) enum Scale {
    /// The range of the data with some air.
    #[default]
    Linear,
    /// From zero: for magnitudes such as errors and counts.
    FromZero,
    /// Logarithmic: values that are not positive are left out.
    Logarithmic,
}

/// A line; values that are not finite leave gaps.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// CSS class that sets `--c`, such as `c-model`; `dashed` or [`RINGS`] may stand behind it.
    pub(crate) class: String,
    pub(crate) points: Vec<(f64, f64)>,
    /// Whether every point also gets a dot.
    pub(crate) dots: bool,
}

/// The surface between two curves, such as a prediction interval.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    pub(crate) class: String,
    /// `(x, low, high)`.
    pub(crate) points: Vec<(f64, f64, f64)>,
}

/// A shaded stretch of the horizontal axis with its name on top.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    pub(crate) class: String,
    pub(crate) name: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// A bar from zero.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) class: String,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) value: f64,
    /// What the browser shows over the bar.
    pub(crate) says: String,
}

/// A vertical line with words beside it.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) class: String,
    pub(crate) at: f64,
    pub(crate) says: String,
}

/// Where the plot is inside the drawing, and how data become pixels.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: (f64, f64),
    y: (f64, f64),
    scale: Scale,
}

impl Frame {
    fn px(&self, x: f64) -> f64 {
        self.left + (x - self.x.0) / (self.x.1 - self.x.0) * (self.right - self.left)
    }

    fn py(&self, y: f64) -> Option<f64> {
        let (low, high, y) = match self.scale {
            Scale::Logarithmic if y > 0.0 => (self.y.0.log10(), self.y.1.log10(), y.log10()),
            Scale::Logarithmic => return None,
            _ => (self.y.0, self.y.1, y),
        };
        let height = self.bottom - (y - low) / (high - low) * (self.bottom - self.top);
        usable(height).then_some(height)
    }
}

fn usable(x: f64) -> bool {
    x.is_finite() && x.abs() <= LARGEST
}

impl Chart {
    /// Whether there is anything at all to draw.
    pub(crate) fn is_empty(&self) -> bool {
        let mut points = self.lines.iter().flat_map(|l| &l.points);
        let dots = self.dots.iter().any(|(x, y)| usable(*x) && usable(*y));
        self.bars.is_empty() && !dots && !points.any(|(x, y)| usable(*x) && usable(*y))
    }

    /// Draws the chart `width` by `height` pixels, with extra CSS classes on the root element.
    pub(crate) fn draw(&self, width: f64, height: f64, class: &str) -> String {
        let x = self.x_range();
        let (y, y_ticks, y_labels) = self.y_axis(height);
        let widest = y_labels.iter().map(|l| text::width(l) * FONT).fold(0.0, f64::max);
        let timed = !self.x.labels.is_empty();
        let below = 24.0 + if timed { 16.0 } else { 0.0 } + if self.x.title.is_empty() { 0.0 } else { 18.0 };
        let above = 14.0
            + if self.y_title.is_empty() { 0.0 } else { 18.0 }
            + if self.sections.iter().any(|s| !s.name.is_empty()) || !self.marks.is_empty() {
                18.0
            } else {
                0.0
            };
        let frame = Frame {
            left: (widest + 12.0).ceil(),
            right: width - 8.0,
            top: above,
            bottom: (height - below).max(above + 20.0),
            x,
            y,
            scale: self.y_scale,
        };

        let mut out = String::new();
        let _ = write!(
            out,
            "<svg class=\"{class}\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{name}\" \
             data-plot=\"{l} {r} {t} {b}\"><desc>{description}</desc>",
            w = coordinate(width),
            h = coordinate(height),
            name = escape(&self.name),
            l = coordinate(frame.left),
            r = coordinate(frame.right),
            t = coordinate(frame.top),
            b = coordinate(frame.bottom),
            description = escape(&self.description),
        );
        self.draw_sections(&frame, &mut out);
        self.draw_y_axis(&frame, &y_ticks, &y_labels, &mut out);
        self.draw_x_axis(&frame, width, height, &mut out);
        for area in &self.areas {
            draw_area(area, &frame, &mut out);
        }
        self.draw_bars(&frame, &mut out);
        self.draw_marks(&frame, &mut out);
        self.draw_dots(&frame, &mut out);
        for line in &self.lines {
            draw_line(line, &frame, &mut out);
        }
        out.push_str("</svg>");
        out
    }

    /// The horizontal range, never of zero width.
    pub(crate) fn x_range(&self) -> (f64, f64) {
        let lines = self.lines.iter().flat_map(|l| &l.points).filter(|(_, y)| usable(*y)).map(|(x, _)| *x);
        let bars = self.bars.iter().flat_map(|b| [b.from, b.to]);
        let dots = self.dots.iter().map(|(x, _)| *x);
        let (low, high) = self.x.range.unwrap_or_else(|| extent(lines.chain(bars).chain(dots)));
        if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
    }

    fn y_axis(&self, height: f64) -> ((f64, f64), Vec<f64>, Vec<String>) {
        let max = ((height - 60.0) / 38.0).clamp(2.0, 7.0) as usize;
        let lines = self.lines.iter().flat_map(|l| &l.points).map(|(_, y)| *y);
        let areas = self.areas.iter().flat_map(|a| &a.points).flat_map(|(_, low, high)| [*low, *high]);
        let dots = self.dots.iter().map(|(_, y)| *y);
        let all = lines.chain(areas).chain(dots).chain(self.bars.iter().map(|b| b.value));
        if self.y_scale == Scale::Logarithmic {
            let (low, high) = extent(all.filter(|y| *y > 0.0));
            let (low, high) = if low > 0.0 { (low, high) } else { (0.1, 10.0) };
            // In logarithms, since the ratio of two doubles may not be one.
            let (bottom, top) = (low.log10(), high.log10());
            let air = ((top - bottom) * 0.05).max(0.02);
            let end = |power: f64| 10f64.powf(power.clamp(-LARGEST.log10(), LARGEST.log10()));
            let (low, high) = (end(bottom - air), end(top + air));
            let high = if self.shares { high.min(100.0) } else { high };
            let values = ticks::logarithmic(low, high, max + 1);
            let labels = ticks::logarithmic_labels(&values);
            return ((low, high), values, labels);
        }
        let (mut low, mut high) = extent(all);
        if self.y_scale == Scale::FromZero {
            (low, high) = (low.min(0.0), high.max(0.0));
        }
        if high <= low {
            let air = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
            (low, high) = (low - air, high + air);
        }
        let air = (high - low) * 0.06;
        let grounded = self.y_scale == Scale::FromZero;
        let (low, high) = (if grounded && low >= 0.0 { low.max(0.0) } else { low - air }, high + air);
        let (low, high) = if self.shares { (low.max(0.0), high.min(100.0)) } else { (low, high) };
        let (low, high) = self.y_range.unwrap_or((low, high));
        let values = ticks::linear(low, high, max);
        let labels = ticks::labels(&values);
        ((low, high), values, labels)
    }

    fn draw_sections(&self, frame: &Frame, out: &mut String) {
        let mut taken = f64::NEG_INFINITY;
        for section in &self.sections {
            let left = frame.px(section.from).clamp(frame.left, frame.right);
            let right = frame.px(section.to).clamp(frame.left, frame.right);
            if right <= left {
                continue;
            }
            let _ = write!(
                out,
                "<rect class=\"section {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                section.class,
                coordinate(left),
                coordinate(frame.top),
                coordinate(right - left),
                coordinate(frame.bottom - frame.top),
            );
            let wide = text::width(&section.name) * FONT;
            // A name that does not fit over its section ends with it, if it then does not overlap its neighbour's name.
            let (at, anchor, from) = if wide + 8.0 <= right - left {
                ((left + right) / 2.0, "middle", (left + right - wide) / 2.0)
            } else {
                let end = (left + right + wide) / 2.0;
                let end = end.clamp(frame.left + wide, frame.right.max(frame.left + wide));
                (end, "end", end - wide)
            };
            if from >= taken + 6.0 && !section.name.is_empty() {
                let y = coordinate(frame.top - 7.0);
                let name = escape(&section.name);
                let _ = write!(
                    out,
                    "<text class=\"section-name {}\" x=\"{}\" y=\"{y}\" text-anchor=\"{anchor}\">{name}</text>",
                    section.class,
                    coordinate(at)
                );
                taken = from + wide;
            }
        }
    }

    fn draw_y_axis(&self, frame: &Frame, values: &[f64], labels: &[String], out: &mut String) {
        if !self.y_title.is_empty() {
            // A title that is wider than the drawing is cut, in proportion.
            let room = (frame.right + 8.0) / (text::width(&self.y_title) * FONT).max(1.0);
            let characters = self.y_title.chars().count() as f64 * room;
            let title = escape(&text::shortened(&self.y_title, characters as usize));
            let _ = write!(out, "<text class=\"axis-title\" x=\"0\" y=\"12\">{title}</text>");
        }
        for (value, label) in values.iter().zip(labels) {
            let Some(y) = frame.py(*value).filter(|y| (frame.top - 0.5..=frame.bottom + 0.5).contains(y))
            else {
                continue;
            };
            let kind = if *value == 0.0 || y >= frame.bottom - 0.5 { "grid base" } else { "grid" };
            let (x, left, right) = (frame.left - 8.0, frame.left, frame.right);
            let _ = write!(
                out,
                "<line class=\"{kind}\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                coordinate(left),
                coordinate(right),
                coordinate(x),
                coordinate(y + 4.0),
                escape(label),
                y = coordinate(y),
            );
        }
    }

    fn draw_x_axis(&self, frame: &Frame, width: f64, height: f64, out: &mut String) {
        let span = frame.right - frame.left;
        let ticks: Vec<Tick> = if self.x.labels.is_empty() {
            let max = (span / 64.0).clamp(2.0, 12.0) as usize;
            let mut values = ticks::linear(frame.x.0, frame.x.1, max);
            if self.x.whole {
                values.retain(|v| (v - v.round()).abs() < 1e-6);
                if values.is_empty() {
                    values.push(((frame.x.0 + frame.x.1) / 2.0).round());
                }
            }
            let labels = ticks::labels(&values);
            values.iter().zip(labels).map(|(at, label)| Tick { at: *at, label, context: None }).collect()
        } else {
            let longest =
                self.x.labels.iter().map(|l| text::width(&text::shortened(l, 16))).fold(0.0, f64::max);
            let mut max = (span / 62.0).clamp(2.0, 14.0) as usize;
            let mut found = ticks::calendar(&self.x.labels, max);
            // Labels shown as they are may be long: fewer of them, then.
            while max > 1
                && found.iter().all(|t| t.context.is_none())
                && longest * FONT * found.len() as f64 > span
            {
                if found.iter().map(|t| text::width(&t.label) * FONT + 14.0).sum::<f64>() <= span {
                    break;
                }
                max -= 1;
                found = ticks::calendar(&self.x.labels, max);
            }
            found
        };
        let (mut free, mut free_below) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let mut waiting = None;
        for tick in &ticks {
            let x = frame.px(tick.at);
            if !(frame.left - 0.5..=frame.right + 0.5).contains(&x) {
                continue;
            }
            let _ = write!(
                out,
                "<line class=\"tick-mark\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
                coordinate(frame.bottom),
                coordinate(frame.bottom + 5.0),
                x = coordinate(x)
            );
            waiting = tick.context.as_ref().or(waiting);
            if let Some(end) = place(&tick.label, "tick", x, frame.bottom + 19.0, free, width, out) {
                free = end + 8.0;
            }
            if let Some(context) = waiting
                && let Some(end) =
                    place(context, "tick context", x, frame.bottom + 35.0, free_below, width, out)
            {
                free_below = end + 8.0;
                waiting = None;
            }
        }
        if !self.x.title.is_empty() {
            let _ = write!(
                out,
                "<text class=\"axis-title\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                coordinate(frame.right),
                coordinate(height - 4.0),
                escape(&self.x.title)
            );
        }
    }

    fn draw_bars(&self, frame: &Frame, out: &mut String) {
        let ground = frame.py(0.0).unwrap_or(frame.bottom);
        for bar in &self.bars {
            let Some(y) = frame.py(bar.value).filter(|_| usable(bar.value)) else { continue };
            let (left, right) = (frame.px(bar.from), frame.px(bar.to));
            let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
            let _ = write!(
                out,
                "<rect class=\"bar {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                bar.class,
                coordinate(left + gap / 2.0),
                coordinate(y.min(ground)),
                coordinate((right - left - gap).max(0.1)),
                coordinate((ground - y).abs()),
                escape(&bar.says),
            );
            if self.figures {
                let beyond = if y > ground { y + 15.0 } else { y - 6.0 };
                let _ = write!(
                    out,
                    "<text class=\"figure\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    coordinate((left + right) / 2.0),
                    coordinate(beyond),
                    escape(&text::number(bar.value))
                );
            }
        }
    }

    fn draw_dots(&self, frame: &Frame, out: &mut String) {
        for (x, y) in self.dots.iter().filter(|(x, y)| usable(*x) && usable(*y)) {
            let Some(y) = frame.py(*y) else { continue };
            let x = coordinate(frame.px(*x));
            let _ = write!(out, "<circle class=\"spot\" cx=\"{x}\" cy=\"{}\" r=\"2.5\"/>", coordinate(y));
        }
    }

    fn draw_marks(&self, frame: &Frame, out: &mut String) {
        for mark in &self.marks {
            let x = frame.px(mark.at);
            if !(frame.left - 0.5..=frame.right + 0.5).contains(&x) {
                continue;
            }
            let half = text::width(&mark.says) * FONT / 2.0;
            let (at, anchor) = match x {
                x if x + half > frame.right + 6.0 => (frame.right + 6.0, "end"),
                x if x - half < 0.0 => (0.0, "start"),
                x => (x, "middle"),
            };
            let _ = write!(
                out,
                "<line class=\"mark {class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>\
                 <text class=\"mark-says {class}\" x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                coordinate(frame.top),
                coordinate(frame.bottom),
                coordinate(at),
                coordinate(frame.top - 7.0),
                escape(&mark.says),
                x = coordinate(x),
                class = mark.class,
            );
        }
    }
}

/// Writes a centred label, moved inwards at the edges, unless it would touch the one before; returns where it ends.
fn place(label: &str, class: &str, x: f64, y: f64, free: f64, width: f64, out: &mut String) -> Option<f64> {
    let half = text::width(label) * FONT / 2.0;
    let centre = x.clamp(half, (width - half).max(half));
    if centre - half < free {
        return None;
    }
    let _ = write!(
        out,
        "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        coordinate(centre),
        coordinate(y),
        escape(label)
    );
    Some(centre + half)
}

fn draw_area(area: &Area, frame: &Frame, out: &mut String) {
    let upper = area.points.iter().filter_map(|(x, _, high)| Some((frame.px(*x), frame.py(*high)?)));
    let lower = area.points.iter().rev().filter_map(|(x, low, _)| Some((frame.px(*x), frame.py(*low)?)));
    let corners: Vec<String> =
        upper.chain(lower).map(|(x, y)| format!("{} {}", coordinate(x), coordinate(y))).collect();
    if corners.len() > 2 {
        let _ = write!(out, "<path class=\"area {}\" d=\"M{}Z\"/>", area.class, corners.join("L"));
    }
}

fn draw_line(line: &Line, frame: &Frame, out: &mut String) {
    let mut path = String::new();
    let mut dots = String::new();
    let rings = line.class.ends_with(RINGS);
    let radius = if rings { 4.0 } else { 2.5 };
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (x, y) in &line.points {
        let place = if usable(*x) && usable(*y) { frame.py(*y).map(|py| (frame.px(*x), py)) } else { None };
        match (place, runs.last_mut()) {
            (Some(point), Some(run)) => run.push(point),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    let amount: usize = runs.iter().map(Vec::len).sum();
    for run in &runs {
        let points = if amount > DECIMATE_ABOVE { decimated(run) } else { run.clone() };
        if points.len() == 1 || line.dots || rings {
            for (x, y) in &points {
                let _ = write!(
                    dots,
                    "<circle class=\"dot {}\" cx=\"{}\" cy=\"{}\" r=\"{radius}\"/>",
                    line.class,
                    coordinate(*x),
                    coordinate(*y)
                );
            }
        }
        if points.len() > 1 && !rings {
            for (i, (x, y)) in points.iter().enumerate() {
                let _ =
                    write!(path, "{}{} {}", if i == 0 { 'M' } else { 'L' }, coordinate(*x), coordinate(*y));
            }
        }
    }
    let density = amount as f64 / (frame.right - frame.left);
    let weight = if density > 1.0 { "line dense" } else { "line" };
    if !path.is_empty() {
        let _ = write!(out, "<path class=\"{weight} {}\" d=\"{path}\"/>", line.class);
    }
    out.push_str(&dots);
}

/// Of every pixel column the first, least, greatest and last point, in their order: peaks stay where they were.
fn decimated(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut out = Vec::new();
    for column in points.chunk_by(|a, b| a.0.floor() == b.0.floor()) {
        let by_height = |a: &usize, b: &usize| column[*a].1.total_cmp(&column[*b].1);
        let low = (0..column.len()).min_by(by_height).unwrap_or(0);
        let high = (0..column.len()).max_by(by_height).unwrap_or(0);
        let mut kept = [0, low, high, column.len() - 1];
        kept.sort_unstable();
        for (i, index) in kept.iter().enumerate() {
            if i == 0 || kept[i - 1] != *index {
                out.push(column[*index]);
            }
        }
    }
    out
}

fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    let (low, high) = values.filter(|v| usable(*v)).fold(start, |(l, h), v| (l.min(v), h.max(v)));
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::check;

    fn chart(points: Vec<(f64, f64)>, y_scale: Scale) -> Chart {
        let line = Line { name: "a".into(), class: "c-model".into(), points, dots: false };
        Chart { name: "n".into(), y_scale, lines: vec![line], ..Chart::default() }
    }

    #[test]
    fn shares_end_at_0_and_100() {
        for constant in [0.0, 50.0, 100.0] {
            for other in [constant, 0.0, 100.0, 1.0] {
                for scale in [Scale::Linear, Scale::FromZero, Scale::Logarithmic] {
                    let shares = Chart { shares: true, ..chart(vec![(1.0, constant), (2.0, other)], scale) };
                    let ((low, high), ticks, _) = shares.y_axis(300.0);
                    assert!(
                        0.0 <= low && low < high && high <= 100.0,
                        "{constant} {other} {scale:?}: {low} {high}"
                    );
                    assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(tick)), "{ticks:?}");
                }
            }
        }
    }

    #[test]
    fn any_data_draw_finite_coordinates() {
        let nan = f64::NAN;
        let cases = [
            vec![],
            vec![(0.0, 1.0)],
            vec![(0.0, nan), (1.0, nan)],
            vec![(0.0, 5.0), (1.0, nan), (2.0, 5.0)],
            vec![(0.0, f64::INFINITY), (1.0, f64::NEG_INFINITY), (2.0, -3.0)],
            vec![(0.0, 1e300), (1.0, -1e300), (2.0, 1e-300)],
            vec![(0.0, f64::MAX), (1.0, f64::MIN)],
            vec![(7.0, 0.0), (7.0, 0.0)],
            vec![(0.0, -1.0), (1.0, -2.0)],
        ];
        for points in cases {
            for scale in [Scale::Linear, Scale::FromZero, Scale::Logarithmic] {
                for (width, height) in [(1040.0, 380.0), (40.0, 20.0)] {
                    let svg = chart(points.clone(), scale).draw(width, height, "v");
                    check::well_formed(&svg).unwrap_or_else(|e| panic!("{points:?} {scale:?}: {e}\n{svg}"));
                }
            }
        }
    }

    #[test]
    fn long_lines_keep_their_peaks() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (i as f64, (i as f64 * 0.01).sin())).collect();
        points[54_321].1 = 9.0;
        points[65_432].1 = -9.0;
        let pixels: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x / 100.0, *y)).collect();
        let kept = decimated(&pixels);
        assert!(kept.len() <= 4 * 1001, "{} points kept", kept.len());
        assert!(kept.iter().any(|p| p.1 == 9.0) && kept.iter().any(|p| p.1 == -9.0));
        assert!(kept.windows(2).all(|w| w[0].0 < w[1].0), "the order of time is kept");
        let svg = chart(points, Scale::Linear).draw(1040.0, 380.0, "v");
        assert!(svg.len() < 80_000, "{} bytes", svg.len());
    }

    #[test]
    fn a_gap_is_not_bridged() {
        let svg = chart(vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 2.0)], Scale::Linear);
        let svg = svg.draw(400.0, 200.0, "v");
        let path = svg.split("d=\"").nth(1).and_then(|p| p.split('"').next()).unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
    }

    #[test]
    fn section_names_never_overlap() {
        let section = |name: &str, from, to| Section { class: "s".into(), name: name.into(), from, to };
        let mut chart = chart(vec![(0.0, 1.0), (100.0, 2.0)], Scale::Linear);
        chart.sections =
            vec![section("train", 0.0, 97.0), section("valid", 97.0, 98.0), section("test", 98.0, 100.0)];
        let svg = chart.draw(300.0, 200.0, "v");
        assert_eq!(svg.matches("<rect class=\"section ").count(), 3);
        assert_eq!(
            svg.matches("class=\"section-name").count(),
            2,
            "the second of two crowded names is left out"
        );
    }
}
