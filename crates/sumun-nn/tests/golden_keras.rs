//! Every layer case that Keras computed, called as a user calls the layers, on every path: outputs, final states and
//! all gradients, with masks, merges, directions and initial states.
//!
//! The tolerance is that of `golden/keras/README.md` in the testing crate.

use ndarray::{Array3, ArrayD, Axis};
use rand::SeedableRng;
use sumun_kernels::Path;
use sumun_nn::nn::{
    ActivationFunction, CellOptions, Gru, GruConfig, HiddenState, Lstm, LstmConfig, LstmState, Merge, Rnn,
    RnnConfig, Valid,
};
use sumun_nn::noise::Noise;
use sumun_nn::{Fill, Parameters};
use sumun_testing::{Golden, assert_close, golden_files};

#[test]
fn every_case_on_the_reference_path() {
    assert_eq!(golden_files("keras").len(), 51);
    assert_eq!(check_all(Path::Reference), 51);
}

#[test]
fn every_case_on_every_path() {
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert_eq!(check_all(path), 51, "{path}");
    }
}

/// How many cases the path computes, each of which is checked.
fn check_all(path: Path) -> usize {
    golden_files("keras").iter().filter(|file| check(&Golden::load(file), path)).count()
}

/// One case: everything that the file says was answered is compared. False where the path lacks an option.
fn check(golden: &Golden, path: Path) -> bool {
    let case = Case::of(golden);
    let Some(results) = case.run(path) else { return false };
    let answered =
        |name: &&str| name.starts_with("output") || (name.starts_with("d_") && !name.starts_with("d_output"));
    for name in golden.names().into_iter().filter(answered) {
        let known = results.iter().find(|(known, _)| known == name);
        let (_, found) = known.unwrap_or_else(|| panic!("{}: {name} was not computed", golden.name));
        let want: Vec<f64> = golden.tensor(name).reals();
        assert_close(&format!("{} on {path}: {name}", golden.name), found, &want, 1e-5, 1e-4);
    }
    true
}

/// A case's layer, and that which its directions have in common.
struct Case<'a> {
    golden: &'a Golden,
    class: &'a str,
    layer: &'a serde_json::Value,
    /// The merge mode of a Bidirectional: null where both outputs are apart. None for one direction.
    merge: Option<&'a serde_json::Value>,
}

type Results = Vec<(String, Vec<f32>)>;

/// Runs the case in a layer whose state has these parts.
macro_rules! run {
    ($case:expr, $path:expr, $layer:ident, $config:expr, $state:ident { $($part:ident),+ }) => {{
        let case: &Case = $case;
        let config = $config
            .bias(case.switch("use_bias"))
            .bidirectional(case.merge.is_some())
            .merge(case.merge())
            .go_backwards(case.switch("go_backwards"))
            .masked_steps(if case.switch("zero_output_for_mask") { Fill::Zero } else { Fill::Repeat });
        let mut layer = $layer::new(config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(0)).unwrap();
        layer = layer.on_path($path).ok()?;
        assert_eq!(layer.path(), $path);
        case.set_weights(layer.parameters_mut());
        let mask = case.mask();
        let valid = mask.as_ref().map_or(Valid::All, |mask| Valid::Mask(mask.view()));
        let x = case.cube("input");
        let mut states = ["initial_state.0", "initial_state.1"].into_iter();
        let initial = case.golden.get("initial_state.0").map(|_| $state {
            $($part: case.array(states.next().unwrap()).insert_axis(Axis(0)).into_dimensionality().unwrap()),+
        });

        let (mut results, noise) = (Results::new(), Noise { seed: 0, step: 0, layer: 0 });
        let (last, (d_x, d_initial)) = if case.switch("return_sequences") {
            let (output, last, cache) = layer.forward_train(x.view(), valid, initial.as_ref(), noise).unwrap();
            let answered = layer.forward(x.view(), valid, initial.as_ref()).unwrap();
            assert_eq!((&output, &last), (&answered.0, &answered.1), "{}: inference", case.golden.name);
            let d_output = if case.is_apart() {
                let apart = layer.apart(output.view()).unwrap();
                results.extend(apart.iter().enumerate().map(|(k, side)| (format!("output.{k}"), flat(side))));
                let [forward, backward] = [case.cube("d_output.0"), case.cube("d_output.1")];
                layer.together([forward.view(), backward.view()]).unwrap()
            } else {
                results.push(("output.0".into(), flat(&output)));
                case.cube("d_output.0")
            };
            (last, layer.backward(cache, d_output.view(), None).unwrap())
        } else {
            let (output, last, cache) =
                layer.forward_last_train(x.view(), valid, initial.as_ref(), noise).unwrap();
            let answered = layer.forward_last(x.view(), valid, initial.as_ref()).unwrap();
            assert_eq!((&output, &last), (&answered.0, &answered.1), "{}: inference", case.golden.name);
            results.push(("output.0".into(), flat(&output)));
            let d_output = case.array("d_output.0").into_dimensionality().unwrap();
            (last, layer.backward(cache, d_output.view(), None).unwrap())
        };
        results.push(("d_input".into(), flat(&d_x)));
        if !case.is_apart() {
            for direction in 0..case.directions() {
                $(case.next(&mut results, "output", flat(&last.$part.index_axis(Axis(0), direction)));)+
            }
        }
        if initial.is_some() {
            $(case.next(&mut results, "d_initial_state", flat(&d_initial.$part));)+
        }
        results.extend(case.weight_gradients(layer.parameters()));
        Some(results)
    }};
}

