//! The page that shows what a network does with a record.

use std::fmt::Write;

use super::gates::{GateFigures, LayerInside, Matrix};
use super::{Counted, Inspection, Vectors, Written};
use crate::report::figures::{Room, figure};
use crate::report::frame::{Card, Frame, cards, notes, section};
use crate::report::heat::{self, Heat};
use crate::report::svg::{Chart, Line, Scale, XAxis};
use crate::report::text::{count, counted, escape, fixed, json_string, number, shortened, visible};
use crate::tasks::Alignment;
use crate::{Error, Result};

/// What the page says that the inspection does not know, and what of it is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// What the model is called.
    pub model: String,
    /// When the page was made, as text; it never reads the clock.
    pub created: String,
    /// The command that makes it again.
    pub command: String,
    /// The only recurrent layer to show, counted from 0 through all of them; all where nothing is said.
    pub layer: Option<usize>,
    /// The unit of each layer whose gates are drawn as lines, from 0; the one whose hidden state moves most where nothing is
    /// said.
    pub unit: Option<usize>,
}

const SCRIPT: &str = include_str!("page.js");

/// What marks parts of the page whose steps are those of what is written.
const WRITTEN: &str = " data-of=\"written\"";

/// Values of a heat map are one of so many levels on either side of 0, each a letter.
const LEVELS: f32 = 31.0;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Steps that have their names under a heat map; of more, some have their number.
const NAMED: usize = 40;

/// Of so few the names are side by side where the page is wide.
const FEW: usize = 12;

/// Units that a heat map shows, the first ones; more cannot be told apart.
const MOST_UNITS: usize = 512;

/// Norms that lie further apart than by this factor are drawn on a logarithmic scale.
const DECADES: f64 = 30.0;

/// Records of more steps have them in a part of the page that scrolls.
const LONG: usize = 150;

/// More points than this are told apart by the line alone.
const MOST_DOTS: usize = 60;

/// The page: it holds all that it shows and fetches nothing. Errors: a layer or a unit that is not there.
pub fn page(inside: &Inspection, about: &About) -> Result<String> {
    let shown = shown(inside, about)?;
    let mut body = String::new();
    summary(inside, &mut body);
    notes(&inside.notes, &mut body);
    section("read", "What it reads", &read(inside), &mut body);
    section("answer", "What it answers", &answer(inside), &mut body);
    section("counted", "What counted", &what_counted(inside), &mut body);
    section("layers", "Gates and states over time", &layers(inside, &shown, about)?, &mut body);
    section(
        "vectors",
        "Vectors of tokens",
        &inside.vectors.as_ref().map_or_else(String::new, vectors),
        &mut body,
    );
    if !about.command.is_empty() {
        let again = format!(
            "<div class=\"panel\"><h3>Make this page again</h3><pre><code>{}</code></pre></div>\n",
            escape(&about.command)
        );
        section("again", "How it was made", &again, &mut body);
    }
    let _ = write!(body, "<script>\n{SCRIPT}</script>\n");
    let subtitle = format!("{}, {}", inside.what, counted(inside.steps.len(), "step"));
    let frame = Frame {
        title: &about.model,
        kind: "Inside",
        subtitle: &subtitle,
        created: &about.created,
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(frame.page(&body))
}

/// The layers that are asked for.
fn shown<'a>(inside: &'a Inspection, about: &About) -> Result<Vec<&'a LayerInside>> {
    let all = &inside.layers;
    match about.layer {
        None => Ok(all.iter().collect()),
        Some(layer) if layer < all.len() => Ok(vec![&all[layer]]),
        Some(layer) => Err(Error::setting(
            crate::message::key("layer"),
            layer.to_string(),
            format!("below {}, as many layers and directions as there are", all.len()),
        )),
    }
}

