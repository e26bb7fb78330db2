//! The training loop: batches, clipping, the optimizer's step, validation, early stopping; and all that it needs to stop
//! anywhere and go on to the same bits.
//!
//! What is learnt is an [`Objective`]; a [`Keeper`] decides when to save and when to stop. The loop itself knows no files.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::average::Average;
use super::origin::{of_gradients, of_weights};
use super::{
    Best, Clip, EarlyStopping, EpochEnd, EpochRecord, LearningRate, MEASURED, Optimizer, OptimizerConfig,
    Progress, Schedule, StepEnd, TrainingStage, Verdict, layer_norms,
};
use crate::noise::Noise;
use crate::origin::Origin;
use crate::{Error, Parameters, Result};

/// The settings of a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FitOptions {
    /// The most passes over the training part.
    pub epochs: usize,
    /// The highest learning rate.
    pub lr: f64,
    /// How the learning rate changes.
    pub schedule: LearningRate,
    /// Epochs without a better validation part after which training stops.
    pub patience: usize,
    /// Where all randomness comes from.
    pub seed: u64,
    /// What takes the steps.
    pub optimizer: OptimizerConfig,
    /// What holds gradients in check.
    pub clip: Clip,
    /// The epochs that a moving average of the weights reaches back; 0 for none. What is validated and kept is the average then,
    /// which wavers less from epoch to epoch than the weights themselves (Polyak & Juditsky, *Acceleration of Stochastic
    /// Approximation by Averaging*, 1992).
    pub ema: f64,
}

/// What a training optimises: parameters, batches and their gradients.
pub trait Objective {
    /// All parameters.
    fn parameters(&self) -> &Parameters;

    /// The same, for the optimizer.
    fn parameters_mut(&mut self) -> &mut Parameters;

    /// Batches of every epoch; at least 1.
    fn steps_per_epoch(&self) -> usize;

    /// Adds the gradients of batch `step` of epoch `epoch`, both counted from 0, to the parameters' gradients, which are
    /// zero. The batch, and the noise of dropout, depend on the arguments alone, and on what is
    /// [`carried`](Self::carried).
    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss>;

    /// Measures the validation part; `None` where there is none.
    fn validate(&mut self) -> Result<Option<Validated>>;

    /// Buffers carried from one batch to the next by name: a recurrent state, for example. None, usually.
    fn carried(&self) -> Vec<(String, Vec<f32>)> {
        Vec::new()
    }

    /// Takes back what [`carried`](Self::carried) gave. Errors: buffers that do not fit.
    fn carry(&mut self, buffers: Vec<(String, Vec<f32>)>) -> Result<()> {
        match buffers.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::Model(format!("nothing carries {name:?} from step to step"))),
        }
    }
}

/// What a batch came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchLoss {
    /// The mean loss.
    pub loss: f64,
    /// What that is the mean over, so that an epoch's loss is the mean over all of it: examples, or steps.
    pub weight: f64,
    /// Rows that were read.
    pub rows: usize,
}

/// What the validation part came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Validated {
    /// What early stopping lowers.
    pub watched: f64,
    /// The loss, for the schedule and the curves.
    pub loss: f64,
    /// Further figures by name.
    pub figures: Vec<(&'static str, f64)>,
}

/// Says when to save and when to stop, and saves.
pub trait Keeper {
    /// Asked after every optimizer step.
    fn wish(&mut self) -> Wish;

    /// Keeps a snapshot for [`Session::resume`].
    fn save(&mut self, snapshot: Snapshot) -> Result<()>;

    /// An epoch has ended; called before the snapshot that follows it.
    fn epoch(&mut self, record: &EpochRecord) -> Result<()>;
}

/// Nothing is kept, and nothing stops the training.
impl Keeper for () {
    fn wish(&mut self) -> Wish {
        Wish::Continue
    }

    fn save(&mut self, _snapshot: Snapshot) -> Result<()> {
        Ok(())
    }

    fn epoch(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }
}

/// What a [`Keeper`] wants after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To go on.
    Continue,
    /// To save and go on.
    Save,
    /// To save and stop.
    Stop,
}

