//! The report of a training run: one self-contained HTML page with charts.
//!
//! [`forecast_report`] turns plain structs into a page: it reads no file, no clock and no environment, so the same
//! input gives the same bytes. The page holds everything it needs (style, charts as inline SVG, a few lines of script
//! that only add read-outs under the pointer), fetches nothing, follows the reader's light or dark theme, fits a phone
//! and prints. All text that comes from the caller is escaped.
//!
//! Numbers that are not finite stand for "undefined" everywhere: they leave gaps in lines and a dash in tables.
//!
//! ```
//! use sumun::report::{ForecastReport, forecast_report};
//!
//! let report = ForecastReport { title: "수요 <forecast>".into(), ..ForecastReport::default() };
//! let page = forecast_report(&report);
//! assert!(page.starts_with("<!doctype html>") && page.contains("수요 &lt;forecast&gt;"));
//! ```

#[cfg(test)]
pub(crate) mod check;
mod compare;
pub(crate) mod curves;
pub(crate) mod figures;
pub(crate) mod frame;
mod gradients;
mod page;
#[cfg(test)]
mod sample;
pub(crate) mod svg;
pub(crate) mod text;
mod ticks;

use crate::train::EpochRecord;

pub use compare::compare_report;
pub use gradients::gradient_norms_picture;

/// Everything the report of a forecaster's training says. Fields that are left empty leave their part of the page out.
#[derive(Debug, Clone, Default)]
pub struct ForecastReport {
    /// The page's title, such as the data set's name and what is forecast.
    pub title: String,
    /// One sentence below the title: the source of the data, for example.
    pub subtitle: String,
    /// When the run ended, as text; the report never reads the clock.
    pub created: String,
    /// The command that repeats the run.
    pub command: String,
    /// The command that forecasts with the trained model.
    pub predict_command: String,
    /// The version of Sumun that trained the model.
    pub version: String,
    /// The seed of all randomness.
    pub seed: u64,
    /// How long training took, in seconds.
    pub seconds: f64,
    /// How many threads were used.
    pub threads: usize,
    /// The instruction set of the kernels, such as `AVX-512`.
    pub path: String,
    /// How many numbers were learnt.
    pub parameters: usize,
    /// How many values one forecast covers.
    pub horizon: usize,
    /// What is known about the data.
    pub data: DataFacts,
    /// What was decided automatically, and why.
    pub choices: Vec<Choice>,
    /// The layers from the input to the output.
    pub layers: Vec<LayerRow>,
    /// What the loss is, with its scale: `mean squared error of scaled values`.
    pub loss_name: String,
    /// One entry an epoch, in order.
    pub epochs: Vec<EpochRow>,
    /// The epoch whose weights were kept, as in [`EpochRow::epoch`]; `None` if no epoch was singled out.
    pub best_epoch: Option<usize>,
    /// Whether training ended early because the validation loss no longer fell.
    pub stopped_early: bool,
    /// One entry a forecast column.
    pub targets: Vec<TargetReport>,
    /// What the reader should know before trusting the figures: warnings, repairs of the data, oddities.
    pub notes: Vec<String>,
}

/// What is known about the data file.
#[derive(Debug, Clone, Default)]
pub struct DataFacts {
    /// The file's name.
    pub file: String,
    /// Rows used, missing ones filled.
    pub rows: usize,
    /// The columns used, in order, with their part: `("demand", "target")`.
    pub columns: Vec<(String, String)>,
    /// The distance between rows, such as `1 hour`; empty if there is no time column.
    pub frequency: String,
    /// The season's length in rows, where one was given or found.
    pub season: Option<usize>,
    /// Where the season comes from: `found in the training part`.
    pub season_origin: String,
    /// Training, validation and test part, in order of time.
    pub splits: Vec<Split>,
}

/// A part of the data.
#[derive(Debug, Clone, Default)]
pub struct Split {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// How many rows it has.
    pub rows: usize,
    /// The first row's timestamp, or number.
    pub from: String,
    /// The last row's timestamp, or number.
    pub to: String,
}

/// Something that was decided automatically.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// The option: `difference`.
    pub name: String,
    /// What was chosen: `season`.
    pub value: String,
    /// Why, with the figures that decided it.
    pub reason: String,
}

