//! Label smoothing, of every task whose loss is a cross-entropy over classes.

use std::fmt::Write as _;

use sumun::noise::Noise;
use sumun::tasks::{configure, named, setting};
use sumun::train::Objective;

/// Rows of a few words, of which the last tells the label.
fn rows(columns: &str) -> String {
    let mut text = format!("{columns}\n");
    for n in 0..60 {
        let (word, label) = [("dogs", "animal"), ("bread", "food"), ("boats", "ship")][n % 3];
        writeln!(text, "they saw {} {word},{label}", ["some", "many", "no", "two"][n % 7 % 4]).unwrap();
    }
    text
}

/// What a task trains, with settings.
fn losses(task: &str, file: &std::path::Path, smoothing: &str) -> sumun::Result<[f64; 2]> {
    let all = [
        ("data.train", file.to_str().unwrap()),
        ("network.hidden", "8"),
        ("network.embedding", "8"),
        ("network.dropout", "0"),
        ("train.batch", "4"),
        ("train.label_smoothing", smoothing),
    ];
    let more: &[(&str, &str)] = if task == "lm" { &[("train.chunk", "16")] } else { &[] };
    let tables: Vec<_> = all.iter().chain(more).map(|(key, value)| setting(key, value).unwrap()).collect();
    let mut training = configure(named(task)?, &tables)?.begin()?;
    let objective: &mut dyn Objective = training.objective()?.0;
    let trained = objective.batch(0, 0, Noise { seed: 0, step: 0, layer: 0 })?.loss;
    Ok([trained, objective.validate()?.unwrap().loss])
}

/// The loss of a training step is linear in the smoothing; that of the validation part knows nothing of it.
#[test]
fn labels_are_smoothed_in_training_alone() {
    let folder = tempfile::tempdir().unwrap();
    for (task, columns) in [("classify", "text,label"), ("translate", "source,target"), ("lm", "text,label")]
    {
        let file = folder.path().join(format!("{task}.csv"));
        std::fs::write(&file, rows(columns)).unwrap();
        let at = |smoothing: &str| losses(task, &file, smoothing).unwrap();
        let [plain, some, more] = ["0", "0.25", "0.5"].map(at);
        assert!((some[0] - plain[0]).abs() > 1e-4, "{task}: {plain:?} {some:?}");
        let twice = plain[0] + 2.0 * (some[0] - plain[0]);
        assert!((more[0] - twice).abs() < 1e-6, "{task}: {plain:?} {some:?} {more:?}");
        assert_eq!((some[1], more[1]), (plain[1], plain[1]), "{task}");
        for wrong in ["1", "-0.1"] {
            let message = losses(task, &file, wrong).unwrap_err().to_string();
            assert!(message.contains("it must be at least 0 and below 1"), "{message}");
        }
    }
}