/// How [`Session::run`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs were run.
    Complete,
    /// The validation part no longer improved.
    StoppedEarly,
    /// The keeper wished it; the last snapshot goes on from here.
    Interrupted,
}

/// All that a training is made of at one moment: [`Session::resume`] goes on from it to the same bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Its counters, schedule and records.
    pub position: Position,
    /// Flat buffers by name: `weights`, `best`, `average`, `optimizer.…`, `carried.…`.
    pub buffers: Vec<(String, Vec<f32>)>,
    /// What is to be kept beside it by a program that trains in several sessions; null from a session itself.
    pub beside: serde_json::Value,
}

/// The position of a training: everything but the large buffers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Epochs that have ended.
    epoch: usize,
    /// Batches of the present epoch that are done.
    batch: usize,
    /// Optimizer steps in all.
    step: u64,
    running: Running,
    schedule: Schedule,
    /// The best epoch and its loss.
    best: Option<(usize, f64)>,
    waited: usize,
    stopped: bool,
    /// How often the moving average was moved.
    #[serde(default, skip_serializing_if = "is_zero")]
    averaged: u64,
    seconds: f64,
    records: Vec<EpochRecord>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Position {
    /// The epochs that have ended.
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// Optimizer steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }
}

/// Sums over the batches of the present epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Running {
    loss: f64,
    weight: f64,
    norm: f64,
    clipped: usize,
    rows: usize,
    seconds: f64,
    rate: f64,
    /// The norms of the layers' gradients, over so many steps.
    #[serde(default)]
    layers: Vec<(String, f64)>,
    #[serde(default)]
    measured: usize,
}

impl Running {
    /// Adds the norms of one step.
    fn measure(&mut self, norms: &[(&str, f64)]) {
        if self.layers.is_empty() {
            self.layers = norms.iter().map(|(layer, _)| ((*layer).to_owned(), 0.0)).collect();
        }
        self.layers.iter_mut().zip(norms).for_each(|((_, sum), (_, norm))| *sum += norm);
        self.measured += 1;
    }

    /// Their means.
    fn layer_means(&self) -> Vec<(String, f64)> {
        let steps = self.measured.max(1) as f64;
        self.layers.iter().map(|(layer, sum)| (layer.clone(), sum / steps)).collect()
    }
}

/// A running training. It holds no parameters: those are the objective's.
#[derive(Debug)]
pub struct Session {
    options: FitOptions,
    optimizer: Optimizer,
    schedule: Schedule,
    stopping: EarlyStopping,
    average: Option<Average>,
    epoch: usize,
    batch: usize,
    step: u64,
    running: Running,
    stopped: bool,
    seconds: f64,
    records: Vec<EpochRecord>,
}

const WEIGHTS: &str = "weights";
const BEST: &str = "best";
const AVERAGE: &str = "average";
const OPTIMIZER: &str = "optimizer.";
const CARRIED: &str = "carried.";

/// Refuses weights with which nothing can be computed.
fn expect_finite(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(Error::Model(format!("its {name} hold {value}, with which nothing can be computed")))
        }
        None => Ok(()),
    }
}

impl Snapshot {
    /// How many weights it has: those of the network that it is of.
    pub fn weights(&self) -> usize {
        self.buffers.iter().find(|(name, _)| name == WEIGHTS).map_or(0, |(_, values)| values.len())
    }
}

impl Session {
    /// A training before its first step. Errors: no epochs, and settings of the optimizer or the schedule that make no
    /// sense.
    pub fn new(options: FitOptions, objective: &dyn Objective) -> Result<Self> {
        if options.epochs == 0 {
            return Err(Error::Invalid("a training of 0 epochs learns nothing; give at least 1".into()));
        }
        let FitOptions { epochs, lr, patience, .. } = options;
        Ok(Self {
            options,
            optimizer: Optimizer::new(options.optimizer, objective.parameters())?,
            schedule: options.schedule.schedule(lr, epochs, objective.steps_per_epoch(), patience)?,
            stopping: EarlyStopping::new(Some(patience), 0.0)?,
            average: Average::new(options.ema, objective.steps_per_epoch())?,
            epoch: 0,
            batch: 0,
            step: 0,
            running: Running::default(),
            stopped: false,
            seconds: 0.0,
            records: Vec::new(),
        })
    }