/// A layer of the model.
#[derive(Debug, Clone, Default)]
pub struct LayerRow {
    /// Its name in the model file.
    pub name: String,
    /// What it is: `LSTM, 64 units, 1 layer`.
    pub kind: String,
    /// The shape of its output: `[N, 64]`.
    pub output: String,
    /// How many numbers it learns.
    pub parameters: usize,
}

/// What one pass over the training data came to.
#[derive(Debug, Clone, Default)]
pub struct EpochRow {
    /// Its number, from 1.
    pub epoch: usize,
    /// The mean training loss.
    pub train_loss: f64,
    /// The mean validation loss after the epoch.
    pub valid_loss: f64,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// The mean global gradient norm before clipping.
    pub gradient_norm: f64,
    /// The share of steps whose gradients were clipped, 0 to 1.
    pub clipped: f64,
    /// Further figures on the validation part, such as `("accuracy", 0.9)`.
    pub figures: Vec<(String, f64)>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl From<&EpochRecord> for EpochRow {
    fn from(record: &EpochRecord) -> Self {
        Self {
            epoch: record.epoch,
            train_loss: record.train_loss,
            valid_loss: record.valid_loss.unwrap_or(f64::NAN),
            learning_rate: record.learning_rate,
            gradient_norm: record.gradient_norm,
            clipped: record.clipped,
            figures: record.figures.iter().map(|(name, value)| (name.clone(), *value)).collect(),
            seconds: record.seconds,
        }
    }
}

/// Errors on one part of the data; `NaN` where one is undefined.
#[derive(Debug, Clone, Copy)]
pub struct Errors {
    /// Mean absolute error, in the target's unit.
    pub mae: f64,
    /// Root of the mean squared error, in the target's unit.
    pub rmse: f64,
    /// Symmetric mean absolute percentage error, in per cent (0 to 200).
    pub smape: f64,
    /// Mean absolute error divided by the training MAE of seasonal naive (Hyndman and Koehler 2006).
    pub mase: f64,
}

impl Default for Errors {
    fn default() -> Self {
        Self { mae: f64::NAN, rmse: f64::NAN, smape: f64::NAN, mase: f64::NAN }
    }
}

/// How well the model or a baseline forecasts.
#[derive(Debug, Clone, Default)]
pub struct Forecaster {
    /// Its name: `LSTM`, `seasonal naive`.
    pub name: String,
    /// Its errors on the validation part.
    pub valid: Errors,
    /// Its errors on the test part.
    pub test: Errors,
    /// The test MAE of each step ahead, from the first, in the target's unit.
    pub mae_by_step: Vec<f64>,
}

/// Consecutive values that begin at a position of [`TargetReport::actual`].
#[derive(Debug, Clone, Default)]
pub struct Stretch {
    /// The position of the first value.
    pub start: usize,
    /// The values.
    pub values: Vec<f64>,
}

/// A range around a forecast.
#[derive(Debug, Clone, Default)]
pub struct Interval {
    /// What it means: a sentence, such as `The shade holds 80 % of the errors that the validation part had.`.
    pub name: String,
    /// Its lower end at each step.
    pub low: Vec<f64>,
    /// Its upper end at each step.
    pub high: Vec<f64>,
}

/// All about one forecast column.
#[derive(Debug, Clone, Default)]
pub struct TargetReport {
    /// The column's name.
    pub name: String,
    /// The unit of its values; empty if unknown.
    pub unit: String,
    /// How well the model forecasts.
    pub model: Forecaster,
    /// How well the baselines forecast at the same origins.
    pub baselines: Vec<Forecaster>,
    /// How many forecasts of the test part were scored.
    pub test_origins: usize,
    /// Timestamps of `actual`, then of `future`; empty if there is no time column. ISO 8601 text gets calendar ticks,
    /// other text is shown as it is.
    pub timestamps: Vec<String>,
    /// The row number of `actual[0]` in the file, for the axis where there are no timestamps.
    pub first_row: usize,
    /// Measured values: the last of the training part, validation, test. `NaN` where missing.
    pub actual: Vec<f64>,
    /// Where validation begins in `actual`.
    pub valid_start: usize,
    /// Where the test part begins in `actual`.
    pub test_start: usize,
    /// Forecasts of the test part that do not overlap, in order of time; together they cover it once.
    pub test_forecast: Vec<Stretch>,
    /// The forecast after the end of the file.
    pub future: Vec<f64>,
    /// A range around `future`, if one was estimated.
    pub future_interval: Option<Interval>,
    /// Single forecasts worth a look: the best, a median and the worst of the test part.
    pub examples: Vec<Example>,
    /// Actual minus forecast for every test origin and step, in the target's unit.
    pub residuals: Vec<f64>,
}

/// One forecast beside what came.
#[derive(Debug, Clone, Default)]
pub struct Example {
    /// Why it is shown: `Median error`.
    pub title: String,
    /// When the forecast was made: the last known timestamp or row.
    pub origin: String,
    /// Timestamps of `history`, then of the forecast; empty if there are none.
    pub timestamps: Vec<String>,
    /// The last values before the forecast.
    pub history: Vec<f64>,
    /// What came.
    pub actual: Vec<f64>,
    /// What the model said.
    pub forecast: Vec<f64>,
    /// What a baseline said: its name, as in [`TargetReport::baselines`], and its values.
    pub baseline: Option<(String, Vec<f64>)>,
    /// The forecast's mean absolute error, in the target's unit.
    pub mae: f64,
}

/// Writes the report as one HTML page.
pub fn forecast_report(report: &ForecastReport) -> String {
    page::page(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</script><script>alert('x')</script>\"'&<!--\u{0}";

    #[test]
    fn a_full_report_has_every_part() {
        let page = forecast_report(&sample::run(&["demand"], 3600, 24, 34, true));
        check::well_formed(&page).unwrap();
        for part in [
            "<title>Electricity demand of Victoria</title>",
            "id=\"forecast\"",
            "id=\"errors\"",
            "id=\"training\"",
            "id=\"examples\"",
            "id=\"made\"",
            "id=\"notes\"",
            "43 % smaller error</b> than seasonal naive",
            "Test MASE",
            "0.501",
            "131.9 <small>MW</small>",
            "1 min 52 s",
            "class=\"section-name s-future\"",
            "Error by step ahead",
            "Residuals",
            "best: epoch 24",
            "log scale",
            "Worst forecast",
            "sumun predict runs/victoria --steps 24",
            "온도",
        ] {
            assert!(page.contains(part), "{part:?} is missing");
        }
        assert_eq!(page.matches("<td class=\"best\">").count(), 8, "one best in each column");
        assert!(page.len() < 1_200_000, "{} bytes", page.len());
    }

    #[test]
    fn the_page_fetches_nothing_and_is_the_same_every_time() {
        let report = sample::run(&["demand"], 500, 24, 10, true);
        let page = forecast_report(&report);
        assert_eq!(page, forecast_report(&report));
        for reach in ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "<link", "<iframe"] {
            assert!(!page.contains(reach), "the page holds {reach}");
        }
    }

    #[test]
    fn unusual_runs_make_sound_pages() {
        let undefined = {
            let mut report = sample::run(&["y"], 60, 3, 2, false);
            let target = &mut report.targets[0];
            target.actual.fill(f64::NAN);
            target.future = vec![f64::INFINITY; 3];
            target.model = Forecaster::default();
            target.residuals = vec![f64::NAN, f64::INFINITY];
            report.epochs.iter_mut().for_each(|e| e.train_loss = f64::NAN);
            report.seconds = f64::NAN;
            report
        };
        let bare = ForecastReport { targets: vec![TargetReport::default()], ..ForecastReport::default() };
        let misfit = {
            // Positions that do not fit the data must not panic either.
            let mut report = sample::run(&["y"], 60, 3, 2, true);
            let target = &mut report.targets[0];
            target.timestamps.truncate(10);
            (target.valid_start, target.test_start) = (1000, 5);
            target.test_forecast = vec![Stretch { start: 5000, values: vec![1.0] }, Stretch::default()];
            target.examples[0].timestamps.truncate(1);
            target.examples[1].history.clear();
            report.data.season = Some(1_000_000);
            report
        };
        let constant = {
            let mut report = sample::run(&["y"], 60, 3, 2, true);
            report.targets[0].actual.fill(7.0);
            report.targets[0].residuals.fill(0.0);
            report
        };
        for (name, report) in [
            ("nothing at all", ForecastReport::default()),
            ("an empty target", bare),
            ("one epoch, one step", sample::run(&["y"], 200, 1, 1, true)),
            ("no timestamps", sample::run(&["y"], 300, 12, 5, false)),
            ("three targets", sample::run(&["a", "b", "수요"], 300, 12, 5, true)),
            ("nothing finite", undefined),
            ("positions out of range", misfit),
            ("a constant series", constant),
        ] {
            let page = forecast_report(&report);
            check::well_formed(&page).unwrap_or_else(|e| panic!("{name}: {e}"));
            let shown: String =
                page.split("<script").map(|p| p.split_once("</script>").map_or(p, |s| s.1)).collect();
            for word in [">NaN", "NaN<", ">inf", "inf<"] {
                assert!(!shown.contains(word), "{name}: the page says {word}");
            }
        }
    }

    #[test]
    fn the_read_outs_are_json_numbers_for_every_position() {
        let page = forecast_report(&sample::run(&["수요"], 300, 12, 5, true));
        let blocks: Vec<&str> = page.split("<script type=\"application/json\">").skip(1).collect();
        assert!(blocks.len() >= 6, "{} blocks", blocks.len());
        for block in blocks {
            let json = block.split("</script>").next().unwrap();
            let data: serde_json::Value = serde_json::from_str(json).unwrap();
            let length = data["x"].as_array().unwrap().len();
            assert_eq!(data["t"].as_array().unwrap().len(), length);
            for series in data["s"].as_array().unwrap() {
                assert_eq!(series["v"].as_array().unwrap().len(), length);
            }
        }
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut report = sample::run(&[HOSTILE], 100, 4, 2, true);
        let hostile = || HOSTILE.to_string();
        (report.title, report.subtitle, report.created) = (hostile(), hostile(), hostile());
        (report.command, report.predict_command) = (hostile(), hostile());
        (report.version, report.path, report.loss_name) = (hostile(), hostile(), hostile());
        (report.data.file, report.data.frequency, report.data.season_origin) =
            (hostile(), hostile(), hostile());
        report.data.columns = vec![(hostile(), hostile())];
        report.data.splits[0] = Split { name: hostile(), rows: 1, from: hostile(), to: hostile() };
        report.choices[0] = Choice { name: hostile(), value: hostile(), reason: hostile() };
        report.layers[0] = LayerRow { name: hostile(), kind: hostile(), output: hostile(), parameters: 0 };
        report.notes = vec![hostile()];
        let target = &mut report.targets[0];
        target.unit = hostile();
        target.timestamps.fill(hostile());
        (target.model.name, target.baselines[0].name) = (hostile(), hostile());
        target.examples[0] = Example {
            title: hostile(),
            origin: hostile(),
            baseline: Some((hostile(), vec![1.0])),
            ..target.examples[0].clone()
        };
        let page = forecast_report(&report);
        check::well_formed(&page).unwrap();
        assert!(!page.contains("<script>alert") && !page.contains("<!--"));
        let scripts = page.matches("</script>").count();
        assert_eq!(scripts, page.matches("<script").count());
    }

    #[test]
    fn the_headline_is_honest() {
        for (mae, expected) in [
            (50.0, "50 % smaller error</b> than b"),
            (100.2, "The same error</b> as b"),
            (150.0, "50 % larger error</b> than b"),
        ] {
            let of = |name: &str, mae| Forecaster {
                name: name.into(),
                test: Errors { mae, ..Errors::default() },
                ..Forecaster::default()
            };
            let baselines = vec![of("a", 120.0), of("b", 100.0), of("c", f64::NAN)];
            let target = TargetReport { model: of("LSTM", mae), baselines, ..TargetReport::default() };
            let page =
                forecast_report(&ForecastReport { targets: vec![target], ..ForecastReport::default() });
            assert!(page.contains(expected), "{mae}: {expected:?} is missing");
        }
    }

    #[test]
    #[ignore = "writes sample pages to look at"]
    fn sample_pages() {
        for (name, report) in [
            ("long", sample::run(&["demand"], 3600, 24, 34, true)),
            ("short", sample::run(&["demand"], 140, 12, 1, false)),
            ("several", sample::run(&["demand", "수요 전력"], 600, 24, 60, true)),
            ("one-step", sample::run(&["demand"], 200, 1, 8, true)),
        ] {
            let path = std::env::temp_dir().join(format!("sumun-report-{name}.html"));
            std::fs::write(&path, forecast_report(&report)).unwrap();
            eprintln!("{}", path.display());
        }
    }
}