fn summary(inside: &Inspection, out: &mut String) {
    let Inspection { answer, counted: found, .. } = inside;
    let step = |step: usize| match inside.steps.get(step - 1) {
        Some(name) if name.parse::<usize>() != Ok(step) => format!("step {step}, {}", visible(name)),
        _ => format!("step {step}"),
    };
    let at = match (&answer.ahead, answer.step) {
        (None, Some(at)) if inside.written.is_some() => format!("token {at} of what is written"),
        (Some([column, ahead]), _) => format!("{column}, {ahead}"),
        (None, Some(at)) => format!("at {}", step(at)),
        (None, None) => "for the whole record".to_owned(),
    };
    let (figure, beside) = match (&answer.number, answer.probabilities.first()) {
        (Some(value), _) => (number(*value), at),
        (None, Some((class, p))) => {
            (visible(&shortened(class, 24)).to_owned(), format!("{} %, {at}", per_cent(*p)))
        }
        (None, None) => (String::new(), at),
    };
    let mut all =
        vec![Card { name: "Answer".into(), figure: escape(&figure), beside: escape(&beside), class: "" }];
    let strongest = if found.integrated.is_empty() { &found.occlusion } else { &found.integrated };
    let most = strongest.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    if let Some((place, value)) = most {
        all.push(Card {
            name: "Counted most".into(),
            figure: escape(&shortened(visible(&inside.steps[place]), 24)),
            beside: format!("step {}, {}", place + 1, signed(*value)),
            class: "",
        });
    }
    if let Some(horizon) = found.horizon {
        all.push(Card {
            name: "Listens back".into(),
            figure: counted(horizon, "step"),
            beside: "until the gradient is below a hundredth of its greatest norm".into(),
            class: "",
        });
    }
    if found.agree[1] > 0 {
        all.push(Card {
            name: "Both ways agree".into(),
            figure: format!("{} of {}", found.agree[0], found.agree[1]),
            beside: "steps that count: same direction by gradient and by leaving them out".into(),
            class: "",
        });
    }
    cards(&all, out);
}

fn answer(inside: &Inspection) -> String {
    let mut out = String::new();
    if inside.forecast.len() > 1 {
        let labels = inside.forecast.iter().map(|(label, _)| label.clone()).collect();
        let points = inside.forecast.iter().enumerate().map(|(step, (_, value))| (step as f64, *value));
        let chart = Chart {
            name: "Forecast".into(),
            description: "The forecast step by step.".into(),
            x: XAxis { labels, whole: true, ..XAxis::default() },
            y_title: inside.answer.ahead.as_ref().map_or_else(String::new, |[column, _]| column.clone()),
            lines: vec![Line {
                name: "forecast".into(),
                class: "c-future".into(),
                points: points.collect(),
                dots: inside.forecast.len() <= MOST_DOTS,
            }],
            ..Chart::default()
        };
        out.push_str(&figure("Forecast", "What the network says of the steps ahead.", &chart, Room::Low));
    }
    if let Some((name, values)) = &inside.each_number {
        let mut chart = steps_chart("At every step", "What the network says at each step.");
        chart.y_title = name.clone();
        chart.lines = vec![Line {
            name: name.clone(),
            class: "c-model".into(),
            points: values.iter().enumerate().map(|(step, value)| (step as f64 + 1.0, *value)).collect(),
            dots: values.len() <= MOST_DOTS,
        }];
        out.push_str(&figure(
            "At every step",
            "What the network says at each step, in the unit of its column.",
            &chart,
            Room::Low,
        ));
    }
    if !inside.answer.probabilities.is_empty() {
        out.push_str("<div class=\"panel\"><h3>Probabilities</h3><ul class=\"norms\">");
        for (class, p) in &inside.answer.probabilities {
            let _ = write!(
                out,
                "<li><span>{}</span><i style=\"--v:{}%\"></i><b>{} %</b></li>",
                escape(visible(&shortened(class, 40))),
                fixed(100.0 * p, 1),
                per_cent(*p)
            );
        }
        out.push_str("</ul></div>\n");
    }
    if let Some(written) = &inside.written {
        out.push_str(&tokens_written(written));
        out.push_str(&alignment(&written.alignment));
    }
    if !inside.each_step.is_empty() {
        out.push_str(
            "<div class=\"panel\"><h3>At every step</h3><p>Below each step, the most probable answer there; the deeper its colour, \
             the more probable.</p>",
        );
        let _ = write!(out, "<p class=\"tagged steps{}\">", tall(&inside.steps));
        for (step, (name, (class, p))) in inside.steps.iter().zip(&inside.each_step).enumerate() {
            let _ = write!(
                out,
                "<span data-step=\"{}\" style=\"--v:{}%\" title=\"{} %\">{}<i>{}</i></span>",
                step + 1,
                fixed(50.0 * p, 0),
                per_cent(*p),
                escape(visible(name)),
                escape(visible(&shortened(class, 20)))
            );
        }
        out.push_str("</p></div>\n");
    }
    out
}

