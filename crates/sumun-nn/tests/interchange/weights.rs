//! Layers from the names and shapes of weights alone.

use sumun_formats::Tensors;
use sumun_nn::interchange::{apply, largest_difference, of_weights, of_weights_with, to_weights};
use sumun_nn::model::{Input, ModelConfig};

use crate::{integers, tensors, weights};

/// An embedding of 9 words, a bidirectional LSTM of two layers, and a head of three classes, as PyTorch names them.
fn classifier() -> Vec<(&'static str, &'static [usize])> {
    vec![
        ("embedding.weight", &[9, 4]),
        ("rnn.weight_ih_l0", &[20, 4]),
        ("rnn.weight_hh_l0", &[20, 5]),
        ("rnn.bias_ih_l0", &[20]),
        ("rnn.bias_hh_l0", &[20]),
        ("rnn.weight_ih_l0_reverse", &[20, 4]),
        ("rnn.weight_hh_l0_reverse", &[20, 5]),
        ("rnn.bias_ih_l0_reverse", &[20]),
        ("rnn.bias_hh_l0_reverse", &[20]),
        ("rnn.weight_ih_l1", &[20, 10]),
        ("rnn.weight_hh_l1", &[20, 5]),
        ("rnn.bias_ih_l1", &[20]),
        ("rnn.bias_hh_l1", &[20]),
        ("rnn.weight_ih_l1_reverse", &[20, 10]),
        ("rnn.weight_hh_l1_reverse", &[20, 5]),
        ("rnn.bias_ih_l1_reverse", &[20]),
        ("rnn.bias_hh_l1_reverse", &[20]),
        ("fc.weight", &[3, 10]),
        ("fc.bias", &[3]),
    ]
}

#[test]
fn a_state_dict_says_which_layers_there_are() {
    let file = weights(&classifier());
    let import = of_weights(&file).unwrap();
    assert_eq!(import.model.config().input(), Some(Input::ids(9)));
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["embedding", "rnn", "fc"]);
    assert!(
        import.notes.iter().any(|note| note.contains("reads its final hidden state")),
        "{:?}",
        import.notes
    );
    assert!(import.notes.iter().any(|note| note.contains("dropout")), "{:?}", import.notes);
    assert_eq!(to_weights(&import.model).unwrap(), file);
    let ids = tensors(&[("input", integers(&[2, 3], &[1, 2, 3, 4, 0, 8]))]);
    assert_eq!(apply(&import.model, &ids, &Tensors::new()).unwrap().get("output").unwrap().shape(), [2, 3]);
}

#[test]
fn names_in_another_order_are_put_in_one_that_fits() {
    let mut list = classifier();
    list.sort_unstable();
    let sorted = of_weights(&weights(&list)).unwrap();
    assert_eq!(sorted.model.layer_names().collect::<Vec<_>>(), ["embedding", "rnn", "fc"]);
    // Sorted, the head's bias comes first and takes the first numbers; the layers are the same.
    assert!(sorted.notes[0].contains("order of the file"), "{:?}", sorted.notes);
}

#[test]
fn every_kind_of_module_is_recognised() {
    let file = weights(&[
        ("conv.weight", &[6, 2, 3]),
        ("conv.bias", &[6]),
        ("batch.weight", &[6]),
        ("batch.bias", &[6]),
        ("batch.running_mean", &[6]),
        ("batch.running_var", &[6]),
        ("cell.weight_ih", &[15, 6]),
        ("cell.weight_hh", &[15, 5]),
        ("norm.weight", &[5]),
        ("norm.bias", &[5]),
        ("head.weight", &[2, 5]),
    ]);
    let model = of_weights(&file).unwrap().model;
    let kinds: Vec<&str> = model.config().layers.iter().map(|layer| layer.kind()).collect();
    assert_eq!(kinds, ["conv1d", "batch_norm", "gru", "layer_norm", "dense"]);
}

