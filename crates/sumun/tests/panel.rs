//! One model of many series: what it reads, learns, forecasts and refuses.

use std::fmt::Write;

use sumun::data::Table;
use sumun::forecast::{
    ForecastConfig, PanelForecast, PanelForecaster, PanelOutcome, PanelRequest, PanelTraining, train_panel,
};
use sumun::inspect::{About, Ask, Inspection, page};
use sumun::model::ModelFile;
use sumun::settings::{DifferenceChoice, OutputChoice};
use sumun::tasks::{ExampleOf, Outcome, Request, TrainedModel};
use sumun::train::{Ending, EpochRecord, Keeper, Snapshot, Wish};

/// Series of months on scales from 1 to 1,000 with one shape of the year, of 60 to 93 rows, and noise of a fixed kind.
fn csv(series: usize, times: f64) -> String {
    let mut text = String::from("shop,month,kind,sales\n");
    let mut state = 1u64;
    let mut noise = || {
        // A linear congruential generator: the same everywhere.
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    for k in 0..series {
        let level = 10f64.powf(3.0 * k as f64 / series as f64) * times;
        let rows = 60 + 3 * k;
        for t in 0..rows {
            let month = (t % 12) as f64 / 12.0 * std::f64::consts::TAU;
            let value = level * (2.0 + month.sin() + 0.1 * noise());
            let (year, of_year) = (2010 + t / 12, t % 12 + 1);
            let kind = if k % 2 == 0 { "north" } else { "south" };
            writeln!(text, "s{k},{year}-{of_year:02},{kind},{value:.4}").unwrap();
        }
    }
    text
}

fn table(text: &str) -> Table {
    Table::from_reader("sales.csv", text.as_bytes()).unwrap()
}

fn config() -> ForecastConfig {
    let mut config = ForecastConfig::of_series("sales", "shop");
    assert_eq!(config.network.hidden, 64);
    config.data.horizon = Some(6);
    config.data.window = Some(12);
    config.network.hidden = 6;
    config.train.epochs = Some(2);
    config
}

fn trained(text: &str, config: &ForecastConfig) -> PanelOutcome {
    train_panel(&table(text), config, &mut ()).unwrap()
}

fn refused(text: &str, change: impl Fn(&mut ForecastConfig)) -> String {
    let mut config = config();
    change(&mut config);
    let message = train_panel(&table(text), &config, &mut ()).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn again(model: &PanelForecaster) -> PanelForecaster {
    let bytes = model.to_model_file().unwrap().to_bytes().unwrap();
    PanelForecaster::from_model_file("model", ModelFile::from_bytes("model", &bytes).unwrap()).unwrap()
}

fn predicted(model: &PanelForecaster, text: &str) -> PanelForecast {
    model.predict(Some(&table(text)), PanelRequest::default()).unwrap()
}

#[test]
fn every_series_is_forecast_with_intervals_that_do_not_cross() {
    let text = csv(24, 1.0);
    let outcome = trained(&text, &config());
    assert_eq!(outcome.decisions.season, 12);
    let test = outcome.test.as_ref().unwrap();
    assert_eq!((test.series, test.forecasts), (24, 24));
    let keys: Vec<&str> = test.baselines.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["naive", "seasonal_naive_12", "naive2", "theta", "ets"]);
    assert!(test.model.overall.mase.unwrap().is_finite() && test.model.owa.unwrap() > 0.0);
    assert_eq!(test.baselines[2].owa, Some(1.0));
    let forecast = outcome.forecaster.predict(None, PanelRequest::default()).unwrap();
    assert_eq!((forecast.series.len(), forecast.levels.as_slice()), (24, &[0.8, 0.95][..]));
    for series in &forecast.series {
        assert_eq!((series.labels.len(), series.values.len()), (6, 6));
        for (step, &value) in series.values.iter().enumerate() {
            let [[low, high], [lower, higher]] = [series.intervals[0][step], series.intervals[1][step]];
            let ends = [0.0, lower, low, value, high, higher];
            assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]), "{}: {ends:?}", series.id[0]);
        }
    }
    // A series of 60 months from January 2010 goes on in January 2015, one of 63 in April.
    assert_eq!(forecast.series[0].labels[0], "2015-01");
    assert_eq!(forecast.series[1].labels[0], "2015-04");
    // A model file says the same.
    assert_eq!(again(&outcome.forecaster).predict(None, PanelRequest::default()).unwrap(), forecast);
}

