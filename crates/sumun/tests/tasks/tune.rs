//! A search over settings that is stopped after every trial ends with the result of one that is not.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sumun::tasks::{About, Next, TuneOutcome, TunePlan, TuneTrial, TuneWatch, Tuning, named, setting};

/// Stops a search after each trial, where that is asked for.
struct Watch {
    stop: Arc<AtomicBool>,
    stops: bool,
}

impl TuneWatch for Watch {
    fn trial(&self, _trial: &TuneTrial, _round: usize, _rounds: usize) {
        self.stop.store(self.stops, Ordering::Relaxed);
    }

    fn about(&self, folder: &Path, _next: Next) -> About {
        About { command: folder.display().to_string(), ..About::default() }
    }
}

fn plan(folder: &Path) -> TunePlan {
    let file = folder.join("a.csv");
    let line = |i: usize| {
        let (word, stars) = [("good", 4), ("bad", 1), ("so", 3)][i % 3];
        format!("a {word} film number {},{}\n", i % 7, stars + i % 2)
    };
    let rows: String = (0..60).map(line).collect();
    std::fs::write(&file, format!("text,label\n{rows}")).unwrap();
    let fixed = [
        ("data.train", file.to_str().unwrap()),
        ("data.valid", "0.3"),
        ("train.epochs", "6"),
        ("network.embedding", "4"),
        ("train.seed", "5"),
    ];
    let tables: Vec<_> = fixed.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
    let searched = [("hidden".to_owned(), Some("3,5".to_owned())), ("lr".into(), None)];
    TunePlan::new(named("regress").unwrap(), &tables, &searched, 4).unwrap()
}

fn untimed(outcome: &TuneOutcome) -> (usize, Vec<TuneTrial>, Vec<u8>) {
    let trials = outcome.trials.iter().map(|one| TuneTrial { seconds: 0.0, ..one.clone() }).collect();
    (outcome.best, trials, std::fs::read(outcome.run.model_path()).unwrap())
}

#[test]
fn a_search_that_is_stopped_after_every_trial_ends_alike() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path());
    let whole = Tuning::begin(&folder.path().join("whole"), plan.clone()).unwrap();
    let watch = |stops| Watch { stop: Arc::new(AtomicBool::new(false)), stops };
    let steady = watch(false);
    let expected = untimed(&whole.run(&steady, &steady.stop).unwrap().unwrap());
    // Of 4 trials, two are trained to the end.
    assert_eq!(expected.1.iter().map(|one| one.rounds.len()).sum::<usize>(), 6);

    let path = folder.path().join("parts");
    let mut tuning = Tuning::begin(&path, plan).unwrap();
    let mut stops = 0;
    let found = loop {
        let watch = watch(true);
        match tuning.run(&watch, &watch.stop).unwrap() {
            Some(outcome) => break outcome,
            None => stops += 1,
        }
        assert!(stops < 20, "it does not come to an end");
        drop(tuning);
        tuning = Tuning::resume(&path).unwrap();
    };
    assert!(stops >= 3, "{stops}");
    assert!(untimed(&found) == expected);
    let locked = Tuning::resume(&path).unwrap_err().to_string();
    assert!(locked.contains("another process"), "{locked}");
}