/// The class of a list of so many steps that it scrolls.
fn tall(steps: &[String]) -> &'static str {
    if steps.len() > LONG { " tall" } else { "" }
}

/// What was written, token by token.
fn tokens_written(written: &Written) -> String {
    let mut out = format!(
        "<div class=\"panel\"{WRITTEN}><h3>What it writes</h3><p>Token by token, with the probability of each; the deeper its colour, the \
         more probable.</p><p class=\"tagged steps{}\">",
        tall(&written.steps)
    );
    for (step, (token, p)) in written.tokens.iter().enumerate() {
        let _ = write!(
            out,
            "<span data-step=\"{}\" style=\"--v:{}%\">{}<i>{} %</i></span>",
            step + 1,
            fixed(50.0 * p, 0),
            escape(visible(token)),
            per_cent(*p)
        );
    }
    out + "</p></div>\n"
}

/// More tokens of a side are not drawn: nobody could read them.
const MOST_ALIGNED: usize = 120;

/// What each token that was written looked at.
fn alignment(alignment: &Alignment) -> String {
    let Alignment { source, target, weights } = alignment;
    if target.is_empty() {
        return String::new();
    }
    let columns = &source[..source.len().min(MOST_ALIGNED)];
    let rows = &target[..target.len().min(MOST_ALIGNED)];
    let all = weights.chunks_exact(source.len().max(1)).take(rows.len());
    let weights: Vec<f32> = all.flat_map(|row| row[..columns.len()].iter().copied()).collect();
    let legend = "Each row is a token that was written, each column a token of the source. The deeper a cell, the more the model looked there.";
    let remark = match columns.len() < source.len() || rows.len() < target.len() {
        true => format!("{legend} The first {MOST_ALIGNED} of a side are drawn."),
        false => legend.to_owned(),
    };
    let name = "What each token of the output attends to in the source";
    heat::figure("What it looks at", &remark, &Heat { name, rows, columns, weights: &weights })
}

fn what_counted(inside: &Inspection) -> String {
    let Counted { class, by_feature, gradient, .. } = &inside.counted;
    let of = match (class, &inside.answer.ahead) {
        (Some(class), _) => format!("the logarithm of the odds of “{}”", visible(&shortened(class, 40))),
        (None, Some([column, ahead])) => {
            format!("the forecast of {column}, {ahead}, beyond the past values that it starts from")
        }
        (None, None) => "the number that is predicted".to_owned(),
    };
    let mut out = by_step(&inside.counted, &inside.steps, &of, inside.read.is_some(), false);
    out.push_str(&in_two_ways(&inside.counted, false));
    if let Some((names, _)) = &inside.read
        && by_feature.len() > 1
    {
        out.push_str(&features(names, by_feature));
    }
    if !gradient.is_empty() {
        let mut chart =
            steps_chart("Gradient by step", "The norm of the answer’s gradient by the input of each step.");
        chart.y_title = "norm of the gradient".into();
        let some = gradient.iter().copied().filter(|norm| *norm > 0.0);
        let [least, most] = [some.clone().fold(f64::INFINITY, f64::min), some.fold(0.0, f64::max)];
        chart.y_scale = if most > DECADES * least { Scale::Logarithmic } else { Scale::FromZero };
        chart.lines.push(line("gradient", "c-future", gradient));
        let remark = "How much the answer would move with a small change of each step; what lies below a hundredth of the peak is all but \
                      forgotten.";
        out.push_str(&figure("Gradient by step", remark, &chart, Room::Low));
    }
    if let Some(written) = &inside.written {
        out.push_str(&by_step(&written.counted, &written.steps, &of, false, true));
        out.push_str(&in_two_ways(&written.counted, true));
    }
    out
}