    /// Goes on from a snapshot: puts the objective's parameters and what it carries back. The options and the objective
    /// must be those of the training that was left. Errors: buffers that are missing or do not fit.
    pub fn resume(options: FitOptions, objective: &mut dyn Objective, snapshot: Snapshot) -> Result<Self> {
        let mut session = Self::new(options, objective)?;
        let Snapshot { position, buffers, .. } = snapshot;
        let (mut weights, mut best, mut average) = (None, None, None);
        let (mut state, mut carried) = (Vec::new(), Vec::new());
        for (name, values) in buffers {
            if name == WEIGHTS {
                weights = Some(values);
            } else if name == BEST {
                best = Some(values);
            } else if name == AVERAGE {
                average = Some(values);
            } else if let Some(name) = name.strip_prefix(OPTIMIZER) {
                state.push((name.to_owned(), values));
            } else if let Some(name) = name.strip_prefix(CARRIED) {
                carried.push((name.to_owned(), values));
            } else {
                return Err(Error::Model(format!("a checkpoint has no {name:?}")));
            }
        }
        let wanted = objective.parameters().len();
        let fits = |values: &Vec<f32>| values.len() == wanted;
        let weights = weights.filter(fits).ok_or_else(|| lacking(WEIGHTS, wanted))?;
        expect_finite(WEIGHTS, &weights)?;
        objective.parameters_mut().values_mut().copy_from_slice(&weights);
        let state: Vec<(&str, &[f32])> = state.iter().map(|(name, values)| (&**name, &**values)).collect();
        session.optimizer.load_state(position.step, &state)?;
        let best = match position.best {
            Some((epoch, loss)) => {
                let values = best.filter(fits).ok_or_else(|| lacking(BEST, wanted))?;
                expect_finite(BEST, &values)?;
                Some(Best { epoch, loss, values })
            }
            None => None,
        };
        if let Some(kept) = session.average.as_mut().filter(|_| position.averaged > 0) {
            kept.values = average.filter(fits).ok_or_else(|| lacking(AVERAGE, wanted))?;
            expect_finite(AVERAGE, &kept.values)?;
            kept.moves = position.averaged;
        }
        objective.carry(carried)?;
        let steps = objective.steps_per_epoch();
        let done = (position.epoch as u64)
            .checked_mul(steps as u64)
            .and_then(|s| s.checked_add(position.batch as u64));
        if position.batch >= steps || done != Some(position.step) || position.records.len() != position.epoch
        {
            return Err(Error::Model(format!(
                "epoch {} and batch {} of {steps} do not make step {}",
                position.epoch, position.batch, position.step
            )));
        }
        let best_epoch = position.best.map_or(1, |(epoch, _)| epoch);
        if position.waited > position.epoch || !(1..=position.epoch.max(1)).contains(&best_epoch) {
            return Err(Error::Model(format!(
                "after {} epochs epoch {best_epoch} cannot be the best, waited for {} epochs",
                position.epoch, position.waited
            )));
        }
        if position.epoch > options.epochs || !position.schedule.continues(&session.schedule) {
            return Err(Error::Model(format!(
                "a training of {} epochs does not come to epoch {} with such a learning rate",
                options.epochs, position.epoch
            )));
        }
        Ok(Self {
            stopping: session.stopping.resume(best, position.waited),
            schedule: position.schedule,
            epoch: position.epoch,
            batch: position.batch,
            step: position.step,
            running: position.running,
            stopped: position.stopped,
            seconds: position.seconds,
            records: position.records,
            ..session
        })
    }

