//! What a person sees while a model learns: a live bar on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sumun::train::{EpochEnd, Progress, StepEnd, TrainingStage};

use crate::language::said;
use crate::output::{say, tell};
use crate::terminal::{Style, count, duration, number, one_line, wrapped};

/// How often a training writes a line at most where there is no terminal, and a long one at least.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The widest a note is written, in terminal columns.
const COLUMNS: usize = 78;
/// How often a step within an epoch is shown at most.
const STEP_SHOWN: Duration = Duration::from_millis(500);
/// So many seconds of an epoch tell how long all will take,
const LOOKED_AT: f64 = 5.0;
/// which is said where it is so many or more.
const LONG: f64 = 60.0;
/// How often the bar moves when nothing is reported, so that a long epoch does not look dead.
const TICK: Duration = Duration::from_millis(250);

/// The bar on the terminal, for a line of another thread, which would break into it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

fn shown_bar() -> MutexGuard<'static, Option<ProgressBar>> {
    // A thread that panicked left a bar behind, no harm.
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line on stderr, above the bar where there is one.
pub(crate) fn above_bar(line: &str) {
    match shown_bar().as_ref() {
        Some(bar) => bar.suspend(|| tell(line)),
        None => tell(line),
    }
}

/// Shows a training.
pub(crate) struct Display {
    mode: Mode,
    style: Style,
    /// The candidate at work, and what came of it so far.
    stage: Option<Current>,
    /// Notes that wait for the next candidate, or the end: they would break into a bar, and an input that is refused
    /// before training gets one line, the error.
    waiting: Vec<String>,
}

enum Mode {
    Silent,
    Lines,
    Live(Option<ProgressBar>),
}

struct Current {
    stage: TrainingStage,
    started: Instant,
    /// When a step was last shown.
    shown: Instant,
    /// When a line was last written.
    told: Instant,
    /// How many epochs, in part too, had been trained before: a training may go on from a checkpoint.
    before: Option<f64>,
    epochs: usize,
    /// The last epoch, if its line has not been written.
    unwritten: Option<EpochEnd>,
    /// Whether it was said how long all will take.
    estimated: bool,
    /// Whether the line that it begins with has been written. That of a candidate after the first waits until there is
    /// something to say beside the line that it ends with: many seeds of a short series would be many lines of nothing new.
    begun: bool,
}

impl Display {
    /// A bar if stderr is a terminal, else lines; nothing at all if `quiet`.
    pub(crate) fn new(quiet: bool) -> Self {
        let mode = match () {
            () if quiet => Mode::Silent,
            () if std::io::stderr().is_terminal() => Mode::Live(None),
            () => Mode::Lines,
        };
        Self { mode, style: Style::for_stderr(), stage: None, waiting: Vec::new() }
    }

    /// Ends the display, however training ended, and gives the notes that have not been shown.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.end_stage();
        self.waiting
    }

    fn end_stage(&mut self) {
        if let Mode::Live(bar) = &mut self.mode
            && let Some(bar) = bar.take()
        {
            bar.finish_and_clear();
            *shown_bar() = None;
        }
        let Some(current) = self.stage.take() else { return };
        if matches!(self.mode, Mode::Lines)
            && current.begun
            && let Some(last) = &current.unwritten
        {
            tell(&line(last, current.stage.unit));
        }
        // A single candidate is described in the summary.
        if !matches!(self.mode, Mode::Silent) && current.stage.candidates > 1 {
            tell(&current.outcome(self.style));
        }
    }

    fn live(&self) -> Option<&ProgressBar> {
        match &self.mode {
            Mode::Live(bar) => bar.as_ref(),
            _ => None,
        }
    }
}

impl Current {
    /// Writes the line that it begins with, unless it has been.
    fn begin(&mut self) {
        if !self.begun {
            self.begun = true;
            say(&format!("{}: up to {} epochs", self.stage.name, self.stage.epochs));
        }
    }