#[test]
fn a_forecast_depends_on_nothing_but_the_rows_before_it() {
    let text = csv(8, 1.0);
    let model = trained(&text, &config()).forecaster;
    let all = predicted(&model, &text);
    // Alone, a series is forecast as among others.
    let header = text.lines().next().unwrap();
    for (k, series) in all.series.iter().enumerate().step_by(3) {
        let own: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("s{k},"))).collect();
        let alone = predicted(&model, &format!("{header}\n{}\n", own.join("\n")));
        assert_eq!(alone.series, std::slice::from_ref(series));
        // Under a name that training has not seen, too.
        let renamed: Vec<String> =
            own.iter().map(|line| line.replacen(&format!("s{k},"), "new,", 1)).collect();
        let renamed = predicted(&model, &format!("{header}\n{}\n", renamed.join("\n")));
        assert_eq!(renamed.series[0].values, series.values);
        assert!(
            renamed.notes.iter().any(|note| note.contains("1 series was not in training")),
            "{:?}",
            renamed.notes
        );
    }
}

#[test]
fn scales_do_not_matter() {
    let model = trained(&csv(8, 1.0), &config()).forecaster;
    let (small, large) = (predicted(&model, &csv(8, 1.0)), predicted(&model, &csv(8, 1000.0)));
    for (small, large) in small.series.iter().zip(&large.series) {
        for (a, b) in small.values.iter().zip(&large.values) {
            // The cells have four decimals.
            assert!((b / 1000.0 / a - 1.0).abs() < 1e-3, "{a} {b}");
        }
    }
}

#[test]
fn threads_and_interruptions_do_not_change_a_bit() {
    let text = csv(6, 1.0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    std::fs::write(&path, &text).unwrap();
    let mut config = config();
    config.data.train = path;
    config.train.ensemble = Some(2);
    config.prepare.difference = sumun::forecast::DifferenceChoice::Last;
    let bytes = |outcome: &PanelOutcome| outcome.forecaster.to_model_file().unwrap().to_bytes().unwrap();
    let whole = trained(&text, &config);
    assert_eq!(whole.candidates.len(), 2);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bytes(&trained(&text, &config)))
    };
    assert_eq!(on(1), bytes(&whole));
    assert_eq!(on(3), bytes(&whole));
    // Stopped after each of the first steps and once in the second network, and gone on from the checkpoint's bytes.
    struct After(usize, Option<Snapshot>);
    impl Keeper for After {
        fn wish(&mut self) -> Wish {
            self.0 -= 1;
            if self.0 == 0 { Wish::Stop } else { Wish::Continue }
        }
        fn save(&mut self, snapshot: Snapshot) -> sumun::Result<()> {
            self.1 = Some(snapshot);
            Ok(())
        }
        fn epoch(&mut self, _record: &EpochRecord) -> sumun::Result<()> {
            Ok(())
        }
    }
    let steps = whole.decisions.examples.div_ceil(whole.decisions.batch) * whole.decisions.epochs;
    for stop in [1, steps + 2] {
        let mut training = PanelTraining::begin(sumun::forecast::PanelConfig(config.clone())).unwrap();
        let mut keeper = After(stop, None);
        assert_eq!(training.run(&mut (), &mut keeper).unwrap(), Ending::Interrupted);
        let checkpoint = training.checkpoint().unwrap();
        let (mut resumed, notes) = PanelTraining::resume(checkpoint).unwrap();
        assert!(notes.is_empty());
        resumed.run(&mut (), &mut ()).unwrap();
        assert_eq!(bytes(&resumed.finish().unwrap()), bytes(&whole), "stopped after {stop} steps");
    }
}

