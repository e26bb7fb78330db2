//! What a training that goes on from a run is planned from: that run and newer rows.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::super::config::{ForecastConfig, TASK};
use super::super::forecaster::Forecaster;
use super::super::network::{Sizes, network};
use super::super::panel::is_panel;
use super::super::plan::ForecastPlan;
use super::super::predict::{Place, cut, from_history, joined, read};
use super::super::preprocessing::{Input, Preprocessing};
use super::super::source::Source;
use super::{Continued, choice};
use crate::data::Table;
use crate::message::key;
use crate::run::{CONFIG_FILE, MODEL_FILE, RunFolder};
use crate::settings::{Or, read_config};
use crate::tasks::source::Source as ReadFile;
use crate::{Error, Result};

/// The run that the settings go on from, and the file that was read.
pub(in super::super) fn open(run: &Path) -> Result<(Forecaster, ReadFile)> {
    let folder = RunFolder::open(run)?;
    let name = folder.model_path().display().to_string();
    let file = folder.load_model()?;
    if file.task != TASK || is_panel(&file) {
        let what = match file.task.as_str() {
            TASK => "of many series or of distributions".to_owned(),
            task => format!("for {task}"),
        };
        return Err(Error::Model(format!(
            "{name}: is a model {what}, and only a forecaster of one series goes on with newer rows; train it anew on all data"
        )));
    }
    // Of what was read, not of the file, which another may have changed since.
    let hash: String = Sha256::digest(file.to_bytes()?).iter().map(|byte| format!("{byte:02x}")).collect();
    let forecaster = Forecaster::from_model_file(&name, file)?;
    if forecaster.model().is_none() {
        return Err(Error::Model(format!(
            "{name}: has no network to go on with, as its series was too short for one; train it anew on all data"
        )));
    }
    Ok((forecaster, ReadFile::new("from", &run.display().to_string(), &hash)))
}

/// The plan of a training that goes on from a run. Errors: columns, a horizon or a network other than the run's.
pub(in super::super) fn plan_from(
    config: &ForecastConfig,
    run: &Path,
    table: &Table,
    mut files: Vec<ReadFile>,
) -> Result<ForecastPlan> {
    let (old, file) = open(run)?;
    files.push(file);
    let kept = old.config();
    let p = &kept.preprocessing;
    let names = |inputs: &[Input]| inputs.iter().map(|input| input.name.clone()).collect::<Vec<_>>();
    let targets: Vec<String> = p.targets.iter().map(|target| target.name.clone()).collect();
    let of_words = |all: &[String]| -> Vec<String> {
        // A column of words is several inputs.
        let mut columns: Vec<String> = Vec::new();
        for name in all {
            let column = kept.categories.iter().find(|one| one.columns().any(|column| column == *name));
            let column = column.map_or(name, |one| &one.column);
            if !columns.contains(column) {
                columns.push(column.clone());
            }
        }
        columns
    };
    for (name, asked, learnt) in [
        ("target", &config.data.target, targets),
        ("features", &config.data.features, of_words(&names(&p.features))),
        ("known", &config.data.known, of_words(&names(&p.known))),
    ] {
        if *asked != learnt {
            let listed = |all: &[String]| if all.is_empty() { "none".into() } else { all.join(", ") };
            return Err(Error::setting(
                key(name),
                listed(asked),
                format!("{}, as of the run to go on from", listed(&learnt)),
            ));
        }
    }
    if let Some(horizon) = config.data.horizon.filter(|horizon| *horizon != p.horizon) {
        return Err(Error::setting(
            key("horizon"),
            horizon,
            format!("{}, as of the run to go on from", p.horizon),
        ));
    }
    let networks: Vec<Preprocessing> = kept.networks().cloned().collect();
    let seeds = Continued::seeds(&networks);
    if let Some(ensemble) = config.train.ensemble.filter(|ensemble| *ensemble != seeds) {
        return Err(Error::setting(
            key("ensemble"),
            ensemble,
            format!("{seeds}, as of the run to go on from"),
        ));
    }
    let sizes: Vec<Sizes> = networks.iter().map(Sizes::of).collect();
    let built = network(&config.network, &sizes).build(0)?;
    let shapes = |model: &crate::model::Model| -> Vec<(String, Vec<usize>)> {
        let entries = model.parameters().entries().iter();
        entries.map(|entry| (entry.name.clone(), entry.shape.clone())).collect()
    };
    let model = old.model().filter(|model| shapes(model) == shapes(&built)).ok_or_else(|| {
        Error::Settings(
            key("cell")
                + ", "
                + key("hidden")
                + " and "
                + key("layers")
                + " make another network than that of the run to go on from; leave them as they were",
        )
    })?;
    let mut values = model.parameters().values();
    let mut weights = Vec::new();
    for &sizes in &sizes {
        let (own, others) = values.split_at(network(&config.network, &[sizes]).summary()?.parameters());
        weights.push(own.to_vec());
        values = others;
    }
    let source = read(&old, table, config.data.missing, None)?;
    let (mut source, before) = with_rows_before(&old, source, config)?;
    source.categories = kept.categories.clone();
    // What the run decided stays decided.
    let mut decided = config.clone();
    decided.data.horizon = Some(p.horizon);
    decided.data.season = Some(Or::Number(kept.season));
    decided.data.window = Some(networks.iter().map(|p| p.window).min().unwrap_or(p.window));
    decided.prepare.difference = choice(p.difference);
    let rescale = config.train.rescale == Some(true);
    let together = kept.together.clone();
    let continued = Continued { networks, weights, before, together, rescale };
    let mut plan = ForecastPlan::continued(decided, source, files, continued)?;
    plan.config = config.clone();
    if (0..plan.decisions.candidates.len())
        .any(|index| plan.material(index).is_ok_and(|m| m.train.is_empty()))
    {
        return Err(Error::Data(format!(
            "{}: no new row has a window before it and a horizon after it in the training part; give more rows",
            table.name()
        ))
        .advise(crate::message::text("or smaller shares for ") + key("valid") + " and " + key("test")));
    }
    Ok(plan)
}

