//! Models as graphs, and back: the same bits.

use sumun_formats::{Data, ElementType, Tensor, Tensors, onnx};
use sumun_nn::interchange::apply;
use sumun_nn::interchange::onnx::{OnnxOptions, read, write};
use sumun_nn::model::{Input, Model, ModelConfig};

use crate::{integers, tensor, tensors};

fn model(toml: &str) -> Model {
    let toml = toml.replace('@', "[[layers]]\nkind =");
    ModelConfig::from_toml(&toml).unwrap_or_else(|error| panic!("{toml}\n{error}")).build(5).unwrap()
}

const NUMBERS: &str = "[input]\nfeatures = 4\n";

fn models() -> Vec<(&'static str, Model)> {
    let list = |layers: &str| model(&format!("{NUMBERS}{layers}"));
    vec![
        ("lstm", list("@ \"lstm\"\nunits = 3")),
        ("lstm steps", list("@ \"lstm\"\nunits = 3\nreturn_sequences = true")),
        (
            "bidirectional stack",
            list("@ \"gru\"\nunits = 3\nlayers = 2\nbidirectional = true\nreturn_sequences = true"),
        ),
        ("bidirectional, final", list("@ \"lstm\"\nunits = 3\nlayers = 2\nbidirectional = true")),
        ("reset before", list("@ \"gru_reset_before\"\nunits = 3\nbiases = \"one\"")),
        ("rnn relu", list("@ \"rnn_relu\"\nunits = 3\nbiases = \"none\"\nreturn_sequences = true")),
        (
            "options",
            list(
                "@ \"lstm\"\nunits = 3\noptions = { peepholes = true, clip = 0.5, coupled = true, \
                 gate_activation = { hard_sigmoid = { alpha = 0.25, beta = 0.5 } }, output_activation = \"relu\" }",
            ),
        ),
        (
            "merged",
            list("@ \"lstm\"\nunits = 3\nbidirectional = true\nmerge = \"sum\"\nreturn_sequences = true"),
        ),
        ("averaged", list("@ \"gru\"\nunits = 3\nbidirectional = true\nmerge = \"average\"")),
        ("backwards", list("@ \"rnn\"\nunits = 3\ngo_backwards = true\nreturn_sequences = true")),
        (
            "head",
            list(
                "@ \"lstm\"\nunits = 5\nreturn_sequences = true\n@ \"dropout\"\np = 0.5\n@ \"dense\"\nunits = 6\n\
                 activation = \"tanh\"\n@ \"pool\"\nover = \"last\"\n@ \"dense\"\nunits = 2\n@ \"softmax\"",
            ),
        ),
        (
            "dense",
            list("@ \"dense\"\nunits = 3\nbias = false\n@ \"dense\"\nunits = 2\nactivation = \"sigmoid\""),
        ),
        ("dense, then tanh", list("@ \"dense\"\nunits = 3\n@ \"activation\"\nfunction = \"tanh\"")),
        ("elu", list("@ \"dense\"\nunits = 3\n@ \"activation\"\nfunction = { elu = { alpha = 0.5 } }")),
        (
            "convolutions",
            list(
                "@ \"conv1d\"\nunits = 6\nkernel = 3\n@ \"conv1d\"\nunits = 4\nkernel = 3\npadding = \"same\"\ngroups = 2\n\
                 @ \"conv1d\"\nunits = 3\nkernel = 2\npadding = \"causal\"\ndilation = 2\nstride = 2\n@ \"pool\"\nover = \"max\"",
            ),
        ),
        ("same, strided", list("@ \"conv1d\"\nunits = 3\nkernel = 3\npadding = \"same\"\nstride = 2")),
        (
            "norms",
            list(
                "@ \"layer_norm\"\nepsilon = 0.01\n@ \"batch_norm\"\nepsilon = 0.5\n@ \"layer_norm\"\nbias = false",
            ),
        ),
        ("pooled norm", list("@ \"pool\"\nover = \"mean\"\n@ \"batch_norm\"\naffine = false")),
        ("slice", list("@ \"slice\"\nstart = 1\nfeatures = 2\n@ \"reverse\"\n@ \"gru\"\nunits = 2")),
        (
            "functions",
            list(
                "@ \"elementwise\"\nfunction = \"abs\"\n@ \"elementwise\"\nfunction = \"sqrt\"\n\
                 @ \"elementwise\"\nfunction = \"exp\"\n@ \"elementwise\"\nfunction = \"log\"\n\
                 @ \"elementwise\"\nfunction = \"square\"\n@ \"elementwise\"\nfunction = { power = { exponent = 1.5 } }\n\
                 @ \"elementwise\"\nfunction = \"erf\"\n@ \"elementwise\"\nfunction = \"gelu\"\n\
                 @ \"elementwise\"\nfunction = \"gelu_tanh\"",
            ),
        ),
        (
            "attention",
            list(
                "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"attention\"\nunits = 5\n@ \"dense\"\nunits = 2",
            ),
        ),
        ("attention over the input", list("@ \"attention\"\nunits = 2")),
        (
            "steps around",
            list(
                "@ \"pad\"\nbefore = 2\nafter = 1\nvalue = 0.5\n@ \"crop\"\nbefore = 1\n@ \"crop\"\nbefore = 1\nafter = 2\n\
                 @ \"pad\"\nafter = 3\nmode = \"edge\"\n@ \"pad\"\nbefore = 2\nmode = \"reflect\"\n@ \"crop\"\nafter = 1\n\
                 @ \"gru\"\nunits = 2",
            ),
        ),
        (
            "ids",
            model(
                "[input]\nvocabulary = 7\n@ \"embedding\"\nfeatures = 3\n@ \"gru\"\nunits = 2\n@ \"dense\"\nunits = 3",
            ),
        ),
        (
            "graph",
            model(
                "outputs = [\"sum\", \"side\"]\n[inputs]\na = { features = 4 }\nb = { features = 4 }\n\
                 @ \"lstm\"\nname = \"first\"\nfrom = \"a\"\nunits = 3\nreturn_sequences = true\n\
                 @ \"dense\"\nname = \"second\"\nfrom = \"b\"\nunits = 3\n\
                 @ \"add\"\nname = \"sum\"\nfrom = [\"first\", \"second\"]\n\
                 @ \"concat\"\nname = \"side\"\nfrom = [\"sum\", \"first\"]",
            ),
        ),
        (
            "row beside steps",
            model(
                "[inputs]\na = { features = 4 }\nb = { kind = \"row\", features = 3 }\n\
                 @ \"dense\"\nname = \"second\"\nfrom = \"b\"\nunits = 4\n\
                 @ \"multiply\"\nname = \"product\"\nfrom = [\"a\", \"second\"]\n\
                 @ \"concat\"\nname = \"side\"\nfrom = [\"product\", \"second\"]\n@ \"gru\"\nunits = 2",
            ),
        ),
        (
            "steps laid out",
            model(
                "[inputs]\nwindow = { features = 4 }\nahead = { features = 2 }\n\
                 @ \"gru\"\nname = \"memory\"\nfrom = \"window\"\nunits = 3\n@ \"dense\"\nunits = 18\n\
                 @ \"unflatten\"\nname = \"steps\"\nsteps = 9\n\
                 @ \"dense\"\nname = \"known\"\nfrom = \"ahead\"\nunits = 2\nbias = false\n\
                 @ \"add\"\nfrom = [\"steps\", \"known\"]",
            ),
        ),
        (
            "encoder and decoder",
            model(
                "[inputs]\nsource = { features = 2 }\ntarget = { features = 3 }\n\
                 @ \"lstm\"\nname = \"encoder\"\nfrom = \"source\"\nunits = 3\n\
                 @ \"lstm\"\nname = \"decoder\"\nfrom = \"target\"\nunits = 3\ninitial = \"encoder\"\nreturn_sequences = true",
            ),
        ),
    ]
}

