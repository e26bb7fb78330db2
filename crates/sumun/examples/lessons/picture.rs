//! The pictures that the lessons draw, as SVG: lines on common axes, bars and heat maps.

use ndarray::ArrayView2;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 360.0;
const MARGIN: f64 = 50.0;
const COLOURS: [&str; 6] = ["#1f5fa8", "#c8442c", "#2e8540", "#8a4fa3", "#b7791f", "#444444"];

/// Lines over a common x axis, and upright marks.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) lines: Vec<Line>,
    /// Where an upright line stands, and what it says.
    pub(crate) marks: Vec<(f64, String)>,
}

/// Points joined in order.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) dashed: bool,
}

impl Line {
    /// Values at x = `start`, `start` + 1, …
    pub(crate) fn from(name: impl Into<String>, start: usize, values: impl IntoIterator<Item = f64>) -> Self {
        let points = values.into_iter().enumerate().map(|(i, y)| ((start + i) as f64, y)).collect();
        Self { name: name.into(), points, dashed: false }
    }

    pub(crate) fn dashed(self) -> Self {
        Self { dashed: true, ..self }
    }
}

impl Picture {
    pub(crate) fn new(title: &str, x_label: &str, y_label: &str, lines: Vec<Line>) -> Self {
        let [title, x_label, y_label] = [title, x_label, y_label].map(String::from);
        Self { title, x_label, y_label, lines, marks: Vec::new() }
    }

    /// The picture as an SVG document. Points that are not finite are left out.
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points).filter(|p| p.1.is_finite());
        let (left, right) = range(points().map(|p| p.0).chain(self.marks.iter().map(|mark| mark.0)));
        let (low, high) = range(points().map(|p| p.1));
        let x = |v: f64| MARGIN + (v - left) / (right - left) * (WIDTH - 2.0 * MARGIN);
        let y = |v: f64| HEIGHT - MARGIN - (v - low) / (high - low) * (HEIGHT - 2.0 * MARGIN);
        let mut texts = vec![
            text((WIDTH / 2.0, 18.0), "middle", "black", &self.title),
            text((WIDTH / 2.0, HEIGHT - 8.0), "middle", "black", &self.x_label),
            text((8.0, 34.0), "start", "black", &self.y_label),
        ];
        for (value, at) in [(low, HEIGHT - MARGIN), (high, MARGIN + 8.0)] {
            texts.push(text((MARGIN - 5.0, at), "end", "black", &format!("{value:.3}")));
        }
        for value in [left, right] {
            texts.push(text((x(value), HEIGHT - MARGIN + 16.0), "middle", "black", &format!("{value:.0}")));
        }
        for (index, line) in self.lines.iter().enumerate() {
            let at = (WIDTH - MARGIN, MARGIN + 14.0 * index as f64);
            texts.push(text(at, "end", COLOURS[index % COLOURS.len()], &line.name));
        }
        texts.extend(self.marks.iter().map(|(at, what)| text((x(*at) + 4.0, 46.0), "start", "#666", what)));
        let drawing = self.drawing(x, y);
        document(&(texts.concat() + &drawing))
    }

    fn drawing(&self, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
        let (bottom, right) = (HEIGHT - MARGIN, WIDTH - MARGIN);
        let mut out =
            format!("<path d=\"M{MARGIN} {MARGIN}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>\n");
        for (at, _) in &self.marks {
            out += &format!(
                "<path d=\"M{:.1} {MARGIN}V{bottom}\" stroke=\"#666\" stroke-dasharray=\"2 3\"/>\n",
                x(*at)
            );
        }
        for (index, line) in self.lines.iter().enumerate() {
            let finite = line.points.iter().filter(|p| p.1.is_finite());
            let points: Vec<String> = finite.map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
            let dashes = if line.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
            let colour = COLOURS[index % COLOURS.len()];
            out += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"{dashes}/>\n",
                points.join(" ")
            );
        }
        out
    }
}

fn text((x, y): (f64, f64), anchor: &str, colour: &str, what: &str) -> String {
    let what = what.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{what}</text>\n")
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

/// Values in −1 … 1 as bars, up or down.
pub(crate) fn bars(title: &str, values: &[f32]) -> String {
    let wide = (WIDTH - 2.0 * MARGIN) / values.len() as f64;
    let (middle, high) = (HEIGHT / 2.0, HEIGHT / 2.0 - MARGIN);
    let mut out = text((WIDTH / 2.0, 18.0), "middle", "black", title);
    for (unit, &value) in values.iter().enumerate() {
        let (x, tall) = (MARGIN + wide * unit as f64, high * f64::from(value.abs()));
        let y = if value > 0.0 { middle - tall } else { middle };
        out += &rect((x + 0.1 * wide, y), (0.8 * wide, tall), COLOURS[0]);
        let name = format!("unit {unit}: {value:.3}");
        out += &text((x + wide / 2.0, HEIGHT - 8.0), "middle", "black", &name);
    }
    document(&(out + &format!("<path d=\"M{MARGIN} {middle}H{}\" stroke=\"#888\"/>\n", WIDTH - MARGIN)))
}

/// Values `[T, H]` in −1 … 1, red for −1 and blue for 1; a row for each step, and a bar of the colours beside them.
pub(crate) fn heat_map(title: &str, values: ArrayView2<f32>) -> String {
    let (rows, columns) = values.dim();
    let (wide, tall) = ((WIDTH - 4.0 * MARGIN) / columns as f64, (HEIGHT - 2.0 * MARGIN) / rows as f64);
    let mut out = text((WIDTH / 2.0, 18.0), "middle", "black", title);
    for ((t, unit), &value) in values.indexed_iter() {
        let at = (MARGIN + wide * unit as f64, MARGIN + tall * t as f64);
        out += &rect(at, (wide, tall), &red_to_blue(value));
    }
    for t in 0..rows {
        let y = MARGIN + tall * (t as f64 + 0.5);
        out += &text((MARGIN - 6.0, y), "end", "black", &format!("t={t}"));
    }
    let step = (HEIGHT - 2.0 * MARGIN) / 21.0;
    for k in 0..21 {
        let (value, y) = (1.0 - k as f32 / 10.0, MARGIN + step * f64::from(k));
        out += &rect((WIDTH - 2.0 * MARGIN, y), (20.0, step), &red_to_blue(value));
        if k % 10 == 0 {
            let at = (WIDTH - 2.0 * MARGIN + 26.0, y + step / 2.0 + 4.0);
            out += &text(at, "start", "black", &format!("{value:.0}"));
        }
    }
    document(&out)
}

/// Red at −1, white at 0, blue at 1.
fn red_to_blue(value: f32) -> String {
    let pale = (255.0 * (1.0 - value.abs().min(1.0))) as u8;
    if value < 0.0 { format!("#ff{pale:02x}{pale:02x}") } else { format!("#{pale:02x}{pale:02x}ff") }
}

fn rect((x, y): (f64, f64), (wide, tall): (f64, f64), colour: &str) -> String {
    format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\" fill=\"{colour}\"/>\n")
}

fn document(inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n{inside}</svg>\n"
    )
}