    /// All that it is made of now.
    pub fn snapshot(&self, objective: &dyn Objective) -> Snapshot {
        let mut buffers = vec![(WEIGHTS.to_owned(), objective.parameters().values().to_vec())];
        if let Some(best) = self.stopping.best() {
            buffers.push((BEST.to_owned(), best.values.clone()));
        }
        let average = self.average.as_ref().filter(|average| average.moves > 0);
        buffers.extend(average.map(|average| (AVERAGE.to_owned(), average.values.clone())));
        let state = self.optimizer.state();
        buffers
            .extend(state.into_iter().map(|(name, values)| (format!("{OPTIMIZER}{name}"), values.to_vec())));
        let carried = objective.carried().into_iter();
        buffers.extend(carried.map(|(name, values)| (format!("{CARRIED}{name}"), values)));
        let position = Position {
            epoch: self.epoch,
            batch: self.batch,
            step: self.step,
            running: self.running.clone(),
            schedule: self.schedule.clone(),
            best: self.stopping.best().map(|best| (best.epoch, best.loss)),
            waited: self.stopping.waited(),
            stopped: self.stopped,
            averaged: average.map_or(0, |average| average.moves),
            seconds: self.seconds,
            records: self.records.clone(),
        };
        Snapshot { position, buffers, beside: serde_json::Value::Null }
    }

    /// The epochs that have ended.
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// The epoch with the best validation part, counted from 1; the last one where there is no such part.
    pub fn best_epoch(&self) -> usize {
        self.stopping.best().map_or(self.records.len(), |best| best.epoch)
    }

    /// What early stopping watches, as it was after the best epoch; `None` before the first epoch, and where there is no
    /// validation part.
    pub fn least_watched(&self) -> Option<f64> {
        self.stopping.best().map(|best| best.loss)
    }

    /// Seconds of training so far, over all sittings.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Optimizer steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// Trains until the end, or until the keeper stops it. `stage` is what `progress` receives. At the end the
    /// objective has its best parameters; where it was interrupted, the present ones. Errors: a loss, a gradient or a
    /// weight that is not finite, and those of the objective and the keeper.
    pub fn run(
        &mut self,
        objective: &mut dyn Objective,
        stage: &TrainingStage,
        progress: &mut dyn Progress,
        keeper: &mut dyn Keeper,
    ) -> Result<Ending> {
        // Only what is accepted is announced.
        progress.stage(stage);
        let steps = objective.steps_per_epoch();
        while self.epoch < self.options.epochs && !self.stopped {
            let begun = Instant::now();
            let loss = self.train_batch(objective)?;
            self.running.seconds += begun.elapsed().as_secs_f64();
            progress.step(&StepEnd { epoch: self.epoch + 1, step: self.batch, steps, loss });
            if self.batch == steps {
                self.end_epoch(objective, stage, progress, keeper)?;
            }
            self.seconds += begun.elapsed().as_secs_f64();
            let ended = self.epoch == self.options.epochs || self.stopped;
            match keeper.wish() {
                _ if ended => {}
                Wish::Continue => {}
                Wish::Save => keeper.save(self.snapshot(objective))?,
                Wish::Stop => {
                    keeper.save(self.snapshot(objective))?;
                    return Ok(Ending::Interrupted);
                }
            }
        }
        // Without a validation part nothing says which epoch was best, and the last is kept.
        let best = self.stopping.restore(objective.parameters_mut())?;
        if let (None, Some(average)) = (best, &mut self.average) {
            average.exchange(objective.parameters_mut());
        }
        Ok(if self.epoch < self.options.epochs { Ending::StoppedEarly } else { Ending::Complete })
    }