impl<'a> Case<'a> {
    fn of(golden: &'a Golden) -> Self {
        let whole = &golden.case["layer"];
        match golden.word("name") {
            Some("Bidirectional") => {
                let layer = &whole["layer"];
                let class = layer["class_name"].as_str().expect("a class");
                Self { golden, class, layer: &layer["config"], merge: Some(&whole["merge_mode"]) }
            }
            Some(class) => Self { golden, class, layer: whole, merge: None },
            None => panic!("{}: no class", golden.name),
        }
    }

    fn run(&self, path: Path) -> Option<Results> {
        let (input, units) =
            (self.golden.tensor("input").shape[2], self.layer["units"].as_u64().expect("a size") as usize);
        let candidate_activation = Some(self.function("activation"));
        match self.class {
            "SimpleRNN" => {
                let relu = match self.layer["activation"].as_str() {
                    Some("tanh") => false,
                    Some("relu") => true,
                    other => panic!("{}: {other:?}", self.golden.name),
                };
                run!(self, path, Rnn, RnnConfig::new(input, units).relu(relu), HiddenState { hidden })
            }
            "LSTM" => {
                let options = CellOptions {
                    candidate_activation,
                    output_activation: candidate_activation,
                    gate_activation: Some(self.function("recurrent_activation")),
                    ..CellOptions::default()
                };
                let config = LstmConfig::new(input, units).options(options);
                run!(self, path, Lstm, config, LstmState { hidden, cell })
            }
            "GRU" => {
                let options = CellOptions {
                    candidate_activation,
                    gate_activation: Some(self.function("recurrent_activation")),
                    ..CellOptions::default()
                };
                let config =
                    GruConfig::new(input, units).options(options).reset_before(!self.switch("reset_after"));
                run!(self, path, Gru, config, HiddenState { hidden })
            }
            other => panic!("{}: no layer {other}", self.golden.name),
        }
    }

    fn switch(&self, key: &str) -> bool {
        self.layer[key].as_bool().unwrap_or_else(|| panic!("{}: no switch {key}", self.golden.name))
    }

