//! Every layer that is not recurrent in a model: TOML, gradients, files, padding, threads and paths, a case a kind.

use sumun_kernels::Path;
use sumun_nn::model::{Feed, Model, ModelConfig};
use sumun_nn::nn::{BatchNorm, CrossAttention};
use sumun_nn::noise::Noise;
use sumun_nn::train::{Optimizer, OptimizerConfig};
use sumun_nn::{Layout, Rows};

const NOISE: Noise = Noise { seed: 3, step: 5, layer: 0 };

/// A model as TOML, where `@` begins a layer: `@ dense units = 2`.
fn toml(inputs: &str, layers: &str) -> String {
    let layers = layers.split('@').skip(1).map(|layer| {
        let mut lines = layer.trim().lines().map(str::trim);
        let kind = lines.next().unwrap_or_default();
        format!("\n[[layers]]\nkind = \"{kind}\"\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    });
    format!("{inputs}\n{}", layers.collect::<String>())
}

const ONE: &str = "[input]\nfeatures = 4";
const TWO: &str = "[inputs]\nsource = { features = 3 }\ntarget = { features = 4 }";
const SIDE: &str = "[inputs]\nsteps = { features = 3 }\nrow = { kind = \"row\", features = 3 }";

/// Each a model with the layer in its midst.
fn cases() -> Vec<(&'static str, String)> {
    let attend = |options: &str| {
        toml(
            TWO,
            &format!(
                "@ gru\nname = \"encoder\"\nfrom = \"source\"\nunits = 5\nreturn_sequences = true
                 @ gru\nname = \"decoder\"\nfrom = \"target\"\nunits = 5\nreturn_sequences = true
                 @ cross_attention\nname = \"attend\"\nfrom = [\"decoder\", \"encoder\"]\n{options}
                 @ concat\nfrom = [\"attend\", \"decoder\"]
                 @ dense\nunits = 2"
            ),
        )
    };
    let combine = |kind: &str| {
        toml(
            SIDE,
            &format!(
                "@ dense\nname = \"a\"\nfrom = \"steps\"\nunits = 3
                 @ dense\nname = \"b\"\nfrom = \"row\"\nunits = 3
                 @ {kind}\nfrom = [\"a\", \"b\", \"steps\"]
                 @ dense\nunits = 2"
            ),
        )
    };
    let list = |layer: &str| toml(ONE, &format!("@ dense\nunits = 6\n@ {layer}\n@ dense\nunits = 2"));
    vec![
        ("dot", attend("score = \"dot\"\nscaled = true")),
        ("dot in units", attend("score = \"dot\"\nunits = 3\nkernel_regularizer = { l2 = 0.1 }")),
        ("general", attend("score = \"general\"")),
        ("additive", attend("score = \"additive\"\nunits = 4\ntrainable = true")),
        (
            "one query",
            toml(
                TWO,
                "@ gru\nname = \"question\"\nfrom = \"target\"\nunits = 3
                 @ cross_attention\nfrom = [\"question\", \"source\"]
                 @ dense\nunits = 2",
            ),
        ),
        ("add", combine("add")),
        ("multiply", combine("multiply")),
        ("concat", combine("concat")),
        ("activation", list("activation\nfunction = { elu = { alpha = 0.5 } }")),
        ("softsign", list("activation\nfunction = \"softsign\"")),
        ("softmax", list("softmax")),
        ("layer_norm", list("layer_norm\nepsilon = 0.01")),
        ("layer_norm without bias", list("layer_norm\nbias = false\nname = \"norm\"")),
        ("batch_norm", list("batch_norm\nepsilon = 0.01\nmomentum = 0.25")),
        ("batch_norm without affine", list("batch_norm\naffine = false\nepsilon = 0.01")),
        ("conv1d", list("conv1d\nunits = 4\nkernel = 2")),
        ("conv1d same", list("conv1d\nunits = 4\nkernel = 3\npadding = \"same\"\ngroups = 2\nbias = false")),
        (
            "conv1d causal",
            list("conv1d\nunits = 4\nkernel = 2\npadding = \"causal\"\nstride = 2\ndilation = 2"),
        ),
        ("unflatten", list("lstm\nunits = 6\nnoise = 2\n@ unflatten\nsteps = 3")),
        ("reverse", list("lstm\nunits = 3\nreturn_sequences = true\n@ reverse\n@ lstm\nunits = 2")),
        ("slice", list("slice\nstart = 1\nfeatures = 2")),
        ("masking", list("masking\nvalue = 0.25\n@ lstm\nunits = 3")),
        ("pad", list("pad\nbefore = 2\nafter = 1")),
        (
            "pad, edge, and a convolution",
            list("pad\nbefore = 2\nmode = \"edge\"\n@ conv1d\nunits = 3\nkernel = 2"),
        ),
        ("pad with a number", list("pad\nafter = 1\nvalue = 0.5")),
        ("crop", list("pad\nbefore = 3\n@ crop\nbefore = 1\nafter = 1")),
        ("elementwise", list("elementwise\nfunction = \"square\"")),
        ("elementwise power", list("elementwise\nfunction = { power = { exponent = 3.0 } }")),
        (
            "steps as sequences",
            toml(
                ONE,
                "@ dense\nname = \"wide\"\nunits = 6
                 @ distribute\nsteps = 3
                 @ conv1d\nunits = 4\nkernel = 2\npadding = \"same\"
                 @ pool\nname = \"frame\"\nover = \"mean\"
                 @ collect\nfrom = [\"frame\", \"wide\"]
                 @ gru\nunits = 2",
            ),
        ),
        ("conv1d and a recurrence", list("conv1d\nunits = 4\nkernel = 2\nstride = 2\n@ lstm\nunits = 3")),
    ]
}

fn number(k: usize) -> f32 {
    ((k * 37 + 11) % 101) as f32 / 51.0 - 0.993
}

/// The inputs of a model: those that are steps with these lengths, one row a sequence for the others.
#[derive(Clone)]
struct Inputs(Vec<(String, Rows)>);

impl Inputs {
    fn of(model: &Model, lengths: &[usize]) -> Self {
        let time = lengths.iter().copied().max().unwrap_or(0);
        let inputs = model.config().inputs.iter().enumerate().map(|(index, (name, input))| {
            let json = serde_json::to_value(input).unwrap();
            let features = json["features"].as_u64().unwrap() as usize;
            let layout = match json["kind"].as_str() {
                Some("row") => Layout::full(lengths.len(), 1).unwrap(),
                // The lengths of one input need not be those of another.
                _ if name == "source" => {
                    let lengths: Vec<usize> = lengths.iter().map(|length| (length * 2) % 5).collect();
                    Layout::ragged(&lengths, 5).unwrap()
                }
                _ => Layout::ragged(lengths, time).unwrap(),
            };
            let data = (0..layout.rows() * features).map(|k| number(k + 17 * index)).collect();
            (name.clone(), Rows::new(data, features, layout).unwrap())
        });
        Self(inputs.collect())
    }

    /// Sequence `n` alone.
    fn alone(&self, n: usize) -> Self {
        let inputs = self.0.iter().map(|(name, rows)| {
            let rank = rows.layout.order().iter().position(|&m| m == n).unwrap();
            let length = rows.layout.lengths()[rank];
            let (time, features) = (rows.layout.time(), rows.features);
            let values = &rows.unpack()[n * time * features..][..length * features];
            let layout = Layout::ragged(&[length], length).unwrap();
            (name.clone(), Rows::pack(values, features, layout).unwrap())
        });
        Self(inputs.collect())
    }

    fn feed(&self) -> Feed<'_> {
        self.0.iter().fold(Feed::new(), |feed, (name, rows)| feed.rows(name, rows.clone()))
    }
}

fn build(text: &str) -> Model {
    ModelConfig::from_toml(text).unwrap().build(7).unwrap()
}

/// A gradient for the output.
fn upstream(out: &Rows) -> Rows {
    let d = (0..out.data.len()).map(|k| number(k + 3)).collect();
    Rows::new(d, out.features, out.layout.clone()).unwrap()
}

/// One step of an optimizer, so that nothing is as it began.
fn step(model: &mut Model, inputs: &Inputs) {
    model.parameters_mut().zero_gradients();
    let (out, cache) = model.forward_train(inputs.feed(), NOISE).unwrap();
    model.backward(cache, upstream(&out)).unwrap();
    let config = OptimizerConfig::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    let mut optimizer = Optimizer::new(config, model.parameters()).unwrap();
    optimizer.step(model.parameters_mut(), 0.01, 1.0).unwrap();
}

#[test]
fn toml_is_read_back_to_the_same_model() {
    for (name, text) in cases() {
        let config = ModelConfig::from_toml(&text).unwrap();
        let written = config.to_toml().unwrap();
        assert_eq!(ModelConfig::from_toml(&written).unwrap(), config, "{name}: {written}");
        let summary = config.summary().unwrap();
        let model = config.build(7).unwrap();
        assert_eq!((summary.parameters(), &summary), (model.parameters().len(), &model.summary()), "{name}");
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    for (name, text) in cases() {
        let mut model = build(&text);
        let inputs = Inputs::of(&model, &[3, 4, 2]);
        step(&mut model, &inputs);
        model.parameters_mut().zero_gradients();
        let loss = |model: &Model| -> f64 {
            let (out, _) = model.forward_train(inputs.feed(), NOISE).unwrap();
            let terms = out.data.iter().zip(upstream(&out).data.iter().copied().collect::<Vec<_>>());
            terms.map(|(y, d)| f64::from(*y) * f64::from(d)).sum::<f64>() + model.penalty()
        };
        let (out, cache) = model.forward_train(inputs.feed(), NOISE).unwrap();
        model.backward(cache, upstream(&out)).unwrap();
        let gradients = model.parameters().gradients().to_vec();
        assert!(gradients.iter().any(|&d| d != 0.0), "{name}");
        for entry in model.parameters().entries().to_vec() {
            for k in entry.range.clone() {
                const STEP: f32 = 1.0 / 128.0;
                let value = model.parameters().values()[k];
                let mut at = |by: f32| {
                    model.parameters_mut().values_mut()[k] = value + by;
                    loss(&model)
                };
                let numeric = (at(STEP) - at(-STEP)) / f64::from(2.0 * STEP);
                model.parameters_mut().values_mut()[k] = value;
                let difference = (f64::from(gradients[k]) - numeric).abs();
                assert!(
                    difference <= 3e-3 * (1.0 + numeric.abs()),
                    "{name}: {} [{k}]: {} analytic, {numeric} numeric",
                    entry.name,
                    gradients[k]
                );
            }
        }
    }
}

#[test]
fn saved_and_loaded_models_give_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in cases() {
        let mut model = build(&text);
        let inputs = Inputs::of(&model, &[3, 4, 2]);
        step(&mut model, &inputs);
        let path = folder.path().join("model.safetensors");
        model.save(&path).unwrap();
        let mut loaded = Model::load(&path).unwrap();
        assert_eq!(loaded.config(), model.config(), "{name}");
        let forward = |model: &Model| model.forward(inputs.feed()).unwrap().unpack();
        assert_eq!(forward(&loaded), forward(&model), "{name}");
        // And the next step of training, running statistics too.
        step(&mut model, &inputs);
        step(&mut loaded, &inputs);
        assert_eq!(loaded.parameters().values(), model.parameters().values(), "{name}");
    }
}

/// A padded batch, each sequence alone, and any number of threads.
#[test]
fn company_changes_no_bit() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(5).build().unwrap();
    for (name, text) in cases() {
        let mut model = build(&text);
        let lengths = [6, 1, 4, 9];
        let inputs = Inputs::of(&model, &lengths);
        step(&mut model, &inputs);
        let all = model.forward(inputs.feed()).unwrap();
        assert_eq!(pool.install(|| model.forward(inputs.feed())).unwrap().data, all.data, "{name}");
        let (padded, time) = (all.unpack(), all.layout.time());
        for n in 0..lengths.len() {
            let alone = model.forward(inputs.alone(n).feed()).unwrap().unpack();
            assert_eq!(alone, padded[n * time * 2..][..alone.len()], "{name}: sequence {n}");
            assert!(
                padded[n * time * 2 + alone.len()..(n + 1) * time * 2].iter().all(|&v| v == 0.0),
                "{name}"
            );
        }
        let mut gradients = || {
            model.parameters_mut().zero_gradients();
            let (out, cache) = model.forward_train(inputs.feed(), NOISE).unwrap();
            model.backward(cache, upstream(&out)).unwrap();
            model.parameters().gradients().to_vec()
        };
        assert_eq!(gradients(), pool.install(gradients), "{name}");
    }
}

#[test]
fn paths_agree() {
    for (name, text) in cases() {
        let forward = |path: Path| {
            let model = build(&text).on_path(path).unwrap();
            let inputs = Inputs::of(&model, &[3, 4, 2]);
            model.forward(inputs.feed()).unwrap().unpack()
        };
        let expected = forward(Path::Reference);
        for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
            for (found, expected) in forward(path).iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-5 * (1.0 + expected.abs()), "{name} on {path}");
            }
        }
    }
}

/// The alignment of a decoder with its encoder, from the rows that the attention reads.
#[test]
fn alignments_are_computed_from_what_a_layer_reads() {
    let (_, text) = cases().into_iter().find(|(name, _)| *name == "general").unwrap();
    let model = build(&text);
    let inputs = Inputs::of(&model, &[3, 4, 2]);
    let read = model.values(inputs.feed(), None, &["decoder", "encoder"]).unwrap().rows;
    let attention: &CrossAttention = model.layer("attend").unwrap();
    let alignment = attention.weights(model.parameters(), &read[0], &read[1]).unwrap();
    assert_eq!(alignment.shape(), [3, 4, 5]);
    // Lengths of the source are 6 mod 5, 8 mod 5 and 4.
    assert!((alignment.sum() - 9.0).abs() < 1e-5 && alignment[[0, 2, 0]] == 1.0);
}

/// A frozen batch normalisation computes and stays as it is; a trainable one takes in every batch, and its running
/// statistics are no trainable parameters.
#[test]
fn running_statistics_follow_training_alone() {
    let (_, text) = cases().into_iter().find(|(name, _)| *name == "batch_norm").unwrap();
    let mut model = build(&text);
    let summary = model.summary();
    let row = summary.layer("batch_norm").unwrap();
    assert_eq!((row.parameters, row.statistics), (24, 12));
    assert_eq!(summary.parameters() - summary.trainable(), 12);
    let inputs = Inputs::of(&model, &[3, 4, 2]);
    let running = |model: &Model| {
        let layer: &BatchNorm = model.layer("batch_norm").unwrap();
        layer.running().map(|id| model.parameters().value(id).to_vec())
    };
    let mut before = running(&model);
    step(&mut model, &inputs);
    assert!(running(&model) != before);
    model.set_trainable("batch_norm", false).unwrap();
    before = running(&model);
    step(&mut model, &inputs);
    assert_eq!(running(&model), before);
    let mut again = model.config().clone().build(7).unwrap();
    let first = running(&again);
    step(&mut again, &inputs);
    assert_eq!(running(&again), first, "frozen in its configuration");
}

/// What a masked step shows above a convolution depends on the steps beside it.
#[test]
fn a_convolution_says_nothing_of_masked_steps() {
    let text = toml(
        ONE,
        "@ gru\nunits = 3\nreturn_sequences = true\n@ conv1d\nunits = 2\nkernel = 3\npadding = \"same\"",
    );
    let error = build(&text).masked_row().unwrap_err().to_string();
    assert_eq!(
        error,
        "a layer computes each row from several steps; what a masked step shows depends on those beside it"
    );
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_layer() {
    let list = |layer: &str| toml(ONE, &format!("@ {layer}"));
    let two = |layer: &str| toml(TWO, &format!("@ {layer}"));
    for (text, expected) in [
        (
            list("cross_attention"),
            "cross_attention: attention over another sequence reads two, the queries and the memory; found 1, say from \
             which",
        ),
        (
            two("cross_attention\nfrom = [\"target\", \"source\"]"),
            "cross_attention: a dot product of queries of 4 features with a memory of 3; give units, in which both \
             meet, or take the score general",
        ),
        (
            two("cross_attention\nfrom = [\"target\", \"source\"]\nscore = \"additive\"\nunits = 0"),
            "cross_attention: units is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            toml(SIDE, "@ cross_attention\nfrom = [\"steps\", \"row\"]"),
            "cross_attention needs a sequence [N, T, 3], but row has one row a sequence, [N, 3]; let it read another input",
        ),
        (
            two("cross_attention\nfrom = [\"source\", \"source\"]\nkernel_regularizer = { l2 = 0.1 }"),
            "cross_attention: there are no weights, but a penalty on them; leave out kernel_regularizer",
        ),
        (
            two("add\nfrom = [\"target\", \"source\"]"),
            "add: add of 4 and 3 features; all inputs need the same",
        ),
        (list("concat"), "concat: concat of 1 input; it needs at least 2"),
        (
            list("layer_norm\nepsilon = 0.0"),
            "layer_norm: layer normalisation: epsilon is 0; it must be a positive finite number",
        ),
        (
            list("batch_norm\nmomentum = 1.5"),
            "batch_norm: batch normalisation: momentum is 1.5; it must be from 0 to 1",
        ),
        (
            list("conv1d\nunits = 2\nkernel = 0"),
            "conv1d: kernel is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            list("conv1d\nunits = 2\nkernel = 3\ngroups = 3"),
            "conv1d: a convolution from 4 to 2 features in 3 groups; groups must divide both",
        ),
        (
            list("conv1d\nunits = 4000000000\nkernel = 4000000000"),
            "conv1d: a convolution of 4000000000 steps 1 apart from 4 to 4000000000 features is too large; make it smaller",
        ),
        (
            list("conv1d\nunits = 100000\nkernel = 100000"),
            "conv1d: with its weight of shape [100000, 4, 100000] the model has more than 1073741824 parameters; make it \
             smaller",
        ),
        (
            toml(SIDE, "@ conv1d\nfrom = \"row\"\nunits = 2\nkernel = 3"),
            "conv1d needs a sequence [N, T, 3], but row has one row a sequence, [N, 3]; let it read another input",
        ),
        (
            list("conv1d\nunits = 2\nkernel = 3\nbias = false\nbias_regularizer = { l2 = 0.1 }"),
            "conv1d: there is no bias, but an option for it; leave out bias_regularizer and first_bias",
        ),
        (
            list("unflatten\nsteps = 2"),
            "unflatten: the input has a row at every step, [N, T, 4]; only one row a sequence, [N, F], can be laid out in steps",
        ),
        (
            list("slice\nstart = 2\nfeatures = 3"),
            "slice: features 2 to 5 of 4; a slice ends at 4 at the latest",
        ),
        (
            toml(SIDE, "@ reverse\nfrom = \"row\""),
            "reverse needs a sequence [N, T, 3], but row has one row a sequence, [N, 3]; let it read another input",
        ),
        (
            toml(SIDE, "@ unflatten\nfrom = \"row\"\nsteps = 2"),
            "unflatten: 3 numbers cannot be laid out in 2 steps; give a number of steps that divides them",
        ),
        (
            toml(SIDE, "@ unflatten\nfrom = \"row\"\nsteps = 0"),
            "unflatten: steps is 0; it must be at least 1 and at most 4294967295",
        ),
        (
            list("pad\nbefore = 1\nmode = \"reflect\"\nvalue = 1.0"),
            "pad: steps of the number 1, but they are those of the sequence; leave the value out, or pad with a constant",
        ),
        (
            list("elementwise\nfunction = { power = { exponent = 1e39 } }"),
            "elementwise: a power of 1000000000000000000000000000000000000000; the exponent must be a finite number",
        ),
        (
            list("distribute\nsteps = 3"),
            "distribute: 4 numbers cannot be laid out in 3 steps; give a number of steps that divides them",
        ),
        (list("collect"), "collect: it reads 1; it takes two: rows, and the steps that they are put at"),
        (
            two("collect\nfrom = [\"target\", \"source\"]"),
            "collect: target gives [N, T, 4]; it takes one row of each sequence, [N, F], so put a pool between them",
        ),
        (
            toml(SIDE, "@ collect\nfrom = [\"row\", \"row\"]"),
            "collect: row has one row a sequence, [N, 3]; rows are put at steps, [N, T, F]",
        ),
        (list("dropout\np = 0.5\nnoise = 64"), "dropout: noise is 64; it must be at least 1 and at most 63"),
        (
            list("dropout\np = 0.5\nnoise = 7\n@ dropout\np = 0.1\nnoise = 7"),
            "dropout and dropout_1 have noise 7; give each its own, or leave one out",
        ),
        (
            list("softmax\ntrainable = false"),
            "softmax has no weights to train; leave out trainable and learning_rate",
        ),
    ] {
        let found = ModelConfig::from_toml(&text).and_then(|config| config.build(7)).map(|_| ());
        assert_eq!(found.unwrap_err().to_string(), expected, "{text}");
    }
    let error =
        ModelConfig::from_toml(&list("conv1d\nunits = 2\nkernel = 3\nsize = 3")).unwrap_err().to_string();
    assert!(error.contains("a layer of kind \"conv1d\": unknown field `size`"), "{error}");
    // Steps that differ are seen when the model is called.
    let model = build(&toml(
        "[inputs]\na = { features = 3 }\nb = { features = 3 }",
        "@ add\nfrom = [\"a\", \"b\"]\n@ dense\nunits = 1",
    ));
    let rows = |lengths: &[usize]| {
        let layout = Layout::ragged(lengths, 3).unwrap();
        Rows::new(vec![0.0; layout.rows() * 3], 3, layout).unwrap()
    };
    let feed = Feed::new().rows("a", rows(&[2, 3])).rows("b", rows(&[2, 1]));
    assert_eq!(
        model.forward(feed).unwrap_err().to_string(),
        "add of inputs of different steps: expected [2, 3, 3] with 3 steps in sequence 1, found [2, 3, 3] with 1 steps in \
         sequence 1"
    );
}

/// Masks follow the number of a layer's noise, where it has one, and else its place.
#[test]
fn masks_of_a_numbered_noise_do_not_depend_on_the_place() {
    let masked = |layers: &str| {
        let model = build(&toml(ONE, layers));
        let rows = Rows::new(vec![1.0; 4 * 40], 4, Layout::full(8, 5).unwrap()).unwrap();
        model.forward_train(Feed::new().rows("input", rows), NOISE).unwrap().0.unpack()
    };
    let identity = "@ activation\nfunction = { affine = { alpha = 1.0, beta = 0.0 } }\n";
    for (noise, same) in [("", false), ("noise = 5", true)] {
        let dropout = format!("@ dropout\np = 0.5\n{noise}");
        let (first, second) = (masked(&dropout), masked(&format!("{identity}{dropout}")));
        assert_eq!(first == second, same, "{noise}");
        assert!(first.contains(&0.0) && first.contains(&2.0));
    }
}

/// Weights are initialised as `first_weights` and `first_bias` ask, and the other parameters of the layer as before.
#[test]
fn first_weights_are_those_that_are_asked_for() {
    const WEIGHTS: &str = "first_weights = { kind = \"constant\", value = 0.25 }";
    let list = |layer: &str| toml(ONE, &format!("@ {layer}"));
    let both = "from = [\"target\", \"source\"]\nunits = 5";
    let additive = format!("cross_attention\n{both}\nscore = \"additive\"");
    for (text, layer, asked, others) in [
        (list("conv1d\nunits = 4\nkernel = 3\nWEIGHTS"), "conv1d", &["weight"][..], &["bias"][..]),
        (list("attention\nunits = 3\nWEIGHTS"), "attention", &["weight"], &["bias", "context"]),
        (
            toml(TWO, &format!("@ {additive}\nWEIGHTS")),
            "cross_attention",
            &["weight_query", "weight_memory"],
            &["bias", "context"],
        ),
    ] {
        let built = |weights: &str| {
            ModelConfig::from_toml(&text.replace("WEIGHTS", weights)).unwrap().build(3).unwrap()
        };
        let (plain, model) = (built(""), built(WEIGHTS));
        let value = |model: &Model, weight: &str| {
            let parameters = model.parameters();
            parameters.value(parameters.find(&format!("{layer}.{weight}")).unwrap()).to_vec()
        };
        for weight in asked {
            assert!(value(&model, weight).iter().all(|&v| v == 0.25), "{layer}.{weight}");
        }
        for weight in others {
            assert_eq!(value(&model, weight), value(&plain, weight), "{layer}.{weight}");
        }
    }
    let he = list(
        "conv1d\nunits = 40\nkernel = 3\nfirst_weights = { kind = \"he_uniform\" }\nfirst_bias = { kind = \"zeros\" }",
    );
    let model = ModelConfig::from_toml(&he).unwrap().build(3).unwrap();
    let of = |name: &str| model.parameters().value(model.parameters().find(name).unwrap());
    // Fan in: 4 features times 3 steps.
    let largest = of("conv1d.weight").iter().fold(0.0, |m: f32, v| m.max(v.abs()));
    assert!((0.95..=1.0).contains(&(largest / (6.0_f32 / 12.0).sqrt())), "{largest}");
    assert!(of("conv1d.bias").iter().all(|&v| v == 0.0));
}
