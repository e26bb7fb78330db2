//! Simulations: a column from others without its own past, for many series.

use std::path::Path;

use sumun::Error;
use sumun::tasks::{
    About, Evaluated, Figures, Predicted, Prediction, Reading, Request, configure, named, open_file,
};
use sumun::train::{Ending, StopAfter};
use toml::Table;

/// Basins with a reservoir of their own size: what runs off follows the rain of the last rows.
fn basins(series: usize, rows: usize, measured: bool) -> String {
    let mut text =
        String::from(if measured { "basin,day,rain,size,flow\n" } else { "basin,day,rain,size\n" });
    let mut state = 11u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    for k in 0..series {
        let keeps = 0.6 + 0.3 * k as f64 / series as f64;
        let mut held = 0.0;
        for row in 0..rows {
            let rain = if random() < 0.3 { 10.0 * random() } else { 0.0 };
            held = keeps * held + (1.0 - keeps) * rain;
            let (year, month, day) = (2020 + row / 336, row / 28 % 12 + 1, row % 28 + 1);
            text += &format!("b{k},{year}-{month:02}-{day:02},{rain:.3},{:.2}", 10.0 * keeps);
            // Every 50th value was not measured.
            match measured {
                true if row % 50 == 49 => text += ",\n",
                true => text += &format!(",{held:.4}\n"),
                false => text.push('\n'),
            }
        }
    }
    text
}

fn settings(file: &Path, more: &str) -> Vec<Table> {
    let text = format!(
        "[data]\ntrain = {file:?}\ntarget = [\"flow\"]\nfeatures = [\"rain\"]\nseries = \"basin\"\nstatic = [\"size\"]\nwarm_up = 20\nmissing = \"drop\"\n\
         [network]\nhidden = 8\n[train]\nepochs = 12\nlr = 0.02\n"
    );
    // A setting that is given twice: the last holds.
    [text, more.to_owned()].iter().map(|text| text.parse().unwrap()).collect()
}

struct Ready {
    folder: tempfile::TempDir,
}

impl Ready {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("basins.csv"), basins(6, 300, true)).unwrap();
        Self { folder }
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("basins.csv")
    }

    fn outcome(&self, more: &str) -> Result<Box<dyn sumun::tasks::Outcome>, Error> {
        let config = configure(named("simulate")?, &settings(&self.file(), more))?;
        let mut training = config.begin()?;
        training.run(&mut (), &mut ())?;
        training.finish()
    }

    fn refused(&self, more: &str) -> String {
        let message = self.outcome(more).map(|_| ()).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }
}

fn nse(evaluated: &Evaluated) -> (f64, f64) {
    let Evaluated::Figures(measured) = evaluated else { panic!("{evaluated:?}") };
    let of = |figures: &Figures| match figures {
        Figures::Simulation(figures) => figures.nse.unwrap(),
        other => panic!("{other:?}"),
    };
    (of(&measured.figures), of(&measured.baseline))
}

#[test]
fn runoff_is_simulated_from_rain_alone() {
    let ready = Ready::new();
    let outcome = ready.outcome("").unwrap();
    let evaluated = outcome.evaluated();
    assert_eq!(evaluated.iter().map(Evaluated::part).collect::<Vec<_>>(), ["valid", "test"]);
    let (model, baseline) = nse(&evaluated[1]);
    assert!(model > 0.8 && baseline < 0.3, "{model} {baseline}");
    let results = outcome.results();
    let keys: Vec<&str> = results.parts[1].figures.iter().map(|figure| figure.key.as_str()).collect();
    assert_eq!(keys, ["nse", "kge", "mae", "rmse"]);
    let page = outcome.report(&About::default());
    for part in ["NSE", "simulated", "measured", "the best of the series shown"] {
        assert!(page.contains(part), "{part}");
    }
    // A file without the target, of a basin that was never measured: a value for every row, none below 0.
    let model = open_file("model", outcome.model_file().unwrap()).unwrap();
    let newer = ready.folder.path().join("newer.csv");
    std::fs::write(&newer, basins(2, 60, false).replace("b1,", "new,")).unwrap();
    let request = Request { file: Some(&newer), ..Request::default() };
    let Predicted::Records(found) = model.predict(&request).unwrap() else { panic!() };
    assert_eq!(
        (found.predictions.len(), found.beside.names.as_slice()),
        (120, &["basin", "day"].map(String::from)[..])
    );
    assert_eq!(found.beside.rows[60], ["new", "2020-01-01"]);
    assert!(found.predictions.iter().all(|one| matches!(one, Prediction::Number(value) if *value >= 0.0)));
    assert!(
        found.notes.iter().any(|note| note.starts_with("the first 20 rows of each series")),
        "{:?}",
        found.notes
    );
    // Whether the file has the target, or what stands there, changes nothing.
    std::fs::write(&newer, basins(2, 60, true).replace("b1,", "new,")).unwrap();
    let Predicted::Records(again) = model.predict(&request).unwrap() else { panic!() };
    assert_eq!(again.predictions, found.predictions);
    let evaluated = model.evaluate(&newer, &Reading::default()).unwrap();
    let Evaluated::Figures(measured) = &evaluated else { panic!() };
    assert_eq!(measured.examples, 2 * 40);
    assert!(
        measured.notes.iter().any(|note| note == "1 series were not in training: 'new'"),
        "{:?}",
        measured.notes
    );
    assert!(nse(&evaluated).0 > 0.7);
}

