//! Configurations, single settings and speed grids.

use sumun::bench::CaseGrid;
use sumun::model::ModelConfig;
use sumun::settings::read_config;
use sumun::tasks::{TASKS, setting as alone};

use super::{choices, said, written};

/// A configuration file: of the task that it names, or of a model alone.
pub fn config(bytes: &[u8]) -> Result<(), String> {
    let table = said(read_config(&written("run.toml", bytes)))?;
    let text = String::from_utf8_lossy(bytes);
    let Some(name) = table.get("task") else {
        let config = said(ModelConfig::from_toml(&text))?;
        said(config.summary())?;
        return said(config.to_toml()).map(|_| ());
    };
    let task = TASKS.iter().find(|task| name.as_str() == Some(task.name()));
    let config = said(task.unwrap_or(&TASKS[choices(bytes).below(TASKS.len())]).configure(&[table]))?;
    let _ = (config.train_file(), config.save_every());
    Ok(())
}

/// Settings as `--set` has them, one a line, the task in the first line.
pub fn setting(bytes: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let (task, lines) = text.split_once('\n').unwrap_or((&text, ""));
    let task = said(sumun::tasks::named(task))?;
    let mut tables = vec![said(alone("data.train", "data.csv"))?];
    // A command line holds no more.
    for line in lines.lines().take(100) {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        tables.push(said(alone(key, value))?);
        // As an option of that name has it.
        let settings = said(task.settings())?;
        if let Some(row) = settings.rows().find(|row| row.key() == key) {
            let _ = row.kind.typed(value);
        }
    }
    said(task.configure(&tables)).map(|_| ())
}

/// The cases of a speed grid.
pub fn grid(bytes: &[u8]) -> Result<(), String> {
    let grid = said(CaseGrid::parse("grid.json", &String::from_utf8_lossy(bytes)))?;
    said(grid.choose(None, true)).map(|_| ())
}