/// Puts the end of the old training data before newer rows that follow it; how many rows that are.
fn with_rows_before(old: &Forecaster, source: Source, config: &ForecastConfig) -> Result<(Source, usize)> {
    let mut before = from_history(old)?;
    // What an ARIMA model remembers is nothing to learn from.
    cut(&mut before, old.config().rows_to_evaluate());
    let place = Place::of(&before, &source).filter(|place| place.gap < old.config().rows_needed());
    match place.filter(|place| before.times.is_some() && place.keep > 0) {
        Some(place) => {
            let rows = place.keep + place.gap;
            let new = source.rows;
            let mut source = joined(before, source, place, config.data.missing)?;
            source.notes.push(format!(
                "the {rows} rows before the {new} new ones are the end of the old training data"
            ));
            Ok((source, rows))
        }
        None => Ok((source, 0)),
    }
}

/// The settings of a training that goes on from a run with a newer file: those of the run, less what the old data decided about
/// parts, epochs and batches. Errors: no such run, a model that does not go on.
pub fn continue_settings(run: &Path, file: &str) -> Result<toml::Table> {
    open(run)?;
    let path = run.join(CONFIG_FILE);
    if !path.exists() {
        return Err(Error::Model(format!(
            "{}: has no {CONFIG_FILE} with its settings; give the folder of a run, with {MODEL_FILE} and {CONFIG_FILE}",
            run.display()
        )));
    }
    let mut table = read_config(&path)?;
    let mut set = |section: &str, name: &str, value: Option<toml::Value>| {
        let inner = table.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        if let toml::Value::Table(inner) = inner {
            match value {
                Some(value) => drop(inner.insert(name.to_owned(), value)),
                None => drop(inner.remove(name)),
            }
        }
    };
    for (section, name) in
        [("data", "valid"), ("data", "test"), ("train", "epochs"), ("train", "batch"), ("train", "patience")]
    {
        set(section, name, None);
    }
    set("data", "train", Some(file.into()));
    let Some(run) = run.to_str() else {
        return Err(Error::Invalid(format!("{}: the name is no Unicode; rename the folder", run.display())));
    };
    set("train", "from", Some(run.into()));
    Ok(table)
}