    /// Seconds until all candidates are trained at the latest, after so many epochs of this one.
    fn time_left(&self, epochs: f64) -> f64 {
        let trained = epochs - self.before.unwrap_or(0.0);
        time_left(&self.stage, epochs, trained, self.started.elapsed().as_secs_f64())
    }

    /// One line on what a candidate took. Losses of candidates are on different scales; they are not shown side by side.
    fn outcome(&self, style: Style) -> String {
        let epochs = match self.epochs {
            1 => "1 epoch".into(),
            n => format!("{n} epochs"),
        };
        let time = duration(self.started.elapsed().as_secs_f64());
        let took = format!("{epochs} in {time}");
        format!("{}{}", said(&self.stage.name), style.dim(&format!(": {}", said(&took))))
    }
}

impl Progress for Display {
    fn stage(&mut self, stage: &TrainingStage) {
        self.end_stage();
        if !matches!(self.mode, Mode::Silent) {
            self.waiting.drain(..).for_each(|note| tell_note(&note, self.style));
        }
        let now = Instant::now();
        let current = self.stage.insert(Current {
            stage: stage.clone(),
            started: now,
            shown: now,
            told: now,
            before: None,
            epochs: 0,
            unwritten: None,
            estimated: false,
            begun: false,
        });
        match &mut self.mode {
            Mode::Silent => {}
            Mode::Lines if stage.candidate > 1 => {}
            Mode::Lines => current.begin(),
            Mode::Live(slot) => {
                let bar =
                    ProgressBar::with_draw_target(Some(stage.epochs as u64), ProgressDrawTarget::stderr());
                let colour = if self.style == Style::PLAIN { "" } else { ".cyan/dim" };
                let template =
                    format!("{{spinner}} {{prefix}}\n  {{bar:13{colour}}} {{pos}}/{{len}}  {{wide_msg}}");
                // The template is a constant but for the colour; if it were wrong the plain bar would do.
                if let Ok(look) = ProgressStyle::with_template(&template) {
                    bar.set_style(look.progress_chars("━╸─").tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
                }
                bar.set_prefix(said(&stage.name).into_owned());
                bar.enable_steady_tick(TICK);
                *shown_bar() = Some(bar.clone());
                *slot = Some(bar);
            }
        }
    }

    fn epoch(&mut self, end: &EpochEnd) {
        let Some(current) = &mut self.stage else { return };
        current.epochs = end.record.epoch;
        let unit = current.stage.unit;
        let left = current.time_left(end.record.epoch as f64);
        if matches!(self.mode, Mode::Lines) {
            if end.record.epoch == 1 && current.begun || current.told.elapsed() >= LINE_EVERY {
                current.begin();
                current.unwritten = None;
                current.told = Instant::now();
                tell(&format!("{}  {}", line(end, unit), time_to_go(left)));
            } else {
                current.unwritten = Some(end.clone());
            }
        }
        if let Some(bar) = self.live() {
            bar.set_position(end.record.epoch as u64);
            bar.set_message(message(end, left, unit));
        }
    }

    fn step(&mut self, step: &StepEnd) {
        let Some(current) = &mut self.stage else { return };
        let there = epochs_of(step);
        current.before.get_or_insert(there - 1.0 / step.steps.max(1) as f64);
        // Of short epochs, the lines of whole epochs are enough.
        if current.shown.elapsed() < STEP_SHOWN {
            return;
        }
        current.shown = Instant::now();
        let elapsed_s = current.started.elapsed().as_secs_f64();
        let estimate = whole(&current.stage, step, elapsed_s).filter(|_| !current.estimated);
        current.estimated |= estimate.is_some();
        if let Some(estimate) = estimate.filter(|_| !matches!(self.mode, Mode::Silent)) {
            above_bar(&self.style.dim(&format!("  {}", said(&estimate))));
        }
        // The line of an epoch that ends with this step says more.
        if matches!(self.mode, Mode::Lines) && step.step < step.steps && current.told.elapsed() >= LINE_EVERY
        {
            current.begin();
            current.told = Instant::now();
            current.unwritten = None;
            tell(&step_line(step, current.stage.epochs, current.time_left(there)));
        }
        let prefix = stepping(&current.stage.name, step);
        if let Some(bar) = self.live() {
            bar.set_prefix(prefix);
        }
    }

    fn note(&mut self, note: &str) {
        self.waiting.push(note.to_owned());
    }
}

/// Writes a note, wrapped, behind a dot.
pub(crate) fn tell_note(note: &str, style: Style) {
    for (i, line) in wrapped(&one_line(&said(note)), COLUMNS - 2).iter().enumerate() {
        let mark = if i == 0 { "·" } else { " " };
        tell(&style.dim(&format!("{mark} {line}")));
    }
}

/// Seconds until all candidates are trained at the latest, after `epochs` of this one, of which the last `trained` took
/// `elapsed_s`.
fn time_left(stage: &TrainingStage, epochs: f64, trained: f64, elapsed_s: f64) -> f64 {
    let here = (stage.epochs as f64 - epochs).max(0.0);
    let after = stage.candidates.saturating_sub(stage.candidate) * stage.epochs;
    elapsed_s / trained * (here + after as f64)
}

/// How many epochs there are behind a step, in part too.
fn epochs_of(step: &StepEnd) -> f64 {
    (step.epoch - 1) as f64 + step.step as f64 / step.steps.max(1) as f64
}

fn losses(end: &EpochEnd) -> String {
    let train = format!("{} {}", said("train"), short(end.record.train_loss));
    match end.record.valid_loss {
        Some(valid) => {
            let best = if end.best { "*" } else { " " };
            format!("{train} {} {}{best}", said("valid"), short(valid))
        }
        None => train,
    }
}

/// A loss in six columns or so.
fn short(loss: f64) -> String {
    if (1e-3..100.0).contains(&loss) { format!("{loss:.4}") } else { number(loss) }
}

/// How fast it is read: `412k tokens/s`.
fn rate(end: &EpochEnd, unit: &str) -> String {
    let (rows, unit) = (end.record.rows_per_second, said(unit));
    match () {
        () if !rows.is_finite() => "–".into(),
        () if rows >= 1e6 => format!("{:.1}M {unit}/s", rows / 1e6),
        () if rows >= 1e4 => format!("{:.0}k {unit}/s", rows / 1e3),
        () => format!("{} {unit}/s", count(rows as usize)),
    }
}

/// How long all will take at most, told once while the first epoch of a long training runs; None as long as it is not known,
/// and of a short one.
fn whole(stage: &TrainingStage, step: &StepEnd, elapsed_s: f64) -> Option<String> {
    let known = elapsed_s >= LOOKED_AT && step.epoch == 1 && stage.candidate == 1;
    let all = elapsed_s / step.step as f64 * (step.steps * stage.epochs * stage.candidates) as f64;
    (known && all >= LONG).then(|| {
        let epochs = stage.epochs * stage.candidates;
        format!("about {} for all {} epochs, if it does not stop early", duration(all), count(epochs))
    })
}

/// A time as a clock shows it, `0:07` or `1:02:03`.
fn clock(seconds: f64) -> String {
    let whole = if seconds.is_finite() { seconds.ceil() as u64 } else { 0 };
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long it takes yet.
fn time_to_go(seconds: f64) -> String {
    said(&format!("{} left", clock(seconds))).into_owned()
}

/// Where an epoch stands.
fn stepping(name: &str, step: &StepEnd) -> String {
    let StepEnd { epoch, step: at, steps, loss } = *step;
    said(&format!("{name}: epoch {epoch}, step {at}/{steps}, loss {}", short(loss))).into_owned()
}

fn message(end: &EpochEnd, left_s: f64, unit: &str) -> String {
    format!("{} {} {}", losses(end), rate(end, unit), time_to_go(left_s))
}

fn line(end: &EpochEnd, unit: &str) -> String {
    let digits = end.epochs.to_string().len();
    let epoch = format!("{} {:digits$}/{}", said("epoch"), end.record.epoch, end.epochs);
    format!("  {epoch}  {}  {}", losses(end), rate(end, unit))
}

/// As [`line`], within an epoch.
fn step_line(step: &StepEnd, epochs: usize, left_s: f64) -> String {
    let digits = epochs.to_string().len();
    let loss = format!("{} {}", said("loss"), short(step.loss));
    let StepEnd { epoch, step, steps, .. } = step;
    let epoch = format!("{} {epoch:digits$}/{epochs}", said("epoch"));
    format!("  {epoch}  {} {step}/{steps}  {loss}  {}", said("step"), time_to_go(left_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::width;
    use sumun::train::EpochRecord;

    fn end(epoch: usize, candidate: usize, valid: Option<f64>) -> EpochEnd {
        EpochEnd {
            candidate,
            candidates: 3,
            epochs: 200,
            best: true,
            record: EpochRecord {
                epoch,
                train_loss: 0.031234,
                valid_loss: valid,
                learning_rate: 0.003,
                gradient_norm: 1.0,
                layer_norms: Vec::new(),
                clipped: 0.0,
                figures: Default::default(),
                rows_per_second: 412_345.0,
                seconds: 1.0,
            },
        }
    }

    #[test]
    fn the_bar_fits_eighty_columns() {
        let end = end(130, 1, Some(0.0298));
        assert_eq!(message(&end, 3725.0, "rows"), "train 0.0312 valid 0.0298* 412k rows/s 1:02:05 left");
        let before = "  ".len() + 13 + " 130/200  ".len();
        assert!(before + width(&message(&end, 35_999.0, "tokens")) <= 80);
        assert_eq!(line(&end, "rows"), "  epoch 130/200  train 0.0312 valid 0.0298*  412k rows/s");
    }

    #[test]
    fn a_step_says_where_it_stands() {
        let step = StepEnd { epoch: 3, step: 120, steps: 246, loss: 1.6043 };
        assert_eq!(stepping("training lm", &step), "training lm: epoch 3, step 120/246, loss 1.6043");
    }

    #[test]
    fn a_line_within_an_epoch_says_what_is_left() {
        let step = StepEnd { epoch: 3, step: 120, steps: 240, loss: 1.6043 };
        assert_eq!(epochs_of(&step), 2.5);
        assert_eq!(step_line(&step, 12, 65.2), "  epoch  3/12  step 120/240  loss 1.6043  1:06 left");
    }

    #[test]
    fn a_long_training_is_estimated_in_its_first_epoch() {
        let stage = TrainingStage {
            name: "x".into(),
            candidate: 1,
            candidates: 3,
            epochs: 20,
            examples: 100,
            unit: "tokens",
        };
        let step = StepEnd { epoch: 1, step: 10, steps: 100, loss: 1.0 };
        let said = whole(&stage, &step, 6.0);
        assert_eq!(said.as_deref(), Some("about 1 h 0 min for all 60 epochs, if it does not stop early"));
        for (stage, step, seconds) in [
            (stage.clone(), step, 4.0),
            (stage.clone(), StepEnd { epoch: 2, ..step }, 6.0),
            (TrainingStage { candidate: 2, ..stage.clone() }, step, 6.0),
            (TrainingStage { epochs: 1, candidates: 1, ..stage.clone() }, StepEnd { step: 99, ..step }, 6.0),
        ] {
            assert_eq!(whole(&stage, &step, seconds), None);
        }
    }

    #[test]
    fn time_left_counts_the_candidates_to_come() {
        let stage = |candidate| TrainingStage {
            name: "x".into(),
            candidate,
            candidates: 3,
            epochs: 200,
            examples: 100,
            unit: "rows",
        };
        assert_eq!(time_left(&stage(3), 100.0, 100.0, 50.0), 50.0);
        assert_eq!(time_left(&stage(1), 100.0, 100.0, 50.0), 250.0);
        // Gone on from the end of epoch 90: ten epochs took 50 s.
        assert_eq!(time_left(&stage(3), 100.0, 10.0, 50.0), 500.0);
        assert_eq!(losses(&end(1, 1, None)), "train 0.0312");
    }
}
