//! A training that was stopped anywhere goes on to the same bits.

use sumun::model::ModelFile;
use sumun::run::Checkpoint;
use sumun::run::RunResults;
use sumun::tasks::{AnyTraining, resume};
use sumun::train::{Ending, EpochRecord, StopAfter};

use crate::lessons::LESSONS;

/// Trains so many steps and leaves only a file's bytes; None where the training ended before.
fn stopped(training: &mut dyn AnyTraining, steps: usize) -> Option<Vec<u8>> {
    let mut keeper = StopAfter::new(steps);
    if training.run(&mut (), &mut keeper).unwrap() != Ending::Interrupted {
        return None;
    }
    let checkpoint = training.checkpoint().unwrap();
    assert_eq!(keeper.saved.as_ref(), Some(&checkpoint.snapshot));
    Some(checkpoint.to_file().unwrap().to_bytes().unwrap())
}

fn resumed(bytes: &[u8]) -> Box<dyn AnyTraining> {
    let file = ModelFile::from_bytes("checkpoint", bytes).unwrap();
    let (training, notes) = resume(Checkpoint::from_file(file).unwrap()).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    training
}

/// Everything that must not depend on interruptions.
fn outcome(training: Box<dyn AnyTraining>) -> (Vec<u8>, Vec<EpochRecord>, String) {
    let timeless =
        |record: &EpochRecord| EpochRecord { seconds: 0.0, rows_per_second: 0.0, ..record.clone() };
    let records: Vec<EpochRecord> =
        training.checkpoint().unwrap().snapshot.position.records().iter().map(timeless).collect();
    let trained = training.finish().unwrap();
    let results = RunResults { seconds: 0.0, ..trained.results() };
    assert_eq!(results.epochs, records.len());
    let rest = (results, trained.stopped_early(), trained.facts(), trained.evaluated());
    (trained.model_file().unwrap().to_bytes().unwrap(), records, format!("{rest:?}"))
}

#[test]
fn a_training_that_was_stopped_ends_at_the_same_bits() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let mut whole = lesson.begin(folder.path(), &[]);
        whole.run(&mut (), &mut ()).unwrap();
        let whole = outcome(whole);
        let mut stops = 0;
        // At every step, so in the middle of epochs, at their ends, and before the best of them.
        for steps in 1.. {
            let Some(bytes) = stopped(&mut *lesson.begin(folder.path(), &[]), steps) else { break };
            let mut training = resumed(&bytes);
            training.run(&mut (), &mut ()).unwrap();
            assert_eq!(outcome(training), whole, "{} after {steps} steps", lesson.name);
            stops += 1;
        }
        assert!(stops > 8, "{} stopped {stops} times", lesson.name);
        // One that is stopped at every step goes on as well.
        let mut training = lesson.begin(folder.path(), &[]);
        while let Some(bytes) = stopped(&mut *training, 1) {
            training = resumed(&bytes);
        }
        assert_eq!(outcome(training), whole, "{} step by step", lesson.name);
    }
}

#[test]
fn seeds_decide_everything() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let bytes = |seed: &str| {
            let mut training = lesson.begin(folder.path(), &[("train.seed", seed)]);
            training.run(&mut (), &mut ()).unwrap();
            training.finish().unwrap().model_file().unwrap().to_bytes().unwrap()
        };
        assert_eq!(bytes("1"), bytes("1"), "{}", lesson.name);
        assert_ne!(bytes("1"), bytes("2"), "{}", lesson.name);
    }
}

#[test]
fn changed_data_is_noticed() {
    for lesson in LESSONS {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = lesson.begin(folder.path(), &[]).checkpoint().unwrap();
        let path = folder.path().join(lesson.file);
        let mut data = std::fs::read_to_string(&path).unwrap();
        data.push('\n');
        std::fs::write(&path, &data).unwrap();
        let message = resume(checkpoint.clone()).unwrap_err().to_string();
        assert!(message.contains("the train data has changed since the training began"), "{message}");
        std::fs::remove_file(&path).unwrap();
        let message = resume(checkpoint).unwrap_err().to_string();
        assert!(message.contains(lesson.file), "{message}");
    }
}
