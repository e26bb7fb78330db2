//! Cross-validation of tasks with one output for a sequence.

use std::fmt::Write as _;
use std::path::Path;

use sumun::tasks::{
    AnyTraining, Evaluated, Folds, configure, expect_no_folds, measure_folds, named, setting,
};
use sumun::train::StopAfter;

/// Rows whose last word tells the label, as a word or as a number.
fn written(folder: &Path) -> std::path::PathBuf {
    let mut text = String::from("text,label\n");
    for n in 0..60 {
        let word = ["dogs", "bread", "boats"][n % 3];
        writeln!(text, "they saw {} {word},{}", ["some", "many", "no", "two"][n % 7 % 4], n % 3).unwrap();
    }
    let file = folder.join("rows.csv");
    std::fs::write(&file, text).unwrap();
    file
}

fn begin(task: &str, file: &Path, more: &[(&str, &str)]) -> sumun::Result<Box<dyn AnyTraining>> {
    let mut all = vec![
        ("data.train", file.to_str().unwrap()),
        ("network.hidden", "4"),
        ("train.epochs", "2"),
        ("train.lr", "0.02"),
    ];
    all.extend(more);
    let tables: Vec<_> = all.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
    configure(named(task)?, &tables)?.begin()
}

#[test]
fn every_record_is_measured_once_and_the_model_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path());
    for (task, first) in [("classify", "accuracy"), ("regress", "mae")] {
        let model = |more: &[(&str, &str)]| {
            let mut training = begin(task, &file, more).unwrap();
            training.run(&mut (), &mut ()).unwrap();
            training.finish().unwrap().model_file().unwrap()
        };
        assert_eq!(model(&[]), model(&[("data.folds", "3")]));
        let training = begin(task, &file, &[("data.folds", "3")]).unwrap();
        let trainings = training.folds();
        assert_eq!(trainings.len(), 3);
        let Folds { examples, figures } = measure_folds(&trainings, &mut (), &mut ()).unwrap().unwrap();
        assert_eq!(examples, [20; 3]);
        assert_eq!((figures[0].key, figures[0].model.len()), (first, 3));
        // The second figure is that of the second training.
        let mut alone = trainings[1].begin().unwrap();
        alone.run(&mut (), &mut ()).unwrap();
        let evaluated = alone.finish().unwrap().evaluated();
        let Some(Evaluated::Figures(measured)) = evaluated.last() else { panic!("figures") };
        assert_eq!(measured.part, "test");
        assert_eq!(figures[0].model[1], measured.figures.headline()[0].value);
        assert_eq!(figures[0].baseline[1], measured.baseline.headline()[0].value);
        // What stops one stops all.
        assert_eq!(measure_folds(&trainings, &mut (), &mut StopAfter::new(3)).unwrap(), None);
        assert!(begin(task, &file, &[]).unwrap().folds().is_empty());
    }
}

#[test]
fn folds_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path());
    let message = begin("classify", &file, &[("data.folds", "1")]).unwrap_err().to_string();
    assert_eq!(message, "folds is 1; it must be at least 2");
    let message = begin("regress", Path::new("-"), &[("data.folds", "3")]).unwrap_err().to_string();
    assert!(message.contains("standard input is read once; give a file"), "{message}");
    let message = begin("classify", &file, &[("data.folds", "61")]).unwrap_err().to_string();
    assert!(
        message.ends_with("rows.csv: there are 60 examples for 61 folds; give more, or a smaller folds"),
        "{message}"
    );
    // Recordings are whole in a fold.
    let mut text = String::from("id,time,x,label\n");
    for n in 0..40 {
        writeln!(text, "{},{},{},{}", n / 5, n % 5, n % 3, ["a", "b"][n / 5 % 2]).unwrap();
    }
    let recordings = folder.path().join("recordings.csv");
    std::fs::write(&recordings, &text).unwrap();
    let cut = |folds| {
        let more = [
            ("data.series", "id"),
            ("data.window", "2"),
            ("data.valid", "0.25"),
            ("data.test", "0.25"),
            ("data.folds", folds),
        ];
        begin("classify", &recordings, &more)
    };
    let message = cut("9").unwrap_err().to_string();
    assert!(message.contains("there are 8 recordings for 9 folds; give more"), "{message}");
    assert_eq!(cut("2").unwrap().folds().len(), 2);
    // Known before anything is trained: a class that one fold has whole.
    std::fs::write(&file, "text,label\na b,x\nc d,x\ne f,y\ng h,x\n").unwrap();
    let more = [("data.folds", "2"), ("data.valid", "0"), ("data.test", "0")];
    let message = begin("classify", &file, &more).unwrap_err().to_string();
    assert!(message.contains("the label 'y' occurs once"), "{message}");
    let file = written(folder.path());
    let training = begin("classify", &file, &[("data.folds", "2")]).unwrap();
    // What trains for something else does not leave them out in silence.
    let expected = "folds are of a single training; leave it out here";
    assert_eq!(expect_no_folds(&*training).unwrap_err().to_string(), expected);
}