/// How much each step adds to `of`, in colours; of many steps of numbers the chart alone says it. `written`: the steps are those of
/// what was written before.
fn by_step(found: &Counted, steps: &[String], of: &str, numbers: bool, written: bool) -> String {
    let Counted { value, integrated, occlusion, .. } = found;
    let [here, nothing] = [signed(value[0]), signed(value[1])];
    let (group, of) = (if written { WRITTEN } else { "" }, escape(of));
    let mut out = match written {
        true => format!(
            "<div class=\"panel\"{group}><h3>By what was written before</h3><p>How much each token that was written before adds to {of}: red \
             speaks for it, blue against it. It is {here} here and {nothing} where nothing is known of them. The source stays as it is."
        ),
        false => format!(
            "<div class=\"panel\"><h3>By step</h3><p>How much each step adds to {of}: red speaks for it, blue against it. It is {here} here and \
             {nothing} of a record as long that says nothing."
        ),
    };
    let _ = write!(out, "</p><p class=\"tagged steps signed{}\">", tall(steps));
    let shades = if integrated.is_empty() { occlusion } else { integrated };
    let shades = if numbers && shades.len() > MOST_DOTS { &[][..] } else { shades };
    let most = shades.iter().fold(0.0_f64, |most, x| most.max(x.abs())).max(1e-12);
    for (step, (name, value)) in steps.iter().zip(shades).enumerate() {
        let side = if *value < 0.0 { "against" } else { "for" };
        let _ = write!(
            out,
            "<span data-step=\"{}\" class=\"{side}\" style=\"--v:{}%\">{}<i>{}</i></span>",
            step + 1,
            fixed(60.0 * value.abs() / most, 0),
            escape(visible(name)),
            signed(*value)
        );
    }
    out + "</p></div>\n"
}

/// How much each step counted, by the gradient and by leaving it out.
fn in_two_ways(found: &Counted, written: bool) -> String {
    let Counted { integrated, missing, occlusion, agree, .. } = found;
    let mut chart = steps_chart("What counted", "How much each step counted in the answer, in two ways.");
    chart.y_title = "what a step adds".into();
    let mut remark = String::from("Left out: how much less there is of it without the step.");
    if !integrated.is_empty() {
        chart.lines.push(line("by the gradient", "c-model", integrated));
        remark = format!(
            "By the gradient (integrated gradients): the steps add up to the difference to a record that says nothing, within {} %. \
             {remark} Of the steps that count by both, {} of {} count in the same direction{}.",
            fixed(100.0 * missing, 1),
            agree[0],
            agree[1],
            if agree[0] * 10 < agree[1] * 9 { ", so that neither is to be trusted alone" } else { "" }
        );
    }
    chart.lines.push(line("left out", "c-base1", occlusion));
    let heading = if written { "What was written before, in two ways" } else { "In two ways" };
    figure(heading, &remark, &chart, Room::Low)
}

/// What each step has, from the first.
fn line(name: &str, class: &str, values: &[f64]) -> Line {
    Line {
        name: name.into(),
        class: class.into(),
        points: values.iter().enumerate().map(|(step, value)| (step as f64 + 1.0, *value)).collect(),
        dots: values.len() <= MOST_DOTS,
    }
}

/// The most features that are listed, those that count most.
const MOST_FEATURES: usize = 20;

/// How much each feature counted, over all steps.
fn features(names: &[String], by_feature: &[f64]) -> String {
    let mut order: Vec<usize> = (0..names.len().min(by_feature.len())).collect();
    order.sort_by(|&a, &b| by_feature[b].abs().total_cmp(&by_feature[a].abs()).then(a.cmp(&b)));
    let most = order.first().map_or(1.0, |&first| by_feature[first].abs().max(1e-12));
    let mut out = String::from(
        "<div class=\"panel\"><h3>By feature</h3><p>How much each adds over all steps, by the gradient; red speaks for it, blue against \
         it.</p><ul class=\"norms signed\">",
    );
    for place in order.into_iter().take(MOST_FEATURES) {
        let value = by_feature[place];
        let _ = write!(
            out,
            "<li class=\"{}\"><span>{}</span><i style=\"--v:{}%\"></i><b>{}</b></li>",
            if value < 0.0 { "against" } else { "for" },
            escape(&shortened(&names[place], 40)),
            fixed(100.0 * value.abs() / most, 1),
            signed(value)
        );
    }
    out + "</ul></div>\n"
}

/// The most lines of what is read.
const MOST_LINES: usize = 6;

