//! The charts of an inspection as pictures of their own.

use super::charts::{self, LOOKED, Looked, MapOf, Shown, meaning, named};
use super::gates::{LayerInside, Matrix};
use super::{About, Inspection};
use crate::Result;
use crate::report::heat::Signed;
use crate::report::picture::{self, Map, chart_picture, list_picture, maps_picture};
use crate::report::text::counted;
use crate::report::weights_picture;

/// Every chart of [`page`](super::page()) as an SVG document of its own, with a name for its file: `gradient`, `layer-0`. A map of more
/// units or steps than can be told apart has the means of neighbours. Errors: those of the page.
pub fn pictures(inside: &Inspection, about: &About) -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    let mut chart = |name: &str, shown: Option<Shown>| {
        let shown = shown.filter(|shown| !shown.chart.is_empty());
        all.extend(shown.map(|shown| (name.to_owned(), chart_picture(&shown.heading, &shown.chart))));
    };
    chart("reads", charts::read(inside));
    chart("forecast", charts::forecast(inside));
    chart("at-every-step", charts::at_every_step(inside));
    chart("counted", Some(charts::in_two_ways(&inside.counted, false)));
    chart("gradient", charts::gradient(inside));
    if let Some(written) = &inside.written {
        chart("counted-written", Some(charts::in_two_ways(&written.counted, true)));
    }
    let mut units = Vec::new();
    for (number, layer) in about.layers(inside)? {
        let steps = match &inside.written {
            Some(written) if layer.writes => &written.steps,
            _ => &inside.steps,
        };
        all.push((format!("layer-{number}"), maps(number, layer, steps)));
        if let Some((unit, shown)) = charts::one_unit(layer, about.unit)? {
            units.push((format!("layer-{number}-unit-{unit}"), chart_picture(&shown.heading, &shown.chart)));
        }
    }
    all.extend(units);
    if let Some(looked) = inside.written.as_ref().and_then(|written| Looked::of(&written.alignment)) {
        let heat = looked.heat();
        let drawn = weights_picture(LOOKED, heat.rows, heat.columns, heat.weights);
        all.push(("looked-at".into(), drawn));
    }
    let mut list = |name: &str, heading: &str, listed: Vec<picture::Listed>| {
        if !listed.is_empty() {
            all.push((name.to_owned(), list_picture(heading, &listed)));
        }
    };
    list("probabilities", "Probabilities", charts::probabilities(inside));
    list("features", "By feature", charts::features(inside));
    if let Some([longest, shortest]) = inside.vectors.as_ref().map(charts::lengths) {
        list("vectors-longest", "The longest vectors", longest.1);
        list("vectors-shortest", "The shortest vectors", shortest.1);
    }
    Ok(all)
}

/// The gates and states of a layer over its steps.
fn maps(number: usize, layer: &LayerInside, steps: &[String]) -> String {
    let drawn: Vec<(MapOf, Pooled)> = layer
        .values
        .iter()
        .map(|matrix| {
            let map = MapOf::of(matrix);
            let pooled = Pooled::of(matrix, map.drawn, steps.len());
            (map, pooled)
        })
        .collect();
    let maps: Vec<Map<'_>> = layer
        .values
        .iter()
        .zip(&drawn)
        .map(|(matrix, (map, pooled))| Map {
            name: &matrix.name,
            says: format!("{}{}", meaning(&matrix.name), map.beside),
            values: Signed {
                rows: pooled.rows,
                columns: pooled.columns,
                values: &pooled.values,
                largest: map.largest,
            },
            height: map.height as f64,
        })
        .collect();
    let units = layer.values.first().map_or(0, |matrix| matrix.units);
    let title = format!("{number} · {}, {}", named(layer), counted(units, "unit"));
    maps_picture(&title, &maps, &charts::some_names(steps))
}

/// Values by unit and step, as many as a picture has space for.
struct Pooled {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Pooled {
    /// The most rows and columns: cells of two pixels.
    const MOST: [usize; 2] = [80, 380];

    fn of(matrix: &Matrix, units: usize, steps: usize) -> Self {
        let [rows, columns] = [units.min(Self::MOST[0]), steps.min(Self::MOST[1])];
        let mut values = Vec::with_capacity(rows * columns);
        let part = |of: usize, all: usize, parts: usize| of * all / parts..(of + 1) * all / parts;
        for row in 0..rows {
            for column in 0..columns {
                let (units, steps) = (part(row, units, rows), part(column, steps, columns));
                let count = units.len() * steps.len();
                let sum: f32 = steps
                    .flat_map(|step| units.clone().map(move |unit| step * matrix.units + unit))
                    .map(|place| matrix.values[place])
                    .sum();
                values.push(sum / count as f32);
            }
        }
        Self { rows, columns, values }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ask;
    use super::*;
    use crate::model::{Input, Model, RecurrentLayer};
    use crate::report::check::well_formed;
    use crate::tasks::{Answers, Example};

    #[test]
    fn every_chart_is_a_picture() {
        let lstm = RecurrentLayer::lstm(4).bidirectional(true);
        let model = Model::builder(Input::numbers(2)).layer(lstm).dense(3).build(2).unwrap();
        let classes = ["a<b", "나", "c"].map(str::to_owned).to_vec();
        for steps in [2, 50, 600] {
            let values = (0..2 * steps).map(|n| (n as f32).sin()).collect();
            let example = Example::of_numbers(values, 2, Answers::Classes(classes.clone()));
            let inside = Inspection::of(&model, &example, &Ask::default()).unwrap();
            let about = About { unit: Some(1), ..About::default() };
            let found = pictures(&inside, &about).unwrap();
            let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                names,
                [
                    "reads",
                    "counted",
                    "gradient",
                    "layer-0",
                    "layer-1",
                    "layer-0-unit-1",
                    "layer-1-unit-1",
                    "probabilities",
                    "features"
                ]
            );
            for (name, picture) in &found {
                well_formed(picture).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(picture.len() < 300_000, "{name}: {}", picture.len());
            }
            // Six maps, each with more than one colour.
            assert_eq!(found[3].1.matches("<g class=\"signed\"").count(), 6);
            assert!(found[3].1.matches("<path class=\"low\"").count() > 2);
            let one = About { layer: Some(1), ..About::default() };
            assert_eq!(pictures(&inside, &one).unwrap().len(), 7);
            assert!(pictures(&inside, &About { layer: Some(2), ..About::default() }).is_err());
        }
    }

    #[test]
    fn many_values_are_means() {
        // Of unit u at step s: s.
        let matrix = Matrix {
            name: "h".into(),
            units: 160,
            values: (0..760).flat_map(|step| [step as f32; 160]).collect(),
        };
        let Pooled { rows, columns, values } = Pooled::of(&matrix, 160, 760);
        assert_eq!((rows, columns, values.len()), (80, 380, 80 * 380));
        assert_eq!(values[..3], [0.5, 2.5, 4.5]);
        assert_eq!(values[79 * 380 + 379], 758.5);
        let few = Pooled::of(&Matrix { name: "h".into(), units: 2, values: vec![1.0, 2.0, 3.0, 4.0] }, 2, 2);
        assert_eq!(few.values, [1.0, 3.0, 2.0, 4.0]);
    }
}