    fn function(&self, key: &str) -> ActivationFunction {
        match self.layer[key].as_str() {
            Some("tanh") => ActivationFunction::Tanh,
            Some("sigmoid") => ActivationFunction::Sigmoid,
            Some("relu") => ActivationFunction::Relu,
            Some("softsign") => ActivationFunction::Softsign,
            Some("hard_sigmoid") => ActivationFunction::HARD_SIGMOID_KERAS,
            other => panic!("{}: no function for {key} {other:?}", self.golden.name),
        }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.merge.is_some())
    }

    fn is_apart(&self) -> bool {
        self.merge.is_some_and(|merge| merge.is_null())
    }

    fn merge(&self) -> Merge {
        match self.merge.and_then(|merge| merge.as_str()) {
            None | Some("concat") => Merge::Concat,
            Some("sum") => Merge::Sum,
            Some("mul") => Merge::Mul,
            Some("ave") => Merge::Average,
            other => panic!("{}: no merge {other:?}", self.golden.name),
        }
    }

    fn array(&self, name: &str) -> ArrayD<f32> {
        let tensor = self.golden.tensor(name);
        ArrayD::from_shape_vec(tensor.shape.clone(), tensor.reals()).unwrap()
    }

    fn cube(&self, name: &str) -> Array3<f32> {
        self.array(name).into_dimensionality().unwrap()
    }

    fn mask(&self) -> Option<ndarray::Array2<bool>> {
        let tensor = self.golden.get("mask")?;
        let mask = tensor.integers().iter().map(|&v| v == 1).collect();
        Some(ndarray::Array2::from_shape_vec((tensor.shape[0], tensor.shape[1]), mask).unwrap())
    }

    /// Adds a result under the next number of its kind.
    fn next(&self, results: &mut Results, kind: &str, values: Vec<f32>) {
        let number = results.iter().filter(|(name, _)| name.starts_with(kind)).count();
        results.push((format!("{kind}.{number}"), values));
    }

    /// For every direction, our names of the weights, the number of Keras' weight that holds each, and of a bias which
    /// row of it.
    fn weights(&self) -> Vec<(String, usize, Option<usize>)> {
        let each = if self.switch("use_bias") { 3 } else { 2 };
        let mut weights = Vec::new();
        for direction in 0..self.directions() {
            let (suffix, first) = (["", "_reverse"][direction], direction * each);
            weights.push((format!("weight_ih_l0{suffix}"), first, None));
            weights.push((format!("weight_hh_l0{suffix}"), first + 1, None));
            if each == 3 {
                weights.push((format!("bias_ih_l0{suffix}"), first + 2, Some(0)));
                weights.push((format!("bias_hh_l0{suffix}"), first + 2, Some(1)));
            }
        }
        weights
    }

    /// Blocks of a GRU are r, z, n here and z, r, h there: each `[G·H, columns]` weight with the first two swapped,
    /// which is its own inverse.
    fn swapped(&self, values: &[f32]) -> Vec<f32> {
        if self.class != "GRU" {
            return values.to_vec();
        }
        let blocks: Vec<&[f32]> = values.chunks(values.len() / 3).collect();
        [blocks[1], blocks[0], blocks[2]].concat()
    }

    fn set_weights(&self, parameters: &mut Parameters) {
        for (name, number, bias) in self.weights() {
            let tensor = self.golden.tensor(&format!("weight.{number}"));
            let values: Vec<f32> = tensor.reals();
            let ours = match bias {
                // Kernels are [in, G·H].
                None => self.swapped(&transposed(&values, tensor.shape[0])),
                // A GRU with the reset after has a row for each bias, every other cell one: that of the input.
                Some(row) => match values.chunks(*tensor.shape.last().expect("an axis")).nth(row) {
                    Some(row) => self.swapped(row),
                    None => vec![0.0; values.len()],
                },
            };
            let id = parameters.find(&name).unwrap();
            parameters.value_mut(id).copy_from_slice(&ours);
        }
    }

    fn weight_gradients(&self, parameters: &Parameters) -> Results {
        let mut results = Results::new();
        for (name, number, bias) in self.weights() {
            let tensor = self.golden.tensor(&format!("weight.{number}"));
            let gradient = parameters.gradient(parameters.find(&name).unwrap());
            match bias {
                None => {
                    let theirs = transposed(&self.swapped(gradient), gradient.len() / tensor.shape[0]);
                    results.push((format!("d_weight.{number}"), theirs));
                }
                Some(0) => results.push((format!("d_weight.{number}"), self.swapped(gradient))),
                Some(_) if tensor.shape.len() == 2 => {
                    results.last_mut().expect("the input's bias").1.extend(self.swapped(gradient));
                }
                // One bias has the gradient of either of the two that it stands for.
                Some(_) => {
                    assert_eq!(results.last().expect("the input's bias").1, self.swapped(gradient), "{name}");
                }
            }
        }
        results
    }
}

fn flat<S: ndarray::Data<Elem = f32>, D: ndarray::Dimension>(array: &ndarray::ArrayBase<S, D>) -> Vec<f32> {
    array.iter().copied().collect()
}

/// `[rows, columns]` as `[columns, rows]`.
fn transposed(values: &[f32], rows: usize) -> Vec<f32> {
    let columns = values.len() / rows;
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}