/// The numbers that are read, as the network reads them.
fn read(inside: &Inspection) -> String {
    let Some((names, matrix)) = &inside.read else { return String::new() };
    const CLASSES: [&str; MOST_LINES] = ["c-model", "c-base1", "c-base0", "c-future", "c-base3", "c-base2"];
    let mut chart = steps_chart("What it reads", "The numbers of each step as the network reads them.");
    chart.y_title = "scaled".into();
    chart.always_named = true;
    let steps = inside.steps.len();
    chart.lines = (0..names.len().min(MOST_LINES))
        .map(|feature| Line {
            name: names[feature].clone(),
            class: CLASSES[feature].into(),
            points: (0..steps)
                .map(|step| (step as f64 + 1.0, f64::from(matrix.values[step * matrix.units + feature])))
                .collect(),
            dots: steps <= MOST_DOTS,
        })
        .collect();
    let ends = match (inside.steps.first(), inside.steps.last()) {
        (Some(first), Some(last)) if first != "1" => format!(" Steps 1 to {steps} are {first} to {last}."),
        _ => String::new(),
    };
    let more = match names.len() > MOST_LINES {
        true => format!(" The first {MOST_LINES} of {} are drawn.", count(names.len())),
        false => String::new(),
    };
    let remark = format!(
        "The numbers of each step, scaled as the network reads them; 0 is the mean of the training part, or where windows have scales of their \
         own their level.{ends}{more}"
    );
    figure("What it reads", &remark, &chart, Room::Low)
}

fn steps_chart(name: &str, description: &str) -> Chart {
    Chart {
        name: name.into(),
        description: description.into(),
        x: XAxis { title: "time step".into(), whole: true, ..XAxis::default() },
        ..Chart::default()
    }
}

/// What the letters of equations stand for.
fn meaning(name: &str) -> &'static str {
    match name {
        "i" => "input gate",
        "f" => "forget gate",
        "g" | "n" => "candidate",
        "o" => "output gate",
        "r" => "reset gate",
        "z" => "update gate",
        "h" => "hidden state",
        "c" => "cell state",
        _ => "",
    }
}

/// What a layer is called: `lstm, layer 2, read from the end`.
fn named(layer: &LayerInside) -> String {
    let stacked = if layer.layer > 0 { format!(", layer {}", layer.layer + 1) } else { String::new() };
    format!("{}{stacked}{}", layer.name, if layer.reverse { ", read from the end" } else { "" })
}

fn layers(inside: &Inspection, shown: &[&LayerInside], about: &About) -> Result<String> {
    if shown.is_empty() {
        return Ok(String::new());
    }
    let mut out = String::from(
        "<p class=\"small\">Layers and directions are counted from 0. Each row of a map is a unit, each column a step. Blue is −1, red is 1; \
         what is beyond has its own scale, which is said.</p>\n",
    );
    for writes in [false, true] {
        let group: Vec<&&LayerInside> = shown.iter().filter(|layer| layer.writes == writes).collect();
        let steps = match &inside.written {
            Some(written) if writes => &written.steps,
            _ => &inside.steps,
        };
        if group.is_empty() {
            continue;
        }
        let _ = write!(out, "<div{}>", if writes { WRITTEN } else { "" });
        if writes {
            out.push_str(
                "<p class=\"small\">What follows are the layers that write. Their steps are what they read before each token: the end, then what \
                 they had written.</p>\n",
            );
        }
        stepper(steps, if writes { inside.answer.step } else { None }, writes, &mut out);
        for layer in group {
            let units = layer.values.first().map_or(0, |matrix| matrix.units);
            let number = inside.layers.iter().position(|other| std::ptr::eq(other, *layer)).unwrap_or(0);
            let heading = format!("{number} · {}", named(layer));
            let _ = write!(
                out,
                "<div class=\"panel inside\"><h3>{}</h3><p>{}</p>",
                escape(&heading),
                counted(units, "unit")
            );
            for matrix in &layer.values {
                map(matrix, steps.len(), &heading, &mut out);
            }
            axis(steps, &mut out);
            if !layer.gates.is_empty() {
                gates(&layer.gates, &mut out);
            }
            out.push_str("</div>\n");
            out.push_str(&one_unit(layer, about.unit, steps.len())?);
        }
        out.push_str("</div>\n");
    }
    Ok(out)
}