#[test]
fn one_series_of_several_is_simulated_too() {
    let ready = Ready::new();
    let outcome = ready.outcome("[data]\nseries = \"basin=b2\"\nstatic = []\n[train]\nepochs = 60").unwrap();
    assert!(nse(&outcome.evaluated()[1]).0 > 0.5);
    let model = open_file("model", outcome.model_file().unwrap()).unwrap();
    // Of a file with several series that one, and a file of one series as it is.
    for (text, rows) in [(basins(6, 60, false), 60), ("day,rain\n2024-01-01,3\n2024-01-02,0\n".to_owned(), 2)]
    {
        let file = ready.folder.path().join("newer.csv");
        std::fs::write(&file, text).unwrap();
        let request = Request { file: Some(&file), ..Request::default() };
        let Predicted::Records(found) = model.predict(&request).unwrap() else { panic!() };
        assert_eq!((found.predictions.len(), found.beside.names.as_slice()), (rows, &["day".to_owned()][..]));
    }
}

#[test]
fn no_row_sees_what_comes_after_it() {
    let ready = Ready::new();
    let model = open_file("model", ready.outcome("").unwrap().model_file().unwrap()).unwrap();
    let file = ready.folder.path().join("one.csv");
    let text = basins(1, 60, false);
    let of = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let request = Request { file: Some(&file), ..Request::default() };
        let Predicted::Records(found) = model.predict(&request).unwrap() else { panic!() };
        found.predictions
    };
    let all = of(&text);
    let lines: Vec<&str> = text.lines().collect();
    let some = of(&(lines[..41].join("\n") + "\n"));
    assert_eq!(some, all[..40]);
}

#[test]
fn threads_and_interruptions_do_not_change_a_bit() {
    let ready = Ready::new();
    let weights = |file: sumun::model::ModelFile| -> Vec<Vec<f32>> {
        file.tensors.into_iter().map(|tensor| tensor.values).collect()
    };
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| weights(ready.outcome("").unwrap().model_file().unwrap()))
    };
    let whole = of(1);
    assert_eq!(whole, of(3));
    let config = configure(named("simulate").unwrap(), &settings(&ready.file(), "")).unwrap();
    let mut training = config.begin().unwrap();
    assert_eq!(training.run(&mut (), &mut StopAfter::new(7)).unwrap(), Ending::Interrupted);
    let checkpoint = training.checkpoint().unwrap();
    let (mut training, _) = sumun::tasks::resume(checkpoint).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    assert_eq!(weights(training.finish().unwrap().model_file().unwrap()), whole);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let ready = Ready::new();
    for (more, message) in [
        ("[data]\ntarget = []", "no column to simulate; name one with target"),
        ("[data]\ntarget = [\"flow\", \"rain\"]", "several columns to simulate; train one model a column"),
        ("[data]\nfeatures = []", "no column to simulate from; name one or more with features"),
        (
            "[data]\nfeatures = [\"flow\"]",
            "the column 'flow' is named twice, among target, features, static and series",
        ),
        ("[data]\nwindow = 20", "window is 20; it must be more than the warm-up of 20 rows"),
        ("[train]\nloss = \"kge\"", "loss is \"kge\"; it must be one of nse, mse, mae"),
        (
            "[data]\nwarm_up = 290",
            "basins.csv: no training part has a measured value after the warm-up of 290 rows",
        ),
    ] {
        let found = ready.refused(more);
        let found = found.rsplit('/').next().unwrap();
        assert!(found.starts_with(message), "{found}");
    }
    let found = ready.refused("[data]\ntarget = [\"level\"]");
    assert!(found.contains("level"), "{found}");
    // Every loss learns.
    for loss in ["mse", "mae"] {
        let outcome = ready.outcome(&format!("[train]\nloss = {loss:?}")).unwrap();
        assert!(nse(&outcome.evaluated()[1]).0 > 0.6, "{loss}");
    }
}
