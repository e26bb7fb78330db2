//! What is no number never ends as a model, and no model with it is used; what is not learnt to its end is said.

use sumun::tasks::open_file;
use sumun::{Error, run::RunResults};

use crate::lessons::{LESSONS, Lesson};

fn results(lesson: &Lesson, settings: &[(&str, &str)]) -> RunResults {
    let folder = tempfile::tempdir().unwrap();
    let mut training = lesson.begin(folder.path(), settings);
    training.run(&mut (), &mut ()).unwrap();
    training.finish().unwrap().results()
}

#[test]
fn a_training_that_diverges_says_at_which_step() {
    for lesson in LESSONS {
        // With and without a validation part to notice it by.
        for (valid, clip) in [("0.2", "1"), ("0", "0"), ("0", "none")] {
            let folder = tempfile::tempdir().unwrap();
            let settings =
                [("data.valid", valid), ("data.test", valid), ("train.clip", clip), ("train.lr", "1e39")];
            let error = lesson.begin(folder.path(), &settings).run(&mut (), &mut ()).unwrap_err();
            assert!(
                matches!(error, Error::Diverged { epoch: 1, step: 1.., origin: Some(_), .. }),
                "{} {valid} {clip}: {error}",
                lesson.name
            );
            let message = error.to_string();
            assert!(message.contains("step") && message.contains("smaller lr"), "{message}");
            assert!(message.contains("weight") || message.contains("gradient of"), "{message}");
        }
    }
}

#[test]
fn a_model_whose_weights_are_no_numbers_is_refused() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let mut training = lesson.begin(folder.path(), &[("train.epochs", "1")]);
        training.run(&mut (), &mut ()).unwrap();
        let file = training.finish().unwrap().model_file().unwrap();
        for (value, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let mut damaged = file.clone();
            let tensor = damaged.tensors.last_mut().unwrap();
            *tensor.values.last_mut().unwrap() = value;
            let expected = format!("the tensor {} holds {name}", tensor.name);
            let message = open_file("m", damaged).unwrap_err().to_string();
            assert!(message.contains(&expected), "{}: {message}", lesson.name);
        }
    }
}

#[test]
fn a_training_whose_last_epoch_is_the_best_says_so() {
    for lesson in LESSONS {
        let says = |settings: &[(&str, &str)]| {
            results(lesson, settings).notes.iter().any(|note| note.contains("still improving"))
        };
        assert!(says(&[("train.epochs", "1")]), "{}", lesson.name);
        // Without a step the first epoch is the best, and without a validation part nothing says which is.
        assert!(!says(&[("train.epochs", "2"), ("train.lr", "0")]), "{}", lesson.name);
        assert!(!says(&[("train.epochs", "1"), ("data.valid", "0"), ("data.test", "0")]), "{}", lesson.name);
    }
}
