//! Running statistics through a training that is interrupted: they are part of the snapshot, of the best weights and of what
//! a resumed training ends with.

use ndarray::Array3;
use sumun_nn::loss::{Loss, Targets};
use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};
use sumun_nn::nn::{BatchNorm, BatchNormLayer};
use sumun_nn::noise::Noise;
use sumun_nn::train::{
    BatchLoss, Clip, Ending, FitOptions, LearningRate, Objective, Session, StopAfter, TrainingStage,
    Validated,
};
use sumun_nn::{Parameters, Result, Rows};

/// Batches whose features drift from step to step, so that every one of them moves the statistics.
struct Drift(Model);

impl Drift {
    fn new() -> Self {
        let model = Model::builder(Input::numbers(2))
            .layer(RecurrentLayer::gru(4).return_sequences(true))
            .layer(BatchNormLayer::new())
            .dropout(0.2)
            .dense(1);
        Self(model.build(3).unwrap())
    }

    fn x(step: usize) -> Array3<f32> {
        Array3::from_shape_fn((3, 4, 2), |(n, t, f)| {
            ((n * 7 + t * 3 + f * 5 + step * 2) % 11) as f32 / 5.0 + 0.3 * step as f32
        })
    }

    fn loss(y: &Rows, d: Option<&mut [f32]>) -> Result<f64> {
        let targets: Vec<f32> = (0..y.data.len()).map(|k| (k % 3) as f32).collect();
        let loss: Loss = "mse".parse()?;
        loss.value_and_gradient(&y.data, Targets::Values(&targets), d)
    }

    fn statistics(&self) -> [Vec<f32>; 2] {
        let layer: &BatchNorm = self.0.layer("batch_norm").unwrap();
        layer.running().map(|id| self.0.parameters().value(id).to_vec())
    }
}

impl Objective for Drift {
    fn parameters(&self) -> &Parameters {
        self.0.parameters()
    }

    fn parameters_mut(&mut self) -> &mut Parameters {
        self.0.parameters_mut()
    }

    fn steps_per_epoch(&self) -> usize {
        3
    }

    fn batch(&mut self, epoch: usize, step: usize, noise: Noise) -> Result<BatchLoss> {
        let x = Self::x(epoch * 3 + step);
        let (y, cache) = self.0.forward_train(Batch::numbers(x.view()), noise)?;
        let mut d = vec![0.0; y.data.len()];
        let loss = Self::loss(&y, Some(&mut d))?;
        self.0.backward(cache, Rows::new(d, y.features, y.layout.clone())?)?;
        Ok(BatchLoss { loss, weight: 12.0, rows: 12 })
    }

    fn validate(&mut self) -> Result<Option<Validated>> {
        let x = Self::x(1);
        let loss = Self::loss(&self.0.forward(Batch::numbers(x.view()))?, None)?;
        Ok(Some(Validated { watched: loss, loss, figures: Vec::new() }))
    }
}

#[test]
fn a_resumed_training_ends_with_the_same_running_statistics() {
    let options = FitOptions {
        epochs: 4,
        lr: 0.05,
        schedule: LearningRate::Constant,
        patience: 3,
        seed: 7,
        optimizer: "adam".parse().unwrap(),
        clip: Clip::None,
        ema: 0.0,
    };
    let stage = TrainingStage {
        name: "drift".into(),
        candidate: 1,
        candidates: 1,
        epochs: 4,
        examples: 3,
        unit: "rows",
    };
    let mut whole = Drift::new();
    let first = whole.statistics();
    let mut session = Session::new(options, &whole).unwrap();
    let ending = session.run(&mut whole, &stage, &mut (), &mut ()).unwrap();
    assert_ne!(whole.statistics(), first);
    assert!(session.steps() > 4, "{} steps", session.steps());
    for steps in 1..session.steps() as usize {
        let (mut before, mut keeper) = (Drift::new(), StopAfter::new(steps));
        let stopped =
            Session::new(options, &before).unwrap().run(&mut before, &stage, &mut (), &mut keeper).unwrap();
        assert_eq!(stopped, Ending::Interrupted, "after {steps} steps");
        let mut after = Drift::new();
        let snapshot = keeper.saved.unwrap();
        let mut session = Session::resume(options, &mut after, snapshot).unwrap();
        assert_eq!(after.statistics(), before.statistics(), "after {steps} steps");
        assert_ne!(after.statistics(), first, "a step moves them");
        assert_eq!(session.run(&mut after, &stage, &mut (), &mut ()).unwrap(), ending);
        assert_eq!(after.0.parameters().values(), whole.0.parameters().values(), "after {steps} steps");
    }
}