#[test]
fn what_a_series_is_like_may_be_told() {
    let text = csv(8, 1.0);
    let mut config = config();
    config.data.r#static = vec!["kind".into()];
    let outcome = trained(&text, &config);
    let names: Vec<&str> =
        outcome.forecaster.config().view().statics.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["kind=north", "kind=south"]);
    let other = text.replace(",north,", ",south,");
    assert_ne!(
        predicted(&outcome.forecaster, &text).series[0].values,
        predicted(&outcome.forecaster, &other).series[0].values
    );
    // It does not change within a series.
    let changed = text.replacen("s0,2010-02,north", "s0,2010-02,south", 1);
    let message = train_panel(&table(&changed), &config, &mut ()).unwrap_err().to_string();
    assert_eq!(
        message,
        "sales.csv: column 'kind=north' is 1 in row 2 and 0 in row 3 of series 's0'; a static column has one value a series, one \
         that changes is a feature or known ahead"
    );
}

#[test]
fn one_series_has_intervals_too() {
    let text = csv(1, 1.0);
    let mut config = config();
    config.data.series = None;
    config.train.output = OutputChoice::Quantiles;
    config.train.levels = vec!["90".into()];
    let outcome = trained(&text, &config);
    let forecast = outcome.forecaster.predict(None, PanelRequest::default()).unwrap();
    assert_eq!(
        (forecast.columns.len(), forecast.series.len(), forecast.levels.as_slice()),
        (0, 1, &[0.9][..])
    );
    let mut config = config.clone();
    config.data.series = Some("shop=s0".into());
    assert_eq!(
        trained(&text, &config).forecaster.predict(None, PanelRequest::default()).unwrap().series,
        forecast.series
    );
}

