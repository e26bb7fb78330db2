//! Optimizers, as PyTorch defines them: one sweep over the flat buffers a step, clipping included.
//!
//! They are dense: the moments of an embedding row that a batch does not touch decay too.

mod active;
mod config;
mod update;

use sumun_kernels::update::{Adam, Momentum, Rule, Sgd, SquareRoot, Sweep};

use super::ranges_by_rate;
use crate::{Error, Parameters, Result};

use active::Active;
pub use config::OptimizerConfig;
use config::refuse_unless;
use update::{adam, sweep};

/// An optimizer: its settings, how many steps it took, and its state, flat as the parameters are.
///
/// ```
/// use sumun_nn::{Parameters, train::Optimizer};
/// let mut parameters = Parameters::new();
/// let id = parameters.add("w", &[2], vec![1.0, 2.0])?;
/// let mut optimizer = Optimizer::new("sgd".parse()?, &parameters)?;
/// parameters.gradient_mut(id).copy_from_slice(&[1.0, -1.0]);
/// optimizer.step(&mut parameters, 0.5, 1.0)?;
/// assert_eq!(parameters.value(id), [0.5, 2.5]);
/// # Ok::<(), sumun_nn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    parameters: usize,
    /// `[P]` each, or empty where the optimizer has no such state.
    first: Vec<f32>,
    second: Vec<f32>,
    active: Active,
}

impl Optimizer {
    /// An optimizer for these parameters, before its first step. Settings that make no sense are errors.
    pub fn new(config: OptimizerConfig, parameters: &Parameters) -> Result<Self> {
        config.check()?;
        let buffers = config.buffers().len();
        let start = match config {
            OptimizerConfig::Adagrad { initial_accumulator, .. } => initial_accumulator,
            _ => 0.0,
        };
        let size = |wanted: bool| if wanted { parameters.len() } else { 0 };
        Ok(Self {
            config,
            steps: 0,
            parameters: parameters.len(),
            first: vec![start; size(buffers > 0)],
            second: vec![0.0; size(buffers > 1)],
            active: Active::none(parameters.len()),
        })
    }

    /// The settings.
    pub fn config(&self) -> OptimizerConfig {
        self.config
    }

    /// How many steps were taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state by name, each `[P]` as the flat parameters are, for a checkpoint. The names are PyTorch's.
    pub fn state(&self) -> Vec<(&'static str, &[f32])> {
        let buffers = [&self.first[..], &self.second[..]];
        self.config.buffers().iter().copied().zip(buffers).collect()
    }

    /// Goes on from a checkpoint: the number of steps taken and every buffer that [`state`](Self::state) gave. A
    /// buffer that lacks, is unknown or has another length is an error, and nothing has changed then.
    pub fn load_state(&mut self, steps: u64, state: &[(&str, &[f32])]) -> Result<()> {
        let names = self.config.buffers();
        if let Some((name, _)) = state.iter().find(|(name, _)| !names.contains(name)) {
            return Err(Error::Model(format!(
                "the optimizer {} has no state {name:?}; it has {names:?}",
                self.config.name()
            )));
        }
        let mut found = Vec::with_capacity(names.len());
        for name in names {
            let Some((_, values)) = state.iter().find(|(n, _)| n == name) else {
                return Err(Error::Model(format!("the state {name:?} of {} is missing", self.config.name())));
            };
            if values.len() != self.parameters {
                return Err(Error::Shape {
                    what: format!("the optimizer state {name}"),
                    expected: format!("{} values", self.parameters),
                    found: values.len().to_string(),
                });
            }
            found.push(*values);
        }
        for (buffer, values) in [&mut self.first, &mut self.second].into_iter().zip(found) {
            buffer.copy_from_slice(values);
        }
        self.active.all();
        self.steps = steps;
        Ok(())
    }

