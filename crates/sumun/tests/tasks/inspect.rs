//! Looking inside the models of all tasks.

use sumun::inspect::{About, Ask, Inspection, page};
use sumun::tasks::{ExampleOf, Predicted, Prediction, Request, TrainedModel, open_file};

use crate::lessons::{LESSONS, Lesson};

/// A model that learnt for an epoch, whose network answers alone or not.
fn model(lesson: &Lesson, folder: &std::path::Path, alone: bool) -> Box<dyn TrainedModel> {
    let setting = match (lesson.task, lesson.file) {
        ("classify", _) if alone && lesson.name != "classify numbers" => ("network.linear", "off"),
        ("lm", _) if alone => ("network.ngrams", "off"),
        ("tag", _) if alone => ("network.crf", "off"),
        ("tag", _) => ("network.crf", "on"),
        _ => ("train.epochs", "1"),
    };
    let mut training = lesson.begin(folder, &[("train.epochs", "1"), setting]);
    training.run(&mut (), &mut ()).unwrap();
    open_file("m", training.finish().unwrap().model_file().unwrap()).unwrap()
}

/// What is shown to be answered is what the model predicts, with weights behind the embedding as in the whole network.
#[test]
fn answers_are_those_of_the_model() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(lesson.file);
        let trained = model(lesson, folder.path(), true);
        let example = trained.example(ExampleOf::Record(&path, None)).unwrap();
        let inside = Inspection::of(trained.network().unwrap(), &example, &Ask::default()).unwrap();
        let request =
            Request { file: Some(&path), attention: lesson.task == "translate", ..Request::default() };
        let Predicted::Records(predicted) = trained.predict(&request).unwrap() else { panic!("records") };
        let same = |found: f64, expected: f64| {
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{}", lesson.name);
        };
        let best = inside.answer.probabilities.first();
        match &predicted.predictions[0] {
            Prediction::Class { label, probabilities } => {
                let (class, p) = best.unwrap();
                assert_eq!(class, label, "{}", lesson.name);
                same(*p, probabilities.iter().copied().fold(0.0, f64::max));
            }
            Prediction::Labels { probabilities, .. } => {
                let most = probabilities.iter().copied().fold(0.0, f64::max);
                same(best.unwrap().1, most);
            }
            Prediction::Number(_) if lesson.task == "simulate" => {
                // The file has two series, of as many rows.
                let (name, values) = inside.each_number.as_ref().unwrap();
                assert_eq!(
                    (name.as_str(), values.len(), inside.answer.step),
                    ("level", inside.steps.len(), Some(values.len()))
                );
                assert_eq!(predicted.predictions.len(), 2 * values.len());
                for (found, expected) in values.iter().zip(&predicted.predictions) {
                    let Prediction::Number(expected) = expected else { panic!("{expected:?}") };
                    same(*found, *expected);
                }
                same(inside.answer.number.unwrap(), *values.last().unwrap());
                let (names, _) = inside.read.as_ref().unwrap();
                assert_eq!(names, &["inflow", "size"]);
                let second = trained.example(ExampleOf::Record(&path, Some(2))).unwrap();
                assert!(second.what.contains("t1 of tanks.csv"), "{}", second.what);
            }
            Prediction::Number(number) => same(inside.answer.number.unwrap(), *number),
            Prediction::Tags { tags, probabilities } => {
                for ((tag, p), (class, found)) in tags.iter().zip(probabilities).zip(&inside.each_step) {
                    assert_eq!(tag, class, "{}", lesson.name);
                    same(*found, *p);
                }
                assert_eq!((inside.each_step.len(), inside.answer.step), (tags.len(), Some(tags.len())));
            }
            Prediction::Tokens { tokens, log_probabilities } => {
                // The first step is what texts are read as following.
                assert_eq!(inside.steps[1..], tokens[..inside.steps.len() - 1]);
                let ask = Ask { step: Some(3), class: Some(tokens[2].clone()) };
                let third = Inspection::of(trained.network().unwrap(), &example, &ask).unwrap();
                // ln p / (1 − p)
                let p = log_probabilities[2].exp();
                same(third.counted.value[0], (p / (1.0 - p)).ln());
            }
            Prediction::Text { probability, ended, alignment, .. } => {
                let written = inside.written.as_ref().unwrap();
                let alignment = alignment.as_ref().unwrap();
                assert_eq!((&written.alignment, &inside.steps), (alignment, &alignment.source));
                let tokens: Vec<&str> = written.tokens.iter().map(|(token, _)| token.as_str()).collect();
                assert_eq!(tokens[..tokens.len() - 1], alignment.target);
                assert_eq!(
                    (written.steps[0].as_str(), &written.steps[1..]),
                    ("<END>", &alignment.target[..])
                );
                // Padding and unknown tokens are never written, so that others are more probable than the network says.
                let counted = written.tokens.len() - usize::from(!ended);
                let p: f64 = written.tokens[..counted].iter().map(|(_, p)| p).product();
                let least = 0.5_f64.powi(counted as i32) * probability;
                assert!(p <= probability * (1.0 + 1e-6) && p > least, "{p} {probability}");
                assert_eq!((inside.answer.step, inside.counted.class.as_deref()), (Some(1), Some(tokens[0])));
                let odds = |p: f64| (p / (1.0 - p)).ln();
                same(inside.counted.value[0], odds(written.tokens[0].1));
                // The second token follows the first: what is written later is nothing to it.
                let ask = Ask { step: Some(2), class: None };
                let second = Inspection::of(trained.network().unwrap(), &example, &ask).unwrap();
                let before = &second.written.as_ref().unwrap().counted;
                same(before.value[0], odds(written.tokens[1].1));
                same(before.value[0], second.counted.value[0]);
                assert!(before.occlusion[1] != 0.0 && before.occlusion[2..].iter().all(|x| *x == 0.0));
                let sum: f64 = before.integrated.iter().sum();
                let difference = before.value[0] - before.value[1];
                assert!((sum - difference).abs() <= 0.03 * difference.abs() + 1e-4, "{before:?}");
                for layer in &inside.layers {
                    let steps = if layer.writes { written.steps.len() } else { inside.steps.len() };
                    assert_eq!(
                        (layer.writes, layer.values[0].values.len() % steps),
                        (layer.name == "decoder", 0)
                    );
                    assert_eq!(layer.values[0].values.len() / layer.values[0].units, steps);
                }
                let text = trained.example(ExampleOf::Text(&predicted.texts[0])).unwrap();
                assert_eq!(text.steps, inside.steps);
            }
            other => panic!("{}: {other:?}", lesson.name),
        }
        let cut = |note: &String| !note.starts_with("no end was written");
        assert!(!inside.notes.iter().any(cut), "{}: {:?}", lesson.name, inside.notes);
        let counted = &inside.counted;
        assert_eq!(
            (counted.occlusion.len(), counted.integrated.len()),
            (inside.steps.len(), inside.steps.len())
        );
        let sum: f64 = counted.integrated.iter().sum();
        let difference = counted.value[0] - counted.value[1];
        assert!((sum - difference).abs() <= 0.03 * difference.abs() + 1e-4, "{}: {counted:?}", lesson.name);
        assert!(!inside.layers.is_empty() && page(&inside, &About::default()).is_ok(), "{}", lesson.name);
        assert_eq!(inside.vectors.is_some(), inside.read.is_none(), "{}", lesson.name);
    }
}

/// What answers with the network is said, and the network is looked at alone.
#[test]
fn what_answers_with_the_network_is_said() {
    for (name, expected) in [
        ("classify texts", "the model answers with a linear model of its words as well"),
        ("tag spans", "the tags of a sentence are chosen together, by a conditional random field"),
        ("continue text", "the model answers with the n-grams of its training text as well"),
    ] {
        let lesson = LESSONS.iter().find(|lesson| lesson.name == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(lesson.file);
        let trained = model(lesson, folder.path(), false);
        let example = trained.example(ExampleOf::Record(&path, None)).unwrap();
        let inside = Inspection::of(trained.network().unwrap(), &example, &Ask::default()).unwrap();
        assert!(inside.notes.iter().any(|note| note.starts_with(expected)), "{name}: {:?}", inside.notes);
        let sum: f64 = inside.counted.integrated.iter().sum();
        let difference = inside.counted.value[0] - inside.counted.value[1];
        assert!((sum - difference).abs() <= 0.03 * difference.abs() + 1e-4, "{name}: {:?}", inside.counted);
    }
}