/// The slider through some steps, which stands above their maps, at one of them or the last.
fn stepper(steps: &[String], at: Option<usize>, writes: bool, out: &mut String) {
    let names: Vec<String> = steps.iter().map(|name| json_string(visible(&shortened(name, 30)))).collect();
    let (id, most) = (if writes { "step-written" } else { "step" }, steps.len());
    let _ = writeln!(
        out,
        "<div class=\"stepper\" data-mean=\"mean %1\" data-at=\"unit %1, step %2 %3: %4\"><label for=\"{id}\">Step <output>{most}</output> <b></b></label>\
         <input id=\"{id}\" type=\"range\" min=\"1\" max=\"{most}\" value=\"{}\">\
         <script type=\"application/json\">[{}]</script></div>",
        at.unwrap_or(most),
        names.join(",")
    );
}

/// A heat map: its values as letters, which the script of the page draws.
fn map(matrix: &Matrix, steps: usize, layer: &str, out: &mut String) {
    let Matrix { name, units, values } = matrix;
    let drawn = (*units).min(MOST_UNITS);
    let largest = values.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
    let letter = |unit: usize, step: usize| {
        let level = (values[step * units + unit] / largest * LEVELS).round().clamp(-LEVELS, LEVELS);
        LETTERS[(level + LEVELS) as usize] as char
    };
    let letters: String = (0..drawn)
        .flat_map(|unit| (0..steps).map(move |step| (unit, step)))
        .map(|(u, s)| letter(u, s))
        .collect();
    let beyond =
        if largest > 1.0 { format!(", −{0} to {0}", fixed(f64::from(largest), 2)) } else { String::new() };
    let more = if drawn < *units { format!(", the first {}", count(drawn)) } else { String::new() };
    let _ = write!(
        out,
        "<div class=\"map\" data-units=\"{drawn}\" data-steps=\"{steps}\" data-scale=\"{}\"><h4>{} <span class=\"meaning\">{}{beyond}{more}</span> \
         <output></output></h4><div class=\"grid\"><canvas role=\"img\" aria-label=\"{}\" width=\"{steps}\" height=\"{drawn}\" \
         style=\"height:{}px\"></canvas></div><script type=\"text/plain\">{letters}</script></div>",
        fixed(f64::from(largest), 6),
        escape(name),
        meaning(name),
        escape(&format!("{name} {} of {layer}: {drawn} units over {steps} steps", meaning(name))),
        (drawn * 4).clamp(28, 160)
    );
}

/// The steps below the maps.
fn axis(steps: &[String], out: &mut String) {
    let few = if steps.len() <= FEW { " few" } else { "" };
    let _ = write!(out, "<ol class=\"axis{few}\" style=\"--n:{}\" aria-hidden=\"true\">", steps.len());
    let every = steps.len().div_ceil(12).max(1);
    for (place, name) in steps.iter().enumerate() {
        let said = match steps.len() <= NAMED {
            true => visible(&shortened(name, 14)).to_owned(),
            false if place % every == 0 => (place + 1).to_string(),
            false => String::new(),
        };
        let _ = write!(out, "<li data-step=\"{}\">{}</li>", place + 1, escape(&said));
    }
    out.push_str("</ol>");
}

fn gates(gates: &[GateFigures], out: &mut String) {
    out.push_str(
        "<div class=\"scroll\"><table class=\"errors plain\"><thead><tr><th></th><th>mean</th><th>below .1</th><th>above .9</th>\
         <th>units always shut</th><th>always open</th><th>half-life in the middle</th><th>longest</th></tr></thead><tbody>",
    );
    for gate in gates {
        let GateFigures { name, mean, saturated, stuck, half_life } = gate;
        let life = |which: usize| match half_life {
            Some(lives) if lives[which].is_finite() && lives[which] < 1e6 => {
                format!("{} steps", fixed(lives[which], 1))
            }
            Some(_) => "for ever".into(),
            None => "–".into(),
        };
        let _ = write!(
            out,
            "<tr><th>{} <span class=\"soft meaning\">{}</span></th><td>{}</td><td>{} %</td><td>{} %</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            meaning(name),
            fixed(*mean, 2),
            fixed(100.0 * saturated[0], 0),
            fixed(100.0 * saturated[1], 0),
            count(stuck[0]),
            count(stuck[1]),
            life(0),
            life(1)
        );
    }
    out.push_str("</tbody></table></div>");
}