    /// One step with learning rate `lr`, computed on the parameters' [`path`](Parameters::path); every gradient is first
    /// multiplied by `gradient_scale`, which clipping gives. Frozen parameters and their state stay as they are; one with a
    /// learning rate factor of its own takes that many times `lr`. Gradients are not zeroed.
    ///
    /// Every element is computed by itself, so threads change nothing. Other parameters than those the optimizer
    /// was made for, and a learning rate that is negative or not finite, are errors.
    pub fn step(&mut self, parameters: &mut Parameters, lr: f64, gradient_scale: f32) -> Result<()> {
        refuse_unless(lr.is_finite() && lr >= 0.0, || {
            format!("the learning rate is {lr}; it must be a finite number of at least 0")
        })?;
        if parameters.len() != self.parameters {
            return Err(Error::Shape {
                what: "the parameters of an optimizer".into(),
                expected: format!("{} values", self.parameters),
                found: parameters.len().to_string(),
            });
        }
        let before = self.steps as f64;
        self.steps += 1;
        let scale = gradient_scale;
        let (path, ranges) = (parameters.path(), ranges_by_rate(parameters));
        let (values, gradients, touched) = parameters.for_update();
        let (first, second) = (&mut self.first, &mut self.second);
        let config = self.config;
        for (range, factor) in ranges {
            let lr = lr * factor;
            let rule = match config {
                OptimizerConfig::Sgd { momentum, nesterov, weight_decay: penalty } => {
                    let how = match (momentum == 0.0, nesterov) {
                        (true, _) => Momentum::None,
                        (false, false) => Momentum::Heavy,
                        (false, true) => Momentum::Nesterov,
                    };
                    Rule::Sgd(Sgd { lr: lr as f32, scale, momentum, penalty, how })
                }
                OptimizerConfig::Adam { beta1, beta2, epsilon, weight_decay: penalty } => {
                    let rule = adam(lr, scale, beta1, beta2, before + 1.0, epsilon);
                    Rule::Adam(Adam { penalty, ..rule })
                }
                OptimizerConfig::AdamW { beta1, beta2, epsilon, weight_decay } => {
                    let keep = (1.0 - lr * f64::from(weight_decay)) as f32;
                    let rule = adam(lr, scale, beta1, beta2, before + 1.0, epsilon);
                    Rule::Adam(Adam { keep, ..rule })
                }
                OptimizerConfig::RmsProp { alpha, epsilon, weight_decay: penalty } => {
                    let (old, new) = (alpha as f32, (1.0 - alpha) as f32);
                    Rule::SquareRoot(SquareRoot { lr: lr as f32, scale, penalty, old, new, epsilon })
                }
                OptimizerConfig::Adagrad { epsilon, weight_decay: penalty, lr_decay, .. } => {
                    let lr = (lr / (1.0 + before * lr_decay)) as f32;
                    Rule::SquareRoot(SquareRoot { lr, scale, penalty, old: 1.0, new: 1.0, epsilon })
                }
            };
            let parts = self.active.ranges(&rule, range, touched);
            sweep(path, &rule, &parts, 0, Sweep { values, gradients, first, second })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: [f32; 5] = [0.5, -1.0, 2.0, 0.0, -0.25];

    fn parameters(values: &[f32]) -> Parameters {
        let mut parameters = Parameters::new();
        parameters.add("p", &[values.len()], values.to_vec()).unwrap();
        parameters
    }

    fn set_gradients(parameters: &mut Parameters, step: usize, scale: f32) {
        for (i, d) in parameters.gradients_mut().iter_mut().enumerate() {
            *d = (((3 * step + 5 * i) % 7) as f32 - 3.0) * 0.25 * (i % 5 + 1) as f32 * scale;
        }
    }

    fn read(text: &str) -> OptimizerConfig {
        toml::from_str(text).unwrap()
    }

    /// The numbers were made in float64 by
    /// ```python
    /// p = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0, 0.0, -0.25], dtype=torch.float64))
    /// o = torch.optim.Adam([p], lr=0.1)  # and so on, with the settings below
    /// for k in range(10):
    ///     p.grad = torch.tensor([((3*k + 5*i) % 7 - 3) * 0.25 * (i + 1) for i in range(5)], dtype=torch.float64)
    ///     o.step()
    /// ```
    #[test]
    fn ten_steps_agree_with_pytorch() {
        let cases: [(&str, [f64; 5]); 13] = [
            ("kind = 'sgd'", [0.5, -1.05, 1.85, 0.4, -0.75]),
            (
                "kind = 'sgd'\nweight_decay = 0.1",
                [0.449067257, -0.953425027, 1.671000554, 0.38377137, -0.703405452],
            ),
            (
                "kind = 'sgd'\nmomentum = 0.9",
                [0.704517852, -1.114268794, 1.083272043, 1.366694979, -2.125091936],
            ),
            (
                "kind = 'sgd'\nmomentum = 0.9\nnesterov = true\nweight_decay = 0.01",
                [0.654863194, -1.104157257, 0.954931958, 1.595634568, -2.378280139],
            ),
            ("kind = 'adam'", [0.68193951, -1.090749047, 1.793715463, 0.272881486, -0.515639721]),
            (
                "kind = 'adam'\nweight_decay = 0.01",
                [0.672098412, -1.081193957, 1.683733167, 0.272227812, -0.514349218],
            ),
            (
                "kind = 'adam'\nbeta1 = 0.8\nbeta2 = 0.9\nepsilon = 1e-3",
                [0.657185573, -1.086075198, 1.824635677, 0.239987217, -0.483685138],
            ),
            ("kind = 'adamw'", [0.675569767, -1.080050845, 1.775105206, 0.270988111, -0.511323458]),
            (
                "kind = 'adamw'\nweight_decay = 0.5",
                [0.423207586, -0.659216729, 1.047463816, 0.192605017, -0.338093367],
            ),
            ("kind = 'rmsprop'", [0.846618511, -1.495251019, 1.260876216, 1.202363214, -1.305170533]),
            (
                "kind = 'rmsprop'\nweight_decay = 0.1",
                [0.298857292, -1.071389365, 0.218703113, 1.044811102, -1.164897741],
            ),
            ("kind = 'adagrad'", [0.535206916, -1.049210685, 1.925966524, 0.119757234, -0.354894146]),
            (
                "kind = 'adagrad'\nlr_decay = 0.1\nweight_decay = 0.1\ninitial_accumulator = 0.5",
                [0.504431135, -1.00518893, 1.878350241, 0.101111444, -0.339451883],
            ),
        ];
        for (text, expected) in cases {
            // Half of the gradient in the buffer and the other half in the scale: the same step.
            for scale in [1.0, 0.5] {
                let mut parameters = parameters(&START);
                let mut optimizer = Optimizer::new(read(text), &parameters).unwrap();
                for k in 0..10 {
                    set_gradients(&mut parameters, k, 1.0 / scale);
                    optimizer.step(&mut parameters, 0.1, scale).unwrap();
                }
                assert_eq!(optimizer.steps(), 10);
                for (found, expected) in parameters.values().iter().zip(expected) {
                    assert!((f64::from(*found) - expected).abs() < 3e-6, "{text}: {found} for {expected}");
                }
            }
        }
    }

    #[test]
    fn defaults_are_found_by_name_and_survive_serialisation() {
        for name in ["sgd", "adam", "adamw", "rmsprop", "adagrad"] {
            let config: OptimizerConfig = name.parse().unwrap();
            assert_eq!(config.name(), name);
            assert_eq!(read(&format!("kind = '{name}'")), config);
            assert_eq!(read(&toml::to_string(&config).unwrap()), config);
        }
        let error = "lion".parse::<OptimizerConfig>().unwrap_err().to_string();
        assert_eq!(error, "no optimizer is named \"lion\"; there are sgd, adam, adamw, rmsprop and adagrad");
    }

    #[test]
    fn a_checkpoint_goes_on_to_the_same_bits_on_any_number_of_threads() {
        let values: Vec<f32> = (0..100_003).map(|k| START[k % 5]).collect();
        for text in ["kind = 'sgd'", "kind = 'sgd'\nmomentum = 0.5", "kind = 'adam'", "kind = 'adagrad'"] {
            let run = |threads, interrupted: bool| {
                let mut parameters = parameters(&values);
                let mut optimizer = Optimizer::new(read(text), &parameters).unwrap();
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                for k in 0..4 {
                    set_gradients(&mut parameters, k, 1.0);
                    pool.install(|| optimizer.step(&mut parameters, 0.1, 0.7)).unwrap();
                    if interrupted {
                        let mut resumed = Optimizer::new(read(text), &parameters).unwrap();
                        resumed.load_state(optimizer.steps(), &optimizer.state()).unwrap();
                        assert!(resumed == optimizer);
                        optimizer = resumed;
                    }
                }
                parameters.values().to_vec()
            };
            let whole = run(1, false);
            assert!(whole == run(3, true), "{text}");
            assert!(whole != values, "{text}");
        }
    }

    #[test]
    fn frozen_parameters_stay() {
        let mut parameters = parameters(&START);
        let frozen = parameters.add("frozen", &[2], vec![1.0, 2.0]).unwrap();
        parameters.add("q", &[1], vec![3.0]).unwrap();
        parameters.set_trainable(frozen, false);
        let mut optimizer = Optimizer::new("adamw".parse().unwrap(), &parameters).unwrap();
        parameters.gradients_mut().fill(1.0);
        optimizer.step(&mut parameters, 0.1, 1.0).unwrap();
        assert_eq!(parameters.value(frozen), [1.0, 2.0]);
        assert_eq!(optimizer.state()[0].1[5..7], [0.0, 0.0]);
        assert!(parameters.values()[0] < START[0] && parameters.values()[7] < 3.0);
    }

    #[test]
    fn a_parameter_with_a_factor_is_trained_as_with_a_rate_of_its_own() {
        for name in ["sgd", "adam", "adamw", "rmsprop", "adagrad"] {
            let train = |factors: [f64; 2], lr: f64| {
                let mut parameters = Parameters::new();
                for (name, factor) in ["a", "b"].into_iter().zip(factors) {
                    let id = parameters.add(name, &[5], START.to_vec()).unwrap();
                    parameters.set_learning_rate(id, factor).unwrap();
                }
                let mut optimizer = Optimizer::new(name.parse().unwrap(), &parameters).unwrap();
                for k in 0..3 {
                    set_gradients(&mut parameters, k, 1.0);
                    optimizer.step(&mut parameters, lr, 1.0).unwrap();
                }
                parameters.values().to_vec()
            };
            let both = train([1.0, 0.25], 0.1);
            assert_eq!(both[..5], train([1.0, 1.0], 0.1)[..5], "{name}");
            assert_eq!(both[5..], train([1.0, 1.0], 0.025)[5..], "{name}");
            assert_eq!(train([1.0, 0.0], 0.1)[5..], START, "{name}");
        }
        let mut parameters = parameters(&START);
        let id = parameters.find("p").unwrap();
        let error = parameters.set_learning_rate(id, -1.0).unwrap_err().to_string();
        assert_eq!(error, "the learning rate factor of p is -1; it must be a finite number of at least 0");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut parameters = parameters(&START);
        for text in [
            "kind = 'sgd'\nmomentum = -0.1",
            "kind = 'sgd'\nnesterov = true",
            "kind = 'sgd'\nweight_decay = nan",
            "kind = 'adam'\nbeta1 = 1.0",
            "kind = 'adamw'\nbeta2 = -0.5",
            "kind = 'rmsprop'\nalpha = 2.0",
            "kind = 'adagrad'\nepsilon = inf",
        ] {
            assert!(Optimizer::new(read(text), &parameters).is_err(), "{text}");
        }
        let mut optimizer = Optimizer::new("rmsprop".parse().unwrap(), &parameters).unwrap();
        for lr in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(optimizer.step(&mut parameters, lr, 1.0).is_err(), "{lr}");
        }
        let five = [0.0; 5];
        let states: [&[(&str, &[f32])]; 3] =
            [&[], &[("square_avg", &five[..4])], &[("square_avg", &five), ("exp_avg", &five)]];
        for state in states {
            assert!(optimizer.load_state(3, state).is_err(), "{state:?}");
            assert_eq!(optimizer.steps(), 0);
        }
        parameters.add("more", &[1], vec![0.0]).unwrap();
        let error = optimizer.step(&mut parameters, 0.1, 1.0).unwrap_err().to_string();
        assert_eq!(error, "the parameters of an optimizer: expected 5 values, found 6");
    }
}
