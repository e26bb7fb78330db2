//! The page that shows what a network does with a record.

use std::fmt::Write;

use super::charts::{self, LOOKED, Looked, MOST_DOTS, MapOf, meaning, named, per_cent, signed};
use super::gates::{GateFigures, LayerInside, Matrix};
use super::{About, Counted, Inspection, Vectors, Written};
use crate::Result;
use crate::report::frame::{Card, Frame, cards, notes, section};
use crate::report::heat;
use crate::report::picture::Listed;
use crate::report::text::{count, counted, escape, fixed, json_string, number, shortened, visible};

const SCRIPT: &str = include_str!("page.js");

/// What marks parts of the page whose steps are those of what is written.
const WRITTEN: &str = " data-of=\"written\"";

/// Values of a heat map are one of so many levels on either side of 0, each a letter.
const LEVELS: f32 = 31.0;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Of so few the names are side by side where the page is wide.
const FEW: usize = 12;

/// Records of more steps have them in a part of the page that scrolls.
const LONG: usize = 150;

/// The page: it holds all that it shows and fetches nothing. Errors: a layer or a unit that is not there.
pub fn page(inside: &Inspection, about: &About) -> Result<String> {
    let shown = about.layers(inside)?;
    let mut body = String::new();
    summary(inside, &mut body);
    notes(&inside.notes, &mut body);
    section(
        "read",
        "What it reads",
        &charts::read(inside).map_or_else(String::new, |shown| shown.html()),
        &mut body,
    );
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
    for shown in [charts::forecast(inside), charts::at_every_step(inside)].into_iter().flatten() {
        out.push_str(&shown.html());
    }
    if !inside.answer.probabilities.is_empty() {
        out.push_str("<div class=\"panel\"><h3>Probabilities</h3><ul class=\"norms\">");
        list(&charts::probabilities(inside), &mut out);
        out.push_str("</ul></div>\n");
    }
    if let Some(written) = &inside.written {
        out.push_str(&tokens_written(written));
        if let Some(looked) = Looked::of(&written.alignment) {
            out.push_str(&heat::figure(LOOKED, &looked.remark, &looked.heat()));
        }
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

fn what_counted(inside: &Inspection) -> String {
    let Counted { class, .. } = &inside.counted;
    let of = match (class, &inside.answer.ahead) {
        (Some(class), _) => format!("the logarithm of the odds of “{}”", visible(&shortened(class, 40))),
        (None, Some([column, ahead])) => {
            format!("the forecast of {column}, {ahead}, beyond the past values that it starts from")
        }
        (None, None) => "the number that is predicted".to_owned(),
    };
    let mut out = by_step(&inside.counted, &inside.steps, &of, inside.read.is_some(), false);
    out.push_str(&charts::in_two_ways(&inside.counted, false).html());
    let features = charts::features(inside);
    if !features.is_empty() {
        out.push_str(
            "<div class=\"panel\"><h3>By feature</h3><p>How much each adds over all steps, by the gradient; red speaks for it, blue against \
             it.</p><ul class=\"norms signed\">",
        );
        list(&features, &mut out);
        out.push_str("</ul></div>\n");
    }
    out.extend(charts::gradient(inside).map(|shown| shown.html()));
    if let Some(written) = &inside.written {
        out.push_str(&by_step(&written.counted, &written.steps, &of, false, true));
        out.push_str(&charts::in_two_ways(&written.counted, true).html());
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

fn layers(inside: &Inspection, shown: &[(usize, &LayerInside)], about: &About) -> Result<String> {
    if shown.is_empty() {
        return Ok(String::new());
    }
    let mut out = String::from(
        "<p class=\"small\">Layers and directions are counted from 0. Each row of a map is a unit, each column a step. Blue is −1, red is 1; \
         what is beyond has its own scale, which is said.</p>\n",
    );
    for writes in [false, true] {
        let group: Vec<_> = shown.iter().filter(|(_, layer)| layer.writes == writes).collect();
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
        for (number, layer) in group {
            let units = layer.values.first().map_or(0, |matrix| matrix.units);
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
            out.extend(charts::one_unit(layer, about.unit)?.map(|(_, shown)| shown.html()));
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
    let MapOf { drawn, largest, beside, height } = MapOf::of(matrix);
    let (Matrix { name, units, values }, meaning) = (matrix, meaning(&matrix.name));
    let letter = |unit: usize, step: usize| {
        let level = (values[step * units + unit] / largest * LEVELS).round().clamp(-LEVELS, LEVELS);
        LETTERS[(level + LEVELS) as usize] as char
    };
    let letters: String = (0..drawn)
        .flat_map(|unit| (0..steps).map(move |step| (unit, step)))
        .map(|(u, s)| letter(u, s))
        .collect();
    let _ = write!(
        out,
        "<div class=\"map\" data-units=\"{drawn}\" data-steps=\"{steps}\" data-scale=\"{}\"><h4>{} <span class=\"meaning\">{meaning}{beside}</span> \
         <output></output></h4><div class=\"grid\"><canvas role=\"img\" aria-label=\"{}\" width=\"{steps}\" height=\"{drawn}\" \
         style=\"height:{height}px\"></canvas></div><script type=\"text/plain\">{letters}</script></div>",
        fixed(f64::from(largest), 6),
        escape(name),
        escape(&format!("{name} {meaning} of {layer}: {drawn} units over {steps} steps")),
    );
}

/// The steps below the maps.
fn axis(steps: &[String], out: &mut String) {
    let few = if steps.len() <= FEW { " few" } else { "" };
    let _ = write!(out, "<ol class=\"axis{few}\" style=\"--n:{}\" aria-hidden=\"true\">", steps.len());
    for (place, said) in charts::some_names(steps).into_iter().enumerate() {
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

/// The items of a list with bars.
fn list(all: &[Listed], out: &mut String) {
    for Listed { name, share, speaks_for, says } in all {
        let class = match speaks_for {
            None => "",
            Some(true) => " class=\"for\"",
            Some(false) => " class=\"against\"",
        };
        let _ = write!(
            out,
            "<li{class}><span>{}</span><i style=\"--v:{}%\"></i><b>{}</b></li>",
            escape(name),
            fixed(100.0 * share, 1),
            escape(says)
        );
    }
}

fn vectors(vectors: &Vectors) -> String {
    let mut out = String::from("<div class=\"pair\">");
    for (heading, listed) in charts::lengths(vectors) {
        let _ = write!(out, "<div class=\"panel\"><h3>{heading}</h3><ul class=\"norms\">");
        list(&listed, &mut out);
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