/// What is shown of a series is what is forecast of it, whichever output tells that.
#[test]
fn the_inside_of_every_series_can_be_shown() {
    let text = csv(5, 1.0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sales.csv");
    std::fs::write(&path, &text).unwrap();
    for (output, levels, networks) in [
        (OutputChoice::Quantiles, vec!["80".to_owned()], 1),
        (OutputChoice::Point, vec!["80".to_owned()], 1),
        (OutputChoice::Normal, vec!["80".to_owned()], 1),
        (OutputChoice::Quantiles, vec!["80".to_owned()], 2),
    ] {
        let mut config = config();
        config.data.r#static = vec!["kind".into()];
        (config.train.output, config.train.levels) = (output, levels);
        config.prepare.difference = DifferenceChoice::Season;
        config.train.ensemble = Some(networks);
        let outcome = trained(&text, &config);
        // How far back its networks listen in windows of the validation parts, which are as long as they may be.
        let memory = outcome.memory().unwrap().unwrap();
        assert_eq!(memory.by_lag.len(), 12);
        assert!(
            memory.by_lag.iter().all(|share| (0.0..=1.0).contains(share)) && memory.by_lag.contains(&1.0)
        );
        assert!(memory.horizon > 0 && memory.open == (memory.horizon == 11), "{memory:?}");
        let model = outcome.forecaster;
        assert_eq!(model.config().views.len(), networks);
        let forecast = predicted(&model, &text);
        let part = model.part_shown().unwrap();
        let network = part.as_ref().unwrap_or(model.model());
        let inside = |record: Option<usize>, ask: &Ask| {
            let example = model.example(ExampleOf::Record(&path, record)).unwrap();
            Inspection::of(network, &example, ask).unwrap()
        };
        let first = inside(None, &Ask::default());
        assert_eq!(first.what, "the last window of series 's0' of sales.csv");
        assert!(first.notes.iter().any(|note| note.starts_with("the first of 5 series is shown")));
        let third = inside(Some(3), &Ask { step: Some(2), class: None });
        assert_eq!(third.what, "the last window of series 's2' of sales.csv");
        let (names, read) = third.read.as_ref().unwrap();
        assert_eq!((third.steps.len(), names.len()), (12, read.units));
        assert_eq!(names[..4], ["sales, level", "sales, change", "sales, spread", "sales, change by season"]);
        assert!(names.contains(&"kind=south".to_owned()), "{names:?}");
        assert_eq!(
            third.answer.ahead.as_ref().unwrap(),
            &["sales".to_owned(), forecast.series[2].labels[1].clone()]
        );
        let shown: Vec<f64> = third.forecast.iter().map(|(_, value)| *value).collect();
        match networks {
            1 => {
                assert_eq!(shown, forecast.series[2].values);
                let ends: Vec<_> = third.intervals.iter().map(|interval| interval.ends.clone()).collect();
                assert_eq!(ends, forecast.series[2].intervals);
                assert_eq!(ends.len(), usize::from(output != OutputChoice::Point));
                let page = page(&third, &About::default()).unwrap();
                let says = "the steps ahead; shaded is where 80 % of what comes should lie.";
                let shaded = page.contains(says) && page.contains("<path class=\"area c-future\"");
                assert_eq!(shaded, output != OutputChoice::Point);
            }
            _ => {
                assert_ne!(shown, forecast.series[2].values);
                assert!(third.notes.iter().any(|note| note.starts_with("the first of 2 networks is shown")));
            }
        }
        // The steps add up to what the network adds to the season before, and nothing else moves it.
        let counted = &third.counted;
        let (sum, difference) = (counted.integrated.iter().sum::<f64>(), counted.value[0] - counted.value[1]);
        assert!((sum - difference).abs() <= 0.03 * difference.abs() + 1e-4, "{counted:?}");
        if output == OutputChoice::Quantiles && networks == 1 {
            let low = inside(Some(3), &Ask { step: Some(2), class: Some("sales, 10 %".into()) });
            let lower: Vec<f64> = forecast.series[2].intervals[0].iter().map(|ends| ends[0]).collect();
            assert_eq!(low.forecast.iter().map(|(_, value)| *value).collect::<Vec<_>>(), lower);
            assert_ne!(low.counted.value, counted.value);
        }
    }
    // A text is no table, and there is no sixth series.
    let model = trained(&text, &config()).forecaster;
    let message = |of| model.example(of).unwrap_err().to_string();
    assert!(message(ExampleOf::Text("s0")).contains("'s0' is no file"));
    assert!(message(ExampleOf::Record(&path, Some(6))).contains("from 1 to 5"));
}

#[test]
fn one_number_a_step_where_that_is_asked_for() {
    let mut config = config();
    config.train.output = OutputChoice::Point;
    let outcome = trained(&csv(4, 1.0), &config);
    assert!(outcome.test.as_ref().unwrap().intervals.is_empty());
    assert!(
        outcome.forecaster.predict(None, PanelRequest::default()).unwrap().series[0].intervals.is_empty()
    );
}

#[test]
fn short_series_are_said_and_long_enough_ones_forecast() {
    let text = csv(6, 1.0);
    let model = trained(&text, &config()).forecaster;
    let few = "shop,month,kind,sales\nnew,2024-01,north,5\nnew,2024-02,north,6\n";
    let message = model.predict(Some(&table(few)), PanelRequest::default()).unwrap_err().to_string();
    assert_eq!(message, "sales.csv: no series has the 4 rows that a forecast needs");
    let both = format!("{text}new,2024-01,north,5\nnew,2024-02,north,6\n");
    let forecast = predicted(&model, &both);
    assert_eq!(forecast.series.len(), 6);
    assert!(
        forecast
            .notes
            .iter()
            .any(|note| note == "series 'new' has 2 of the 4 rows that are needed: no forecast is made"),
        "{:?}",
        forecast.notes
    );
    // The newest rows of a known series are enough: those before them are kept.
    let newest: String = "shop,month,kind,sales\ns0,2015-01,north,2.1\ns0,2015-02,north,2.4\n".into();
    let forecast = predicted(&model, &newest);
    assert_eq!(forecast.series[0].labels[0], "2015-03");
}

/// Behind the end of a series that is too short to hold anything out, no column and no calendar says what is known.
#[test]
fn short_series_are_learnt_from_with_columns_known_ahead() {
    let known = |text: String| {
        let with = |(row, line): (usize, &str)| match row {
            0 => format!("{line},holiday"),
            _ => format!("{line},{}", row % 2),
        };
        text.lines().enumerate().map(with).collect::<Vec<_>>().join("\n")
    };
    let short = (1..=7).map(|month| format!("short,2012-{month:02},north,{month}\n")).collect::<String>();
    let text = known(csv(4, 1.0) + &short);
    let mut config = config();
    config.data.known = vec!["holiday".into()];
    let outcome = trained(&text, &config);
    assert_eq!(outcome.forecaster.config().known_series.len(), 5);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let text = csv(4, 1.0);
    for (message, start) in [
        (
            refused(&text, |c| c.data.series = Some("nothing".into())),
            "sales.csv: there is no column 'nothing'",
        ),
        (refused(&text, |c| c.train.levels = vec!["120".into()]), "levels is '120'; it must be percentages"),
        (refused(&text, |c| c.data.target = vec!["sales".into(), "kind".into()]), "target names 2 columns"),
        (refused(&text, |c| c.train.ensemble = Some(0)), "ensemble is 0; it must be at least 1"),
        (
            refused(&text, |c| c.data.r#static = vec!["shop".into()]),
            "the column 'shop' is named by static and by series; name it once",
        ),
        (
            refused(&text, |c| c.data.horizon = Some(usize::MAX)),
            "horizon = 18446744073709551615 is as long as the longest of the series, 69 rows; give a shorter one",
        ),
        (
            refused("shop,month,sales\na,2024-01,1\na,2024-02,2\nb,2024-01,1\n", |_| ()),
            "horizon = 6 is as long as the longest of the series, 2 rows",
        ),
    ] {
        assert!(message.starts_with(start), "{message}");
    }
    let mut one = ForecastConfig::of(&["sales"]);
    one.data.r#static = vec!["shop".into()];
    let message = one.check().unwrap_err().to_string();
    assert!(message.starts_with("static is for models of several series or of quantiles"), "{message}");
}

#[test]
fn a_file_that_was_tampered_with_is_refused() {
    let model = trained(&csv(4, 1.0), &config()).forecaster;
    let file = || model.to_model_file().unwrap();
    let open = |file: ModelFile| PanelForecaster::from_model_file("model", file).map(|_| ());
    open(file()).unwrap();
    let tampered = |pointer: &str, value: serde_json::Value| {
        let mut file = file();
        // What a file may lack is put into it.
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match file.config.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}")) {
            serde_json::Value::Object(of) => drop(of.insert(name.to_owned(), value)),
            other => other[name.parse::<usize>().unwrap()] = value,
        }
        open(file).unwrap_err().to_string()
    };
    for (pointer, value) in [
        ("/pipeline/levels", serde_json::json!([0.8])),
        ("/pipeline/levels", serde_json::json!([0.95, 0.8])),
        ("/pipeline/views", serde_json::json!([])),
        ("/pipeline/views/0/horizon", serde_json::json!(0)),
        ("/pipeline/views/0/horizon", serde_json::json!(7)),
        ("/pipeline/views/0/window", serde_json::json!(u64::MAX)),
        ("/pipeline/views/0/season", serde_json::json!(0)),
        ("/pipeline/views/0/spread/scale", serde_json::json!(0.0)),
        ("/pipeline/calibration/offsets/0", serde_json::json!([1.0])),
        ("/pipeline/known_series/0/id", serde_json::json!([])),
        ("/pipeline/known_series/0/mase_scale", serde_json::json!(-1.0)),
        ("/pipeline/known_series/0/history/columns", serde_json::json!([[1.0], [2.0]])),
        ("/pipeline/known_series/0/history/rows", serde_json::json!(0)),
        ("/pipeline/known_series", serde_json::json!([])),
        ("/pipeline/templates", serde_json::json!({ "probabilities": [[0.5]] })),
        ("/pipeline/templates", serde_json::json!({ "probabilities": [[0.5, 0.5, 0.5, 0.5, 0.5, 2.0]] })),
        ("/pipeline/distribution", serde_json::json!("negative-binomial")),
        ("/pipeline/distribution", serde_json::json!("normal")),
        ("/pipeline/distribution", serde_json::json!("cauchy")),
    ] {
        let message = tampered(pointer, value);
        assert!(message.starts_with("model: ") && !message.contains('\n'), "{pointer}: {message}");
    }
}