/// The gates and states of a unit as lines.
fn one_unit(layer: &LayerInside, unit: Option<usize>, steps: usize) -> Result<String> {
    let Some(hidden) = layer.values.iter().find(|matrix| matrix.name == "h") else {
        return Ok(String::new());
    };
    let spread = |unit: &usize| {
        let each: Vec<f64> =
            hidden.values.iter().skip(*unit).step_by(hidden.units).map(|&v| f64::from(v)).collect();
        let mean = each.iter().sum::<f64>() / each.len().max(1) as f64;
        each.iter().map(|v| (v - mean).powi(2)).sum::<f64>()
    };
    let most = || (0..hidden.units).max_by(|a, b| spread(a).total_cmp(&spread(b)).then(b.cmp(a)));
    let Some(unit) = unit.or_else(most) else { return Ok(String::new()) };
    if unit >= hidden.units {
        return Err(Error::setting(
            crate::message::key("unit"),
            unit.to_string(),
            format!("below {}, the units of {}", hidden.units, layer.name),
        ));
    }
    const CLASSES: [&str; 8] =
        ["c-base0", "c-base1", "c-base2", "c-future", "c-base3", "c-train", "c-model", "c-actual"];
    let mut chart = steps_chart(
        &format!("Unit {unit} of the layer {}", layer.name),
        "The gates and states of one unit at every step.",
    );
    chart.y_title = "value".into();
    chart.always_named = true;
    chart.lines = layer
        .values
        .iter()
        .zip(CLASSES.iter().cycle())
        .filter(|(matrix, _)| unit < matrix.units)
        .map(|(matrix, class)| Line {
            name: match meaning(&matrix.name) {
                "" => matrix.name.clone(),
                meaning => format!("{} {meaning}", matrix.name),
            },
            class: (*class).into(),
            points: (0..steps)
                .map(|step| (step as f64 + 1.0, f64::from(matrix.values[step * matrix.units + unit])))
                .collect(),
            dots: steps <= MOST_DOTS,
        })
        .collect();
    let heading = format!("Unit {unit} of the layer {}", named(layer));
    Ok(figure(&heading, "Its gates and states at every step.", &chart, Room::Low))
}

fn vectors(vectors: &Vectors) -> String {
    let mut out = String::from("<div class=\"pair\">");
    for (heading, listed) in [("The longest", &vectors.longest), ("The shortest", &vectors.shortest)] {
        let most = vectors.longest.first().map_or(1.0, |(_, length)| length.max(1e-12));
        let _ = write!(out, "<div class=\"panel\"><h3>{heading}</h3><ul class=\"norms\">");
        for (token, length) in listed {
            let _ = write!(
                out,
                "<li><span>{}</span><i style=\"--v:{}%\"></i><b>{}</b></li>",
                escape(visible(&shortened(token, 24))),
                fixed(100.0 * length / most, 1),
                number((length * 1000.0).round() / 1000.0)
            );
        }
        out.push_str("</ul></div>");
    }
    out.push_str("</div>\n");
    if !vectors.near.is_empty() {
        let _ = write!(
            out,
            "<div class=\"panel scroll\"><h3>Neighbours</h3><p>The tokens of the record that the model knows, and those whose vectors of {} \
             point most nearly the same way (cosine).</p><table class=\"layers near\"><tbody>",
            counted(vectors.features, "number")
        );
        for near in &vectors.near {
            let _ = write!(out, "<tr><th>{}</th>", escape(visible(&shortened(&near.token, 24))));
            for (token, cosine) in &near.nearest {
                let _ = write!(
                    out,
                    "<td>{} <span class=\"soft\">{}</span></td>",
                    escape(visible(&shortened(token, 24))),
                    fixed(*cosine, 2)
                );
            }
            out.push_str("</tr>");
        }
        out.push_str("</tbody></table></div>\n");
    }
    out
}

/// `12.3` of .123.
fn per_cent(share: f64) -> String {
    fixed(100.0 * share, 1)
}