#[test]
fn projections_are_told_from_their_weights() {
    let file = weights(&[("weight_ih_l0", &[20, 3]), ("weight_hh_l0", &[20, 2]), ("weight_hr_l0", &[2, 5])]);
    let model = of_weights(&file).unwrap().model;
    let x = weights(&[("input", &[1, 4, 3])]);
    let y = apply(&model, &x, &Tensors::new()).unwrap();
    assert_eq!(y.get("output").unwrap().shape(), [1, 4, 2]);
    assert_eq!(y.get("c_n").unwrap().shape(), [1, 1, 5]);
}

#[test]
fn what_no_layer_has_is_refused_by_name() {
    for (list, expected) in [
        (&[][..], "holds no tensors"),
        (&[("conv.weight", &[2, 3, 4, 5][..])], "'conv' has the tensors 'weight' [2, 3, 4, 5]"),
        (
            &[("lstm.weight_ih_l0", &[10, 3][..]), ("lstm.weight_hh_l0", &[10, 4])],
            "has 10 rows of weight_ih on 4 units",
        ),
        (
            &[("a.weight", &[3, 4][..]), ("a.bias", &[3]), ("b.weight", &[3, 5]), ("b.bias", &[3])],
            "the module 'b' does not fit",
        ),
        (&[("a.weight", &[3, 4][..]), ("a.extra", &[1])], "'extra' [1]"),
    ] {
        let error = of_weights(&weights(list)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_weight_that_is_not_finite_is_refused() {
    let mut list: Vec<(&str, _)> =
        weights(&[("fc.weight", &[1, 2])]).iter().map(|(_, t)| ("fc.weight", t.clone())).collect();
    list[0].1 = sumun_formats::Tensor::f32(vec![1, 2], vec![f32::NAN, 1.0]).unwrap();
    list.push(("fc.bias", sumun_formats::Tensor::f32(vec![1], vec![0.0]).unwrap()));
    let error = of_weights(&tensors(&list)).unwrap_err().to_string();
    assert!(error.contains("fc.weight holds NaN"), "{error}");
}

/// The classifier's layers under other names, reading every step.
fn architecture(units: usize) -> ModelConfig {
    ModelConfig::from_toml(&format!(
        r#"
        [input]
        vocabulary = 9
        [[layers]]
        kind = "embedding"
        features = 4
        [[layers]]
        kind = "lstm"
        units = {units}
        layers = 2
        bidirectional = true
        return_sequences = true
        [[layers]]
        kind = "dense"
        units = 3
        "#
    ))
    .unwrap()
}

#[test]
fn an_architecture_decides_and_takes_modules_of_other_names() {
    let import = of_weights_with(&weights(&classifier()), architecture(5)).unwrap();
    assert!(import.notes.iter().any(|note| note == "the layer dense has the weights of the module 'fc'"));
    let ids = tensors(&[("input", integers(&[2, 3], &[1, 2, 3, 4, 0, 8]))]);
    assert_eq!(
        apply(&import.model, &ids, &Tensors::new()).unwrap().get("output").unwrap().shape(),
        [2, 3, 3]
    );
}

#[test]
fn an_architecture_of_other_weights_is_refused() {
    let error = of_weights_with(&weights(&classifier()), architecture(6)).unwrap_err().to_string();
    assert!(error.contains("the layer lstm of the architecture has the weights"), "{error}");
    let mut list = classifier();
    list.push(("more.weight", &[2, 3]));
    let error = of_weights_with(&weights(&list), architecture(5)).unwrap_err().to_string();
    assert!(error.contains("the module 'more' belong to no layer"), "{error}");
}

#[test]
fn a_difference_between_two_models_is_found() {
    let model = || of_weights(&weights(&classifier())).unwrap().model;
    let mut other = model();
    assert_eq!(largest_difference(&model(), &other, 1).unwrap(), 0.0);
    let id = other.parameters().find("fc.bias").unwrap();
    other.parameters_mut().value_mut(id)[1] += 0.25;
    let found = largest_difference(&model(), &other, 1).unwrap();
    assert!((found - 0.25).abs() < 0.05, "{found}");
    let narrow = of_weights(&weights(&[("fc.weight", &[3, 10]), ("fc.bias", &[3])])).unwrap().model;
    assert!(largest_difference(&model(), &narrow, 1).is_err());
}

/// A tagger's CRF, by the names here and by those of pytorch-crf, and attention over time; the recurrent layer below gives steps.
#[test]
fn fields_of_tags_and_attention_over_time_are_told_by_their_weights() {
    let lstm = |units: usize| -> Vec<(&'static str, Vec<usize>)> {
        let shape = |columns: usize| vec![4 * units, columns];
        vec![
            ("embedding.weight", vec![9, 4]),
            ("rnn.weight_ih_l0", shape(4)),
            ("rnn.weight_hh_l0", shape(units)),
            ("rnn.bias_ih_l0", vec![4 * units]),
            ("rnn.bias_hh_l0", vec![4 * units]),
        ]
    };
    let of = |more: &[(&'static str, Vec<usize>)]| {
        let list: Vec<_> = lstm(5).into_iter().chain(more.iter().cloned()).collect();
        let list: Vec<(&str, &[usize])> =
            list.iter().map(|(name, shape)| (*name, shape.as_slice())).collect();
        weights(&list)
    };
    let head = [("fc.weight", vec![3, 5]), ("fc.bias", vec![3])];
    let field = |names: [&'static str; 3]| {
        let [start, end, transitions] = names;
        [head.as_slice(), &[(start, vec![3]), (end, vec![3]), (transitions, vec![3, 3])]].concat()
    };
    let ids = tensors(&[("input", integers(&[2, 4], &[1, 2, 3, 4, 0, 8, 7, 1]))]);
    let ours = of(&field(["crf.start", "crf.end", "crf.transitions"]));
    let theirs = of(&field(["crf.start_transitions", "crf.end_transitions", "crf.transitions"]));
    for file in [&ours, &theirs] {
        let import = of_weights(file).unwrap();
        assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["embedding", "rnn", "fc", "crf"]);
        assert!(!import.notes.iter().any(|note| note.contains("final hidden state")), "{:?}", import.notes);
        // The order of the file's tensors is not that of the weights here.
        let own = to_weights(&import.model).unwrap();
        for (name, tensor) in ours.iter() {
            assert_eq!(own.get(name), Some(tensor), "{name}");
        }
        let output = apply(&import.model, &ids, &Tensors::new()).unwrap();
        assert_eq!(output.get("output").unwrap().shape(), [2, 4, 3]);
        let again = of_weights_with(file, import.model.config().clone()).unwrap();
        assert_eq!(largest_difference(&import.model, &again.model, 1).unwrap(), 0.0);
    }
    let pooled = [("pool.weight", vec![6, 5]), ("pool.bias", vec![6]), ("pool.context", vec![6])];
    let import = of_weights(&of(&[pooled.as_slice(), &head].concat())).unwrap();
    assert_eq!(import.model.layer_names().collect::<Vec<_>>(), ["embedding", "rnn", "pool", "fc"]);
    let output = apply(&import.model, &ids, &Tensors::new()).unwrap();
    assert_eq!(output.get("output").unwrap().shape(), [2, 3]);
    for (names, part) in [
        (["crf.start", "crf.last", "crf.transitions"], "no layer can be told from these names"),
        (["crf.start", "crf.end", "transitions"], "no layer can be told from these names"),
    ] {
        let error = of_weights(&of(&field(names))).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

/// What names and shapes do not tell, an architecture does.
#[test]
fn an_architecture_names_layers_that_weights_alone_do_not_tell() {
    let text = "[inputs]\na = { features = 4 }\nb = { features = 3 }\n\
                [[layers]]\nkind = \"gru\"\nname = \"reader\"\nfrom = \"b\"\nunits = 5\nreturn_sequences = true\n\
                [[layers]]\nkind = \"cross_attention\"\nname = \"looks\"\nfrom = [\"a\", \"reader\"]\nscore = \"general\"";
    let architecture = ModelConfig::from_toml(text).unwrap();
    let model = architecture.clone().build(3).unwrap();
    let file = to_weights(&model).unwrap();
    assert!(of_weights(&file).unwrap_err().to_string().contains("give the architecture"));
    let import = of_weights_with(&file, architecture).unwrap();
    assert_eq!(import.model.parameters().values(), model.parameters().values());
}