#[test]
fn requests_that_a_forecaster_cannot_meet_are_errors() {
    let model = trained(&csv(4, 1.0), &config()).forecaster;
    let message =
        TrainedModel::predict(&model, &Request { steps: Some(601), ..Request::default() }).unwrap_err();
    assert!(
        message.to_string().starts_with("steps is 601; it must be a number from 1 to 600, 100 times"),
        "{message}"
    );
    let message =
        TrainedModel::predict(&model, &Request { beam: Some(2), ..Request::default() }).unwrap_err();
    assert!(message.to_string().contains("this is a forecaster"), "{message}");
    let short = model.predict(None, PanelRequest { steps: Some(2), ..PanelRequest::default() }).unwrap();
    assert_eq!(short.series[0].values.len(), 2);
}

#[test]
fn the_report_shows_series_intervals_and_errors() {
    let outcome = trained(&csv(24, 1.0), &config());
    let page = outcome.report(&Default::default());
    for part in ["Forecast of sales", "Inside the 80 % interval", "Forecast worst", "OWA", "24 series"] {
        assert!(page.contains(part), "{part}");
    }
    let results = outcome.results();
    let keys: Vec<&str> = results.parts[1].figures.iter().map(|figure| figure.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "mase",
            "mae",
            "rmse",
            "smape",
            "rmsse",
            "owa",
            "pinball",
            "crps",
            "coverage_80",
            "width_80",
            "coverage_95",
            "width_95"
        ]
    );
}

