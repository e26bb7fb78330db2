//! What a translator looks at while it writes.

use std::path::Path;

use sumun::report::weights_picture;
use sumun::tasks::{How, Prediction, TaskConfig, TrainedTask, Training, Translate, setting};
use sumun::{Error, Result};

use super::Told;

/// Trains on the dates for twelve epochs, writes some of them, and draws what one attended to.
pub(crate) fn translator() -> Result<Told> {
    let mut told = Told::default();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/dates/dates.tsv");
    let config = TaskConfig::<Translate>::from_tables(&[
        setting("data.train", data)?,
        setting("train.epochs", "12")?,
    ])?;
    let mut training = Training::begin(config)?;
    training.run(&mut (), &mut ())?;
    let task = TrainedTask::<Translate>::from_file(training.finish()?.file)?;

    let sources = ["3 March 1998", "March 3rd, 1998", "1998년 3월 3일"];
    let path = std::env::temp_dir().join(format!("sumun-guide-{}.tsv", std::process::id()));
    let failed = |source| Error::Io { path: path.clone(), source };
    std::fs::write(&path, format!("source\n{}\n", sources.join("\n"))).map_err(failed)?;
    let predictions = predictions(&task, &path);
    std::fs::remove_file(&path).map_err(failed)?;
    for (prediction, source) in predictions?.iter().zip(sources) {
        let Prediction::Text { text, alignment, .. } = prediction else { continue };
        told.say(format!("{source} → {text}"));
        if let (Some(alignment), true) = (alignment, told.pictures.is_empty()) {
            let title = format!("{source} → {text}");
            let picture = weights_picture(&title, &alignment.target, &alignment.source, &alignment.weights);
            told.pictures.push(("attention", picture));
        }
    }
    Ok(told)
}

fn predictions(task: &TrainedTask<Translate>, path: &Path) -> Result<Vec<Prediction>> {
    Ok(task.predict_with(path, &How { attention: true, ..How::default() })?.predictions)
}
