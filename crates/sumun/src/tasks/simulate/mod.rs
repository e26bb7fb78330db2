//! The task `simulate`: a column from others, without its own past, as runoff from rain.
//!
//! One network runs over the rows of each series in time and says the target at every row from the inputs up to it. It never sees
//! the target, so that it simulates where nothing was ever measured; the static columns tell the series apart. Rows at the
//! beginning of a sequence only bring its states up ([`Simulate::warm_up`]); values that are missing in the target count nowhere.
//! Kratzert et al. 2019 ("Towards learning universal, regional, and local hydrological behaviors via machine learning applied to
//! large-sample datasets") train one LSTM for hundreds of river basins so, with the loss that is here the default.

mod lesson;
mod page;
mod pipeline;
mod read;

use super::options::{HeldOut, NumberOptions, Usual, check_counts};
use super::protocol::Next;
use super::task::{Task, TaskConfig, Words};
use crate::data::{Mark, Missing};
use crate::message::key;
use crate::settings::{Kind, Setting, settings};
use crate::{Error, Result};

pub use lesson::Simulator;
pub(super) use page::section;
pub use pipeline::SimulationPipeline;

/// What can be made small.
const LOSSES: &[&str] = &["nse", "mse", "mae"];

settings! {
    /// The settings of a simulator's own.
    pub struct Simulate {
        data.target: Vec<String> = Vec::new(), "The column to simulate";
        data.features: Vec<String> = Vec::new(), "The columns that it is simulated from, row by row";
        data.series: Option<String> = None,
            "The column that tells several series in the file apart, such as river basins, or several such columns: one model learns all of them; or one of them, as COLUMN=VALUE";
        data.r#static: Vec<String> = Vec::new(), "With several series, columns that have one value in each, such as a region; by default none";
        data.time: Option<String> = None, "The column of timestamps, several as date+time, or none; by default the first that holds timestamps";
        data.missing: Missing = Missing::Error, "What to do about missing inputs and time steps; missing values of the target just do not count";
        data.na: Vec<String> = Vec::new(),
            "What else means that a value is missing, such as -9999, beside empty cells, NA, NaN, null and their like",
            Kind::Texts;
        data.decimal: Option<Mark> = None, as NumberOptions;
        data.thousands: Option<Mark> = None, as NumberOptions;
        data.warm_up: Option<usize> = None,
            "Rows at the beginning of each sequence that only bring the network's states up; by default a quarter of the shortest training part, at most 365";
        data.window: Option<usize> = None, "Rows of each sequence that is learnt from, the warm-up included; by default twice the warm-up, 32 more at least";
        train.loss: String = "nse".into(),
            "What is made small: squared errors over the variance of each series, squared errors, or absolute errors", Kind::Choice(LOSSES);
    }
}

impl Task for Simulate {
    type Lesson = Simulator;

    const NAME: &'static str = "simulate";
    const PURPOSE: &'static str = "Learn to simulate a column from others, without its own past";
    const WORDS: Words = Words {
        verb: "Simulate",
        example: "sequence",
        loss: "loss of scaled values",
        next: Next::PredictFile,
    };
    const LAYERS: bool = true;
    // On ten basins of four years, 100 epochs come to an efficiency of .64, 220 to .81.
    const USUAL: Usual = Usual { epochs: 60, patience: 30 };
    const WITHOUT: &'static [&'static str] = &[
        "level",
        "normalize",
        "lowercase",
        "min_count",
        "vocabulary",
        "pieces",
        "tokenizer",
        "subwords",
        "vectors",
        "word_dropout",
        "embedding",
        "bidirectional",
        "batch_tokens",
    ];

    fn rows() -> Vec<Setting> {
        Self::rows()
    }

    fn adjust(config: &mut TaskConfig<Self>) {
        (config.network.hidden, config.network.bidirectional, config.network.dropout) = (64, false, 0.2);
        (config.train.lr, config.train.ema) = (5e-3, Some(0.0));
        config.data.test = HeldOut::Share(0.2);
    }

    fn check(config: &TaskConfig<Self>) -> Result<()> {
        let own = &config.own;
        if !LOSSES.contains(&own.loss.as_str()) {
            let wanted = format!("one of {}", LOSSES.join(", "));
            return Err(Error::setting(key("loss"), format!("{:?}", own.loss), wanted));
        }
        let one = match own.target.as_slice() {
            [] => Some("no column to simulate; name one with "),
            [_] => None,
            _ => Some("several columns to simulate; train one model a column, and name one with "),
        };
        if let Some(problem) = one {
            return Err(Error::Settings(crate::message::text(problem) + key("target")));
        }
        if own.features.is_empty() {
            return Err(Error::Settings(
                crate::message::text("no column to simulate from; name one or more with ") + key("features"),
            ));
        }
        let series = own.series_columns();
        let named = |names: &[String]| names.to_vec();
        let all = [named(&own.target), named(&own.features), named(&own.r#static), named(&series)].concat();
        if let Some((_, twice)) = all.iter().enumerate().find(|(k, name)| all[..*k].contains(name)) {
            return Err(Error::Settings(
                crate::message::text(format!("the column '{twice}' is named twice, among "))
                    + key("target")
                    + ", "
                    + key("features")
                    + ", "
                    + key("static")
                    + " and "
                    + key("series")
                    + "; name it once",
            ));
        }
        check_counts(&[("window", own.window.unwrap_or(1))])?;
        if let (Some(window), Some(warm_up)) = (own.window, own.warm_up)
            && window <= warm_up
        {
            return Err(Error::setting(
                key("window"),
                window,
                format!("more than the warm-up of {warm_up} rows"),
            ));
        }
        Ok(())
    }

    fn begin(config: &TaskConfig<Self>) -> Result<Simulator> {
        Simulator::new(config)
    }
}

impl Simulate {
    /// The columns that tell series apart; none where one series is learnt.
    fn series_columns(&self) -> Vec<String> {
        let names =
            self.series.iter().filter(|names| !names.contains('=')).flat_map(|names| names.split(','));
        names.map(|name| name.trim().to_owned()).collect()
    }

    /// The one series of several that is learnt, as `column=value`.
    fn one_series(&self) -> Option<&str> {
        self.series.as_deref().filter(|series| series.contains('='))
    }
}