/// Demand for spare parts, most of it 0.
fn parts() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/parts/parts.csv");
    std::fs::read_to_string(path).unwrap()
}

fn of_parts(output: OutputChoice) -> ForecastConfig {
    let mut config = ForecastConfig::of_series("demand", "part");
    config.data.r#static = vec!["class".into()];
    config.data.horizon = Some(4);
    config.data.window = Some(16);
    config.network.hidden = 8;
    config.train.output = output;
    config
}

#[test]
fn counts_are_forecast_by_a_distribution_better_than_by_any_one_number() {
    let mut config = of_parts(OutputChoice::NegativeBinomial);
    config.train.epochs = Some(4);
    let outcome = trained(&parts(), &config);
    let test = outcome.test.as_ref().unwrap();
    // Of a forecast of one number the continuous ranked probability score is the absolute error.
    let crps = test.crps.unwrap();
    let keys: Vec<&str> = test.baselines.iter().map(|one| one.key.as_str()).collect();
    assert!(keys.contains(&"croston"), "{keys:?}");
    for baseline in &test.baselines {
        let mase = baseline.overall.mase.unwrap();
        assert!(crps < 0.9 * mase, "{crps} and {mase} of {}", baseline.name);
    }
    config.train.output = OutputChoice::Point;
    let point = trained(&parts(), &config);
    let mase = point.test.as_ref().unwrap().model.overall.mase.unwrap();
    assert!(crps < 0.9 * mase, "{crps} and {mase}");
    assert!(
        point.notes.iter().any(|note| note.starts_with("column 'demand' has counts, ")),
        "{:?}",
        point.notes
    );
    // What is forecast can come, and its mean is that of the distribution.
    let forecast =
        outcome.forecaster.predict(None, PanelRequest { paths: 20, ..PanelRequest::default() }).unwrap();
    let whole = |value: f64| value >= 0.0 && value.fract() == 0.0;
    for series in &forecast.series {
        assert_eq!((series.means.len(), series.paths.len()), (4, 20));
        assert!(series.means.iter().all(|&mean| mean > 0.0 && mean < 30.0), "{:?}", series.means);
        assert!(series.values.iter().all(|&value| whole(value)), "{:?}", series.values);
        assert!(series.intervals.iter().flatten().flatten().all(|&end| whole(end)));
        assert!(series.paths.iter().flatten().all(|&value| whole(value)), "{:?}", series.paths);
    }
    assert_eq!(
        again(&outcome.forecaster)
            .predict(None, PanelRequest { paths: 20, ..PanelRequest::default() })
            .unwrap(),
        forecast
    );
}