/// With its sign.
fn signed(value: f64) -> String {
    let digits = if value.abs() < 10.0 { 2 } else { 1 };
    let written = fixed(value.abs(), digits);
    if written.chars().all(|c| matches!(c, '0' | '.')) {
        return written;
    }
    format!("{}{written}", if value < 0.0 { "−" } else { "+" })
}

#[cfg(test)]
mod tests {
    use super::super::Ask;
    use super::*;
    use crate::model::{Input, Model, RecurrentLayer};
    use crate::report::check;
    use crate::tasks::{Answers, Example};

    const HOSTILE: &str = "</script><b onclick='x'>\"&\u{0}";

    fn inside(answers: Answers, outputs: usize, steps: usize) -> Inspection {
        let each = matches!(answers, Answers::EachStep(_) | Answers::NumberEachStep { .. });
        let lstm = RecurrentLayer::lstm(4).return_sequences(each);
        let model = Model::builder(Input::numbers(2)).layer(lstm).dense(outputs).build(2).unwrap();
        let values = (0..2 * steps).map(|n| (n as f32).sin()).collect();
        let mut example = Example::of_numbers(values, 2, answers);
        example.steps[0] = HOSTILE.into();
        (example.features[0], example.what) = (HOSTILE.into(), HOSTILE.into());
        example.notes.push(HOSTILE.into());
        Inspection::of(&model, &example, &Ask::default()).unwrap()
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{HOSTILE}{n}")).collect()
    }

    #[test]
    fn pages_are_well_formed_whatever_the_texts_say() {
        let about = About { model: HOSTILE.into(), command: HOSTILE.into(), ..About::default() };
        for (answers, outputs) in [
            (Answers::Classes(names(3)), 3),
            (Answers::EachStep(names(3)), 3),
            (Answers::Number { offset: 1.0, scale: 2.0 }, 1),
            (Answers::NumberEachStep { name: "y".into(), offset: 1.0, scale: 2.0, least: Some(0.0) }, 1),
            (Answers::Classes(names(40)), 40),
        ] {
            for steps in [1, 7, 100] {
                let page = page(&inside(answers.clone(), outputs, steps), &about).unwrap();
                check::well_formed(&page).unwrap();
                for id in ["answer", "counted", "layers", "again"] {
                    let there = page.contains(&format!("<section id=\"{id}\">"));
                    assert!(there || id == "answer" && outputs == 1, "{id}");
                }
                assert_eq!(page.matches("<canvas").count(), 6, "i, f, g, o, h and c");
                assert!(!page.contains("<b onclick") && !page.contains("http"));
            }
        }
    }

    #[test]
    fn maps_hold_every_value_to_a_level() {
        let (mut out, units, steps) = (String::new(), 3, 2);
        let values = vec![-1.0, 0.0, 1.0, 0.5, -0.5, 0.01];
        let matrix = Matrix { name: "h".into(), units, values };
        map(&matrix, steps, "lstm", &mut out);
        let letters = out.split("text/plain\">").nth(1).unwrap().split('<').next().unwrap();
        let level = |letter: u8| LETTERS.iter().position(|&other| other == letter).unwrap() as i32 - 31;
        // Unit by unit, each step by step.
        assert_eq!(letters.bytes().map(level).collect::<Vec<_>>(), [-31, 16, 0, -16, 31, 0]);
        // What is beyond 1 has its own scale.
        let mut out = String::new();
        map(&Matrix { values: vec![-4.0, 0.0, 2.0, 0.0, 0.0, 0.0], ..matrix }, steps, "lstm", &mut out);
        assert!(out.contains("−4.00 to 4.00") && out.contains("data-scale=\"4"), "{out}");
    }

    #[test]
    fn what_is_not_there_cannot_be_shown() {
        let inside = inside(Answers::Classes(names(2)), 2, 3);
        let error = |about: About| page(&inside, &about).unwrap_err().to_string();
        let layer = About { layer: Some(1), ..About::default() };
        assert_eq!(
            error(layer),
            "layer is 1; it must be below 1, as many layers and directions as there are"
        );
        let unit = About { unit: Some(4), ..About::default() };
        assert_eq!(error(unit), "unit is 4; it must be below 4, the units of lstm");
    }
}