    /// One optimizer step; the batch's loss.
    fn train_batch(&mut self, objective: &mut dyn Objective) -> Result<f64> {
        let noise = Noise { seed: self.options.seed, step: self.step, layer: 0 };
        objective.parameters_mut().zero_gradients();
        let BatchLoss { loss, weight, rows } = objective.batch(self.epoch, self.batch, noise)?;
        let rate = self.schedule.rate(self.step, self.epoch);
        let (step, epoch) = (self.step + 1, self.epoch + 1);
        let diverged = |what, value, origin: Option<Origin>| {
            let origin = origin.map(Box::new);
            Error::Diverged { what, value, step, epoch, learning_rate: rate, origin }
        };
        if !loss.is_finite() {
            return Err(diverged("the loss", loss, of_weights(objective.parameters())));
        }
        let every = objective.steps_per_epoch().div_ceil(MEASURED).max(1);
        let parameters = objective.parameters_mut();
        if self.batch.is_multiple_of(every) {
            self.running.measure(&layer_norms(parameters));
        }
        let clipped = self.options.clip.apply(parameters)?;
        if !clipped.norm.is_finite() {
            // The weights would be lost with this step, and the next loss would only say so later.
            let origin = of_gradients(parameters);
            return Err(diverged("the norm of the gradients", clipped.norm, origin));
        }
        self.optimizer.step(parameters, rate, clipped.gradient_scale)?;
        let running = &mut self.running;
        running.loss += loss * weight;
        running.weight += weight;
        running.norm += clipped.norm;
        running.clipped += usize::from(clipped.clipped);
        running.rows += rows;
        running.rate = rate;
        self.batch += 1;
        self.step += 1;
        if let Some(average) = &mut self.average {
            average.step(self.step, objective.parameters().values());
        }
        Ok(loss)
    }

    fn end_epoch(
        &mut self,
        objective: &mut dyn Objective,
        stage: &TrainingStage,
        progress: &mut dyn Progress,
        keeper: &mut dyn Keeper,
    ) -> Result<()> {
        let begun = Instant::now();
        let epoch = self.epoch + 1;
        let running = std::mem::take(&mut self.running);
        let (step, learning_rate) = (self.step, running.rate);
        let diverged = |what, value, origin: Option<Origin>| {
            let origin = origin.map(Box::new);
            Err(Error::Diverged { what, value, step, epoch, learning_rate, origin })
        };
        // The last step may have thrown them off, and without a validation part no loss would say so.
        if let Some(&weight) = objective.parameters().values().iter().find(|weight| !weight.is_finite()) {
            return diverged("a weight", f64::from(weight), of_weights(objective.parameters()));
        }
        if let Some(average) = &mut self.average {
            average.exchange(objective.parameters_mut());
        }
        let valid = objective.validate()?;
        if let Some(Validated { loss, .. }) = valid.as_ref().filter(|valid| !valid.loss.is_finite()) {
            let origin = of_weights(objective.parameters());
            return diverged("the loss of the validation part", *loss, origin);
        }
        let steps = self.batch as f64;
        let train_loss = running.loss / running.weight;
        let valid_loss = valid.as_ref().map(|valid| valid.loss);
        self.schedule.end_epoch(valid_loss.unwrap_or(train_loss));
        let watched = valid.as_ref().map(|valid| valid.watched);
        let verdict = watched.map(|watched| self.stopping.observe(epoch, watched, objective.parameters()));
        if let Some(average) = &mut self.average {
            average.exchange(objective.parameters_mut());
        }
        let figures = valid.map(|valid| valid.figures).unwrap_or_default();
        let record = EpochRecord {
            epoch,
            train_loss,
            valid_loss,
            figures: figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            learning_rate: running.rate,
            gradient_norm: running.norm / steps,
            layer_norms: running.layer_means(),
            clipped: running.clipped as f64 / steps,
            rows_per_second: running.rows as f64 / running.seconds.max(1e-9),
            seconds: running.seconds + begun.elapsed().as_secs_f64(),
        };
        progress.epoch(&EpochEnd {
            candidate: stage.candidate,
            candidates: stage.candidates,
            epochs: self.options.epochs,
            best: verdict.is_none_or(|verdict| verdict == Verdict::Improved),
            record: record.clone(),
        });
        keeper.epoch(&record)?;
        self.records.push(record);
        self.epoch = epoch;
        self.batch = 0;
        self.stopped = verdict == Some(Verdict::Stop);
        Ok(())
    }
}