#[test]
fn distributions_have_intervals_and_the_same_bits_with_any_threads() {
    for output in [OutputChoice::Normal, OutputChoice::StudentT, OutputChoice::ZeroInflated] {
        let (text, mut config) = match output {
            OutputChoice::ZeroInflated => (parts(), of_parts(output)),
            _ => (csv(24, 1.0), config()),
        };
        config.train.epochs = Some(2);
        config.train.output = output;
        let of = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| trained(&text, &config))
        };
        let (one, three) = (of(1), of(3));
        let weights = |outcome: &PanelOutcome| outcome.forecaster.model().parameters().values().to_vec();
        assert_eq!(weights(&one), weights(&three), "{output}");
        let asked = PanelRequest { paths: 3, ..PanelRequest::default() };
        let forecast = one.forecaster.predict(None, asked).unwrap();
        assert_eq!(forecast, three.forecaster.predict(None, asked).unwrap(), "{output}");
        for series in &forecast.series {
            for (step, &value) in series.values.iter().enumerate() {
                let [[low, high], [lower, higher]] = [series.intervals[0][step], series.intervals[1][step]];
                let ends = [0.0, lower, low, value, high, higher];
                assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]), "{output}: {ends:?}");
                assert!(higher > lower, "{output}: {ends:?}");
            }
        }
        let coverage = one.test.as_ref().unwrap().intervals[0].coverage;
        assert!((0.6..=1.0).contains(&coverage), "{output}: {coverage}");
    }
}

#[test]
fn sample_paths_have_the_values_of_the_intervals_and_hang_together() {
    // Whole series drift up or down from where they are, so that the steps of a forecast go the same way.
    let mut text = String::from("shop,row,sales\n");
    let mut state = 7u64;
    let mut noise = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / f64::from(1u32 << 31) - 0.5
    };
    for k in 0..40 {
        let mut value = 100.0;
        for _ in 0..60 {
            value += noise();
            writeln!(text, "s{k},0,{value:.4}").unwrap();
        }
    }
    let mut config = config();
    config.data.time = Some("none".into());
    config.data.season = Some(sumun::forecast::Or::Word("none".into()));
    config.train.levels = vec!["80".into()];
    let outcome = trained(&text, &config);
    let asked = PanelRequest { paths: 40, ..PanelRequest::default() };
    let forecast = outcome.forecaster.predict(None, asked).unwrap();
    let (mut same, mut all) = (0usize, 0usize);
    for series in &forecast.series {
        for step in 0..6 {
            let mut values: Vec<f64> = series.paths.iter().map(|path| path[step]).collect();
            values.sort_by(f64::total_cmp);
            let [lower, upper] = series.intervals[0][step];
            let inside = values.iter().filter(|&&value| lower <= value && value <= upper).count();
            assert!((31..=33).contains(&inside), "{inside} of 40 inside 80 %");
            assert!(values[19] <= series.values[step] && series.values[step] <= values[20]);
        }
        for path in &series.paths {
            all += 1;
            same += usize::from((path[4] > series.values[4]) == (path[5] > series.values[5]));
        }
    }
    // Of independent steps half would lie on the same side of the median.
    assert!(same as f64 > 0.7 * all as f64, "{same} of {all}");
    assert_eq!(outcome.forecaster.predict(None, asked).unwrap(), forecast, "the same paths again");
    // A path is the same whatever steps are asked for.
    let short = outcome.forecaster.predict(None, PanelRequest { steps: Some(2), ..asked }).unwrap();
    assert_eq!(short.series[3].paths[7], forecast.series[3].paths[7][..2]);
}

