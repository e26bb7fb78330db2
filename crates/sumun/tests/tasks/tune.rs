//! A search over settings that is stopped after every trial ends with the result of one that is not, and what a grid compares is what
//! looking inside shows.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sumun::inspect::{Ask, Inspection};
use sumun::tasks::{
    About, ExampleOf, Next, TuneOutcome, TunePlan, TuneTrial, TuneWatch, Tuning, named, open, setting,
};

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

/// The gradient against lag of a trial is the mean of what looking into each record of its validation part shows.
#[test]
fn the_memory_of_a_trial_is_that_of_its_validation_records() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, rows: usize| {
        let line = |i: usize| {
            let (word, stars) = [("good", 4), ("bad", 1), ("so", 3)][i % 3];
            // Records of several lengths, of which the middle one has so many lags.
            let more = " very".repeat(i % 5);
            format!("a{more} {word} film,{}\n", stars + i % 2)
        };
        let path = folder.path().join(name);
        std::fs::write(&path, format!("text,label\n{}", (0..rows).map(line).collect::<String>())).unwrap();
        path
    };
    let (train, valid) = (file("a.csv", 40), file("v.csv", 7));
    let fixed = [
        ("data.train", train.to_str().unwrap()),
        ("data.valid", valid.to_str().unwrap()),
        ("data.test", "0"),
        ("train.epochs", "3"),
        ("network.embedding", "4"),
        ("network.hidden", "3"),
        ("network.bidirectional", "false"),
    ];
    let tables: Vec<_> = fixed.iter().map(|(key, value)| setting(key, value).unwrap()).collect();
    let searched = [("pool".to_owned(), Some("last,max".to_owned()))];
    let plan = TunePlan::grid(named("regress").unwrap(), &tables, &searched, 2).unwrap();
    let tuning = Tuning::begin(&folder.path().join("grid"), plan).unwrap();
    let watch = Watch { stop: Arc::new(AtomicBool::new(false)), stops: false };
    let outcome = tuning.run(&watch, &watch.stop).unwrap().unwrap();

    for (trial, one) in outcome.trials.iter().enumerate() {
        if trial >= 2 {
            assert_eq!(one.memory, None, "the greatest over all steps has no last step");
            continue;
        }
        let trained = open(&tuning.folder().join(format!("trials/{:03}", one.trial))).unwrap();
        let curves: Vec<Vec<f64>> = (1..=7)
            .map(|record| {
                let example = trained.example(ExampleOf::Record(&valid, Some(record))).unwrap();
                let inside = Inspection::of(trained.network().unwrap(), &example, &Ask::default()).unwrap();
                let gradient = inside.counted.gradient;
                let most = gradient.iter().copied().fold(0.0, f64::max);
                gradient.iter().rev().map(|norm| norm / most).collect()
            })
            .collect();
        let memory = one.memory.as_ref().unwrap();
        // Lengths are 3, 3, 4, 4, 5, 6 and 7.
        assert_eq!(memory.by_lag.len(), 4);
        let mean = |lag: usize| {
            let there: Vec<f64> = curves.iter().filter_map(|one| one.get(lag).copied()).collect();
            there.iter().sum::<f64>() / there.len() as f64
        };
        let most = (0..4).map(mean).fold(0.0, f64::max);
        for (lag, share) in memory.by_lag.iter().enumerate() {
            assert!((share - mean(lag) / most).abs() < 1e-9, "{lag}: {memory:?}");
        }
        let last = (0..4).rev().find(|&lag| mean(lag) > 0.01 * most).unwrap();
        assert_eq!((memory.horizon, memory.open), (last, last == 3));
    }
    let compared = outcome.compared();
    let found = |pool: &str| compared.iter().find(|one| one.settings["network.pool"] == pool.into()).unwrap();
    let mean =
        outcome.trials[..2].iter().map(|one| one.memory.as_ref().unwrap().horizon as f64).sum::<f64>() / 2.0;
    assert_eq!((found("last").memory_horizon, found("max").memory_horizon), (Some(mean), None));
    let report = std::fs::read_to_string(tuning.folder().join("report.html")).unwrap();
    assert!(report.contains("<th>memory horizon</th>") && report.contains("How far back each listens"));
    assert!(report.contains("<td>–</td></tr>") && report.contains("pools or attends to steps"));
}