fn lacking(name: &str, wanted: usize) -> Error {
    Error::Model(format!("a checkpoint of this model has {wanted} {name}; this one has not"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Id;
    use crate::train::StopAfter;

    /// Finds a point: (w − target)² with noise, and a sum that is carried along.
    struct Point {
        parameters: Parameters,
        id: Id,
        carried: f32,
    }

    const STEPS: usize = 3;

    impl Point {
        fn new() -> Self {
            let mut parameters = Parameters::new();
            let id = parameters.add("w", &[2], vec![3.0, -1.0]).unwrap();
            Self { parameters, id, carried: 0.0 }
        }
    }

    impl Objective for Point {
        fn parameters(&self) -> &Parameters {
            &self.parameters
        }

        fn parameters_mut(&mut self) -> &mut Parameters {
            &mut self.parameters
        }

        fn steps_per_epoch(&self) -> usize {
            STEPS
        }

        fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
            self.carried += noise.uniform(epoch, step, 0);
            let target = self.carried / 10.0;
            let (w, d) = self.parameters.value_and_gradient(self.id);
            let errors = [w[0] - target, w[1] + target];
            d.iter_mut().zip(errors).for_each(|(d, error)| *d += 2.0 * error);
            let loss = errors.iter().map(|error| f64::from(error * error)).sum();
            Ok(BatchLoss { loss, weight: (step + 1) as f64, rows: 1 })
        }

        fn validate(&mut self) -> Result<Option<Validated>> {
            let loss = self.parameters.values().iter().map(|&w| f64::from(w).powi(2)).sum();
            Ok(Some(Validated {
                watched: loss,
                loss,
                figures: vec![("first", self.parameters.values()[0].into())],
            }))
        }

        fn carried(&self) -> Vec<(String, Vec<f32>)> {
            vec![("sum".into(), vec![self.carried])]
        }

        fn carry(&mut self, buffers: Vec<(String, Vec<f32>)>) -> Result<()> {
            self.carried = buffers[0].1[0];
            Ok(())
        }
    }

    fn options(schedule: LearningRate) -> FitOptions {
        FitOptions {
            epochs: 6,
            lr: 0.1,
            schedule,
            patience: 2,
            seed: 7,
            optimizer: "adam".parse().unwrap(),
            clip: Clip::GlobalNorm { max: 1.0 },
            ema: 0.0,
        }
    }

    fn stage() -> TrainingStage {
        TrainingStage {
            name: "point".into(),
            candidate: 1,
            candidates: 1,
            epochs: 6,
            examples: STEPS,
            unit: "rows",
        }
    }

    /// Everything but the seconds.
    fn outcome(
        session: &Session,
        point: &Point,
        ending: Ending,
    ) -> (Ending, usize, Vec<u32>, Vec<EpochRecord>) {
        let mut records = session.records().to_vec();
        records.iter_mut().for_each(|record| (record.seconds, record.rows_per_second) = (0.0, 0.0));
        (
            ending,
            session.best_epoch(),
            point.parameters.values().iter().map(|w| w.to_bits()).collect(),
            records,
        )
    }

    #[test]
    fn a_training_that_was_left_anywhere_goes_on_to_the_same_bits() {
        for (schedule, ema) in
            [(LearningRate::Cosine, 0.0), (LearningRate::Plateau, 0.0), (LearningRate::Cosine, 1.5)]
        {
            let options = |schedule| FitOptions { ema, ..options(schedule) };
            let mut point = Point::new();
            let mut whole = Session::new(options(schedule), &point).unwrap();
            let ending = whole.run(&mut point, &stage(), &mut (), &mut ()).unwrap();
            let expected = outcome(&whole, &point, ending);
            let steps = whole.steps() as usize;
            assert!(steps > 4 && expected.3.iter().any(|record| record.clipped > 0.0));
            for left in 1..steps {
                let mut point = Point::new();
                let mut session = Session::new(options(schedule), &point).unwrap();
                let mut keeper = StopAfter::new(left);
                let ending = session.run(&mut point, &stage(), &mut (), &mut keeper).unwrap();
                assert_eq!(ending, Ending::Interrupted, "{left}");
                let Snapshot { position, buffers, beside } = keeper.saved.unwrap();
                // As a file keeps it.
                let position = serde_json::from_str(&serde_json::to_string(&position).unwrap()).unwrap();
                let mut point = Point::new();
                let snapshot = Snapshot { position, buffers, beside };
                let mut session = Session::resume(options(schedule), &mut point, snapshot.clone()).unwrap();
                assert_eq!(session.snapshot(&point), snapshot);
                let ending = session.run(&mut point, &stage(), &mut (), &mut ()).unwrap();
                assert_eq!(outcome(&session, &point, ending), expected, "{schedule} {left}");
            }
        }
    }

    /// What is validated and kept is the mean of the weights after the steps that it reaches back, weighted as a moving average
    /// is; what is trained goes on from the weights themselves.
    #[test]
    fn an_average_is_what_is_validated_and_kept() {
        /// Collects the weights after every step.
        struct Steps(Vec<Vec<f32>>);
        impl Keeper for Steps {
            fn wish(&mut self) -> Wish {
                Wish::Save
            }
            fn save(&mut self, snapshot: Snapshot) -> Result<()> {
                self.0.push(snapshot.buffers[0].1.clone());
                Ok(())
            }
            fn epoch(&mut self, _record: &EpochRecord) -> Result<()> {
                Ok(())
            }
        }
        let train = |ema: f64| {
            let options = FitOptions { ema, epochs: 2, ..options(LearningRate::Constant) };
            let (mut point, mut steps) = (Point::new(), Steps(Vec::new()));
            let mut session = Session::new(options, &point).unwrap();
            session.run(&mut point, &stage(), &mut (), &mut steps).unwrap();
            (point, session, steps.0)
        };
        let (_, _, plain) = train(0.0);
        let (point, session, steps) = train(1.0);
        // The last step is not saved; all others are those of a training without an average.
        assert_eq!((steps.len(), &steps), (2 * STEPS - 1, &plain));
        let mean = |k: usize| (0..STEPS).map(|step| steps[step][k]).sum::<f32>() / STEPS as f32;
        let figure = session.records()[0].figures["first"];
        assert!((figure - f64::from(mean(0))).abs() < 1e-6, "{figure}");
        // Each of the next three moves it by a third.
        let moved = steps[STEPS..].iter().fold(mean(0), |mean, weights| mean + (weights[0] - mean) / 3.0);
        let kept = point.parameters.values()[0];
        let last = 3.0 * (kept - moved) + moved;
        assert!(session.best_epoch() == 2 && (last - steps[2 * STEPS - 2][0]).abs() < 0.3, "{kept} {last}");
        let refused = FitOptions { ema: -1.0, ..options(LearningRate::Constant) };
        assert!(Session::new(refused, &point).is_err());
    }

    #[test]
    fn a_snapshot_that_does_not_fit_is_refused() {
        let mut point = Point::new();
        let mut session = Session::new(options(LearningRate::Constant), &point).unwrap();
        let mut keeper = StopAfter::new(STEPS + 1);
        session.run(&mut point, &stage(), &mut (), &mut keeper).unwrap();
        let good = keeper.saved.unwrap();
        let check = |change: &dyn Fn(&mut Snapshot), expected: &str| {
            let mut snapshot = good.clone();
            change(&mut snapshot);
            let refused = Session::resume(options(LearningRate::Constant), &mut Point::new(), snapshot);
            assert_eq!(refused.unwrap_err().to_string(), expected);
        };
        check(&|s| s.buffers[0].1.push(0.0), "a checkpoint of this model has 2 weights; this one has not");
        check(
            &|s| s.buffers.retain(|b| b.0 != "best"),
            "a checkpoint of this model has 2 best; this one has not",
        );
        check(&|s| s.buffers[0].1[0] = f32::NAN, "its weights hold NaN, with which nothing can be computed");
        check(&|s| s.buffers[0].0 = "x".into(), "a checkpoint has no \"x\"");
        check(&|s| s.position.batch = STEPS, "epoch 1 and batch 3 of 3 do not make step 4");
        check(
            &|s| s.position.epoch = usize::MAX,
            "epoch 18446744073709551615 and batch 1 of 3 do not make step 4",
        );
        assert!(Session::new(FitOptions { epochs: 0, ..options(LearningRate::Constant) }, &point).is_err());
    }
}