#[test]
fn what_a_distribution_cannot_be_is_refused() {
    let text = csv(4, 1.0);
    let message = refused(&text, |config| config.train.output = OutputChoice::NegativeBinomial);
    assert!(
        message.starts_with("sales.csv: column 'sales' is ")
            && message.contains(" at 2010-01 of series 's0'; output = negative-binomial is for counts, whole numbers from 0 to 16,777,216"),
        "{message}"
    );
    let message = refused(&parts(), |config| {
        *config = of_parts(OutputChoice::ZeroInflated);
        config.prepare.log = sumun::settings::Switch::On;
    });
    assert!(message.starts_with("log = on and output = zero-inflated do not go together"), "{message}");
    let message = refused(&parts(), |config| {
        *config = of_parts(OutputChoice::ZeroInflated);
        config.prepare.difference = sumun::settings::DifferenceChoice::Last;
    });
    assert!(
        message.starts_with("difference = last and output = zero-inflated do not go together"),
        "{message}"
    );
    let mut config = config();
    config.train.output = OutputChoice::Point;
    let model = trained(&text, &config).forecaster;
    let asked = PanelRequest { paths: 3, ..PanelRequest::default() };
    let message = model.predict(None, asked).unwrap_err().to_string();
    assert!(
        message.starts_with("samples = 3 is for models with intervals; train with output = quantiles"),
        "{message}"
    );
    config.train.output = OutputChoice::Quantiles;
    config.data.valid = Some(0.0);
    let model = trained(&text, &config).forecaster;
    let message = model.predict(None, asked).unwrap_err().to_string();
    assert!(
        message.starts_with("samples = 3 needs a model that saw 10 validation windows or more"),
        "{message}"
    );
}

#[test]
fn beyond_the_horizon_sample_paths_go_on() {
    let text = csv(24, 1.0);
    for output in [OutputChoice::Auto, OutputChoice::Point] {
        let mut config = config();
        config.train.output = output;
        let model = trained(&text, &config).forecaster;
        let asked = |steps: usize, paths: usize| PanelRequest {
            steps: Some(steps),
            paths,
            ..PanelRequest::default()
        };
        let paths = if output == OutputChoice::Point { 0 } else { 7 };
        let (short, long) =
            (model.predict(None, asked(6, 0)).unwrap(), model.predict(None, asked(15, paths)).unwrap());
        assert!(
            long.notes
                .iter()
                .any(|note| note.starts_with("beyond the 6 steps that the model forecasts at once"))
        );
        for (short, long) in short.series.iter().zip(&long.series) {
            assert_eq!((long.labels.len(), long.values.len(), long.paths.len()), (15, 15, paths));
            // The first horizon is what it is without more.
            assert_eq!((&long.values[..6], &long.labels[..6]), (&short.values[..], &short.labels[..]));
            assert!(long.values.iter().all(|value| value.is_finite() && *value >= 0.0), "{:?}", long.values);
            for (k, ends) in long.intervals.iter().enumerate() {
                assert_eq!(ends[..6], short.intervals[k][..]);
                assert!(
                    ends.iter().zip(&long.values).all(|([low, high], value)| low <= value && value <= high)
                );
            }
            assert!(long.paths.iter().all(|path| path.len() == 15));
        }
        // A shorter forecast is the beginning of a longer one, and the same each time.
        let again = model.predict(None, asked(13, 0)).unwrap();
        assert_eq!(again.series[5].values, long.series[5].values[..13]);
    }
    let mut config = config();
    config.data.features = vec!["kind".into()];
    let model = trained(&text, &config).forecaster;
    let asked = PanelRequest { steps: Some(7), ..PanelRequest::default() };
    let message = model.predict(None, asked).unwrap_err().to_string();
    assert!(
        message.starts_with(
            "steps = 7 is more than the 6 steps that the model forecasts at once, and nobody knows"
        ),
        "{message}"
    );
}