/// Small numbers for every input.
fn inputs(model: &Model) -> Tensors {
    let arrays = model.config().inputs.iter().enumerate().map(|(seed, (name, input))| {
        let array = match *input {
            Input::Ids { .. } => integers(&[2, 5], &[0, 3, 6, 1, 2, 2, 4, 5, 0, 6]),
            Input::Numbers { features } => tensor(&[2, 9, features], seed + 3),
            Input::Row { features } => tensor(&[2, features], seed + 3),
        };
        (name.as_str(), array)
    });
    tensors(&arrays.collect::<Vec<_>>())
}

fn values(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        Data::F32(values) => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_graph_of_a_model_is_the_model_again() {
    for (what, model) in models() {
        let graph = write(&model, OnnxOptions::default()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let graph = onnx::read(&onnx::write(&graph)).unwrap();
        let import = read(&graph).unwrap_or_else(|error| panic!("{what}: {error}"));
        let x = inputs(&model);
        let direct = apply(&model, &x, &Tensors::new()).unwrap();
        let again = import.apply(&x, &Tensors::new()).unwrap_or_else(|error| panic!("{what}: {error}"));
        let names: Vec<&str> = if what == "graph" { vec!["sum", "side"] } else { vec!["output"] };
        assert_eq!(again.iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "{what}");
        for name in names {
            let (got, want) = (again.get(name).unwrap(), direct.get(name).unwrap());
            assert_eq!(got.shape(), want.shape(), "{what}");
            assert_eq!(values(got), values(want), "{what}: {name}");
        }
    }
}

/// Models whose steps keep their number, written with lengths: read back, each sequence of a padded batch has the bits that
/// it has alone, and zeros past its end.
#[test]
fn a_graph_with_lengths_is_the_model_again() {
    let options = OnnxOptions { lengths: true, ..OnnxOptions::default() };
    let list = |layers: &str| model(&format!("{NUMBERS}{layers}"));
    let of_lengths = [
        ("gru", list("@ \"gru\"\nunits = 3")),
        (
            "stack",
            list(
                "@ \"lstm\"\nunits = 3\nlayers = 2\nbidirectional = true\nreturn_sequences = true\n@ \"dense\"\nunits = 2",
            ),
        ),
        ("dense alone", list("@ \"dense\"\nunits = 3")),
        (
            "last",
            list(
                "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"pool\"\nover = \"last\"\n@ \"dense\"\nunits = 2",
            ),
        ),
        (
            "mean",
            list(
                "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"pool\"\nover = \"mean\"\n@ \"dense\"\nunits = 2",
            ),
        ),
        ("max", list("@ \"dense\"\nunits = 3\n@ \"pool\"\nover = \"max\"")),
        (
            "attention",
            list(
                "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"attention\"\nunits = 5\n@ \"dense\"\nunits = 2",
            ),
        ),
        (
            "reversed",
            list(
                "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"reverse\"\n@ \"lstm\"\nunits = 2\nreturn_sequences = true",
            ),
        ),
        (
            "convolutions",
            list(
                "@ \"conv1d\"\nunits = 4\nkernel = 3\npadding = \"same\"\n@ \"conv1d\"\nunits = 3\nkernel = 2\npadding = \"causal\"\n\
                 @ \"gru\"\nunits = 3\nbidirectional = true\nreturn_sequences = true\n@ \"softmax\"",
            ),
        ),
    ];
    for (what, model) in of_lengths {
        let graph = onnx::read(&onnx::write(&write(&model, options).unwrap())).unwrap();
        let import = read(&graph).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(import.notes.is_empty(), "{what}: {:?}", import.notes);
        let x = tensor(&[4, 9, 4], 3);
        let lengths = Tensor::new(ElementType::I32, vec![4], Data::I32(vec![9, 4, 1, 6]), "test").unwrap();
        let given = tensors(&[("input", x), ("lengths", lengths)]);
        let direct = apply(&model, &given, &Tensors::new()).unwrap();
        let again = import.apply(&given, &Tensors::new()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(again.get("output"), direct.get("output"), "{what}");
        assert_eq!(again.len(), 1, "{what}");
    }
}

#[test]
fn states_of_a_model_are_inputs_and_outputs_of_its_graph() {
    let options = OnnxOptions { states: true, ..OnnxOptions::default() };
    for (what, model) in
        models().into_iter().filter(|(what, _)| ["lstm", "bidirectional stack"].contains(what))
    {
        let import = read(&write(&model, options).unwrap()).unwrap();
        let has_c = what == "lstm";
        let count = if has_c { 1 } else { 4 };
        let (h, c) = (tensor(&[count, 2, 3], 1), tensor(&[count, 2, 3], 2));
        let mut ours = vec![("h_n", h.clone())];
        let mut theirs = vec![("h_0", h)];
        if has_c {
            ours.push(("c_n", c.clone()));
            theirs.push(("c_0", c));
        }
        let x = inputs(&model);
        let direct = apply(&model, &x, &tensors(&ours)).unwrap();
        let again = import.apply(&x, &tensors(&theirs)).unwrap();
        for (name, want) in direct.iter() {
            assert_eq!(again.get(name), Some(want), "{what}: {name}");
        }
        assert_eq!(again.len(), direct.len());
    }
}

#[test]
fn what_onnx_has_not_is_refused() {
    let refused = |toml: &str, options| write(&model(toml), options).unwrap_err().to_string();
    let lengths = OnnxOptions { lengths: true, ..OnnxOptions::default() };
    for (toml, options, expected) in [
        ("@ \"min_gru\"\nunits = 3", OnnxOptions::default(), "min_gru: ONNX cannot hold this"),
        (
            "@ \"lstm\"\nunits = 3\noptions = { projection = 2 }",
            OnnxOptions::default(),
            "lstm: ONNX cannot hold this",
        ),
        ("@ \"conv1d\"\nunits = 3\nkernel = 2", lengths, "conv1d changes the lengths of sequences"),
        ("@ \"pad\"\nafter = 2", lengths, "pad changes the lengths of sequences"),
        ("@ \"crop\"\nafter = 2", lengths, "crop changes the lengths of sequences"),
        ("@ \"rnn\"\nunits = 3\ngo_backwards = true", lengths, "rnn reads the time axis from its end"),
    ] {
        let error = refused(&format!("{NUMBERS}{toml}"), options);
        assert!(error.starts_with(expected), "{error}");
    }
    let ids =
        "[input]\nvocabulary = 7\n@ \"embedding\"\nfeatures = 3\nmask_zero = true\n@ \"gru\"\nunits = 2";
    assert!(refused(ids, lengths).starts_with("embedding masks the steps of an id"));
    let named = "[inputs]\nlengths = { features = 2 }\n@ \"gru\"\nunits = 2";
    assert!(refused(named, lengths).starts_with("an input of the model is named 'lengths'"));
}
