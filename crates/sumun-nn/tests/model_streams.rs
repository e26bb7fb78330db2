//! Streams of models: the bits of the whole sequence, whatever the company, for the price of the states.

use ndarray::{Array2, Array3};
use sumun_nn::Rows;
use sumun_nn::model::{
    Batch, Frame, Input, Model, ModelConfig, ModelState, ModelStream, RecurrentLayer, Streams,
};

const T: usize = 14;

fn model(toml: &str) -> Model {
    let toml = toml.replace('@', "[[layers]]\nkind =");
    ModelConfig::from_toml(&toml).unwrap_or_else(|error| panic!("{toml}\n{error}")).build(5).unwrap()
}

fn list(layers: &str) -> Model {
    model(&format!("[input]\nfeatures = 4\n{layers}"))
}

/// A sequence of frames that repeats nowhere, `[T, 4]`.
fn sequence(seed: usize) -> Array2<f32> {
    Array2::from_shape_fn((T, 4), |(t, f)| (((t * 4 + f + seed * 29) * 37 + 11) % 101) as f32 / 51.0 - 0.99)
}

/// What a whole pass shows at each step, `[T, F]`, of a model with an output at each or of one step alone.
fn whole(rows: &Rows) -> Vec<Vec<f32>> {
    rows.unpack().chunks_exact(rows.features).map(<[f32]>::to_vec).collect()
}

/// Models with an output for every step, all of them or those of windows.
fn by_step() -> Vec<(&'static str, Model)> {
    let steps = "return_sequences = true";
    vec![
        ("lstm", list(&format!("@ \"lstm\"\nunits = 9\nlayers = 3\n{steps}\n@ \"dense\"\nunits = 2"))),
        ("gru", list(&format!("@ \"gru_reset_before\"\nunits = 5\n{steps}\n@ \"softmax\""))),
        ("minimal", list(&format!("@ \"min_lstm\"\nunits = 5\n{steps}"))),
        (
            "layer norm inside",
            list(&format!("@ \"lstm\"\nunits = 5\noptions = {{ layer_norm = 1e-3 }}\n{steps}")),
        ),
        (
            "rows",
            list(
                "@ \"dense\"\nunits = 3\nactivation = \"tanh\"\n@ \"layer_norm\"\n@ \"dropout\"\np = 0.5\n@ \"batch_norm\"",
            ),
        ),
        (
            "causal",
            list(&format!(
                "@ \"conv1d\"\nunits = 6\nkernel = 3\ndilation = 2\npadding = \"causal\"\n@ \"gru\"\nunits = 5\n{steps}"
            )),
        ),
        (
            "causal, strided",
            list(&format!(
                "@ \"conv1d\"\nunits = 6\nkernel = 4\nstride = 3\ngroups = 2\npadding = \"causal\"\n@ \"gru\"\nunits = 5\n{steps}"
            )),
        ),
        (
            "valid",
            list(&format!(
                "@ \"conv1d\"\nunits = 6\nkernel = 3\n@ \"activation\"\nfunction = \"tanh\"\n@ \"conv1d\"\nunits = 5\nkernel = 2\n@ \"lstm\"\nunits = 5\n{steps}"
            )),
        ),
        (
            "valid, strided twice",
            list(
                "@ \"conv1d\"\nunits = 6\nkernel = 3\nstride = 2\n@ \"conv1d\"\nunits = 3\nkernel = 2\nstride = 2\n@ \"dense\"\nunits = 2",
            ),
        ),
        ("one step, strided", list("@ \"conv1d\"\nunits = 6\nkernel = 1\nstride = 3")),
        ("one step", list("@ \"conv1d\"\nunits = 6\nkernel = 1\npadding = \"same\"")),
        (
            "residual",
            list(&format!(
                "@ \"lstm\"\nname = \"memory\"\nunits = 4\n{steps}\n@ \"conv1d\"\nname = \"filter\"\nfrom = \"input\"\nunits = 4\nkernel = 5\n\
                 padding = \"causal\"\n@ \"add\"\nfrom = [\"memory\", \"filter\", \"input\"]"
            )),
        ),
    ]
}

fn step(stream: &mut ModelStream, frame: &[f32]) -> Option<Vec<f32>> {
    stream.step(frame).unwrap().row().map(<[f32]>::to_vec)
}

#[test]
fn a_stream_has_the_bits_of_the_whole_sequence() {
    for (name, model) in by_step() {
        let x: Vec<Array2<f32>> = (0..3).map(sequence).collect();
        let wanted: Vec<Vec<Vec<f32>>> = x
            .iter()
            .map(|x| {
                let x = x.view().insert_axis(ndarray::Axis(0));
                whole(&model.outputs(Batch::numbers(x), None).unwrap().rows[0])
            })
            .collect();
        let streams = Streams::new(model).unwrap();
        let mut alone = streams.stream();
        let mut found = Vec::new();
        for (t, frame) in x[0].rows().into_iter().enumerate() {
            // Put away and taken up by another stream in the middle.
            if t == 6 {
                let state = alone.state();
                alone = streams.stream();
                alone.set_state(&state).unwrap();
                assert_eq!(alone.state(), state, "{name}");
            }
            found.extend(step(&mut alone, frame.as_slice().unwrap()));
        }
        assert_eq!(found, wanted[0], "{name}");

        // Three together; the third joins when the others have had five steps.
        let mut all: Vec<ModelStream> = (0..3).map(|_| streams.stream()).collect();
        let mut found = vec![Vec::new(); 3];
        for t in 0..T + 5 {
            let mut together = Vec::new();
            let mut frames: Vec<Frame<'_>> = Vec::new();
            for (n, stream) in all.iter_mut().enumerate() {
                let own = if n == 2 { t.wrapping_sub(5) } else { t };
                if own < T {
                    together.push((n, stream));
                    frames.push(x[n].row(own).to_slice().unwrap().into());
                }
            }
            let (places, mut together): (Vec<usize>, Vec<&mut ModelStream>) = together.into_iter().unzip();
            let outputs = streams.step_all(&mut together, &frames).unwrap();
            for (n, output) in places.into_iter().zip(outputs) {
                found[n].extend(output.row().map(<[f32]>::to_vec));
            }
        }
        assert_eq!(found, wanted, "{name}, together");
        alone.reset();
        assert_eq!(alone.state(), streams.stream().state(), "{name}");
    }
}

#[test]
fn a_last_state_is_that_so_far() {
    for layers in [
        "@ \"lstm\"\nunits = 5\nlayers = 2\n@ \"dense\"\nunits = 3",
        "@ \"gru\"\nunits = 5\nreturn_sequences = true\n@ \"pool\"\nover = \"last\"\n@ \"dense\"\nunits = 3",
        "@ \"conv1d\"\nunits = 5\nkernel = 2\n@ \"gru\"\nunits = 5\n@ \"dense\"\nunits = 3",
    ] {
        let (model, x) = (list(layers), sequence(1));
        let sofar = |t: usize| {
            let part = Array3::from_shape_fn((1, t + 1, 4), |(_, t, f)| x[[t, f]]);
            whole(&list(layers).outputs(Batch::numbers(part.view()), None).unwrap().rows[0]).remove(0)
        };
        let mut stream = Streams::new(model).unwrap().stream();
        for (t, frame) in x.rows().into_iter().enumerate() {
            let found = step(&mut stream, frame.as_slice().unwrap());
            match layers.contains("conv1d") && t == 0 {
                true => assert_eq!(found, None),
                false => assert_eq!(found, Some(sofar(t)), "{layers}, step {t}"),
            }
        }
    }
}

/// What remembers nothing shows the last step of the sequence so far, whatever its other steps have become.
#[test]
fn a_last_state_beside_steps_is_that_so_far() {
    let layers = "@ \"dense\"\nname = \"wide\"\nunits = 3\n@ \"gru\"\nname = \"last\"\nunits = 3\n\
                  @ \"multiply\"\nfrom = [\"wide\", \"last\"]\n@ \"dense\"\nunits = 2";
    let x = sequence(1);
    let mut stream = Streams::new(list(layers)).unwrap().stream();
    for (t, frame) in x.rows().into_iter().enumerate() {
        let part = Array3::from_shape_fn((1, t + 1, 4), |(_, t, f)| x[[t, f]]);
        let rows = list(layers).outputs(Batch::numbers(part.view()), None).unwrap().rows.remove(0);
        assert_eq!(step(&mut stream, frame.as_slice().unwrap()), whole(&rows).pop(), "step {t}");
    }
}

#[test]
fn ids_stream_and_masked_ones_are_no_steps() {
    let toml = "[input]\nvocabulary = 7\n@ \"embedding\"\nfeatures = 3\nmask_zero = true\n@ \"lstm\"\nunits = 4\n\
                return_sequences = true\n@ \"dense\"\nunits = 2";
    let ids = Array2::from_shape_vec((1, 6), vec![3, 0, 6, 1, 0, 2]).unwrap();
    let rows = model(toml).outputs(Batch::ids(ids.view()), None).unwrap().rows.remove(0);
    let streams = Streams::new(model(toml)).unwrap();
    let (mut one, mut other) = (streams.stream(), streams.stream());
    let steps: Vec<Option<Vec<f32>>> =
        ids.iter().map(|&id| one.step(id).unwrap().row().map(<[f32]>::to_vec)).collect();
    assert_eq!(steps.iter().flatten().cloned().collect::<Vec<_>>().concat(), *rows.data);
    assert_eq!(steps.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true, true, false, true]);
    one.reset();
    let outputs = streams.step_all(&mut [&mut other, &mut one], &[0.into(), 3.into()]).unwrap();
    assert_eq!((outputs[0].row(), outputs[1].row()), (None, steps[0].as_deref()));
    let error = one.step(7).unwrap_err().to_string();
    assert_eq!(error, "the id 7 is not one in 0..7");
    let error = one.step(&[1.0][..]).unwrap_err().to_string();
    assert_eq!(error, "a frame: expected an id, found 1 numbers");
}

#[test]
fn what_needs_more_than_the_steps_so_far_is_named() {
    for (layers, says) in [
        (
            "@ \"lstm\"\nname = \"both\"\nunits = 3\nbidirectional = true",
            "both has a second direction that begins at the last step",
        ),
        ("@ \"gru\"\nunits = 3\ngo_backwards = true", "gru begins at the last step"),
        ("@ \"reverse\"\n@ \"gru\"\nunits = 3", "reverse begins at the last step"),
        ("@ \"attention\"\nunits = 3", "attention attends over all steps"),
        (
            "@ \"gru\"\nunits = 3\nreturn_sequences = true\n@ \"pool\"\nname = \"peak\"\nover = \"max\"",
            "peak pools over all steps",
        ),
        ("@ \"conv1d\"\nunits = 3\nkernel = 3\npadding = \"same\"", "conv1d has padding on both sides"),
        ("@ \"gru\"\nunits = 4\n@ \"unflatten\"\nsteps = 2", "unflatten makes several steps of one row"),
        (
            "@ \"lstm\"\nname = \"one\"\nunits = 3\nreturn_sequences = true\n@ \"lstm\"\nname = \"two\"\nunits = 3\ninitial = \"one\"",
            "two begins with the last state of one",
        ),
        // Every step of both together changes as long as the last state does.
        (
            "@ \"dense\"\nname = \"wide\"\nunits = 3\n@ \"gru\"\nname = \"last\"\nunits = 3\n@ \"add\"\nname = \"both\"\nfrom = [\"wide\", \"last\"]\n@ \"softmax\"\n@ \"lstm\"\nname = \"over\"\nunits = 2",
            "over reads steps that are combined with a last state",
        ),
    ] {
        let error = Streams::new(list(layers)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the model cannot stream: {says}")), "{error}");
        assert!(!error.contains('\n'));
    }
    let two = "[inputs]\na = { features = 4 }\nb = { features = 4 }\n@ \"add\"\nfrom = [\"a\", \"b\"]";
    let error = Streams::new(model(two)).unwrap_err().to_string();
    assert!(error.contains("a stream has one input, but the model reads a, b"), "{error}");
}

#[test]
fn a_step_that_fails_changes_nothing() {
    let layers = "@ \"conv1d\"\nname = \"filter\"\nunits = 3\nkernel = 2\npadding = \"causal\"\n@ \"lstm\"\nname = \"memory\"\nunits = 3\nreturn_sequences = true\n\
                  @ \"dense\"\nunits = 1";
    let (streams, others) = (Streams::new(list(layers)).unwrap(), Streams::new(list(layers)).unwrap());
    let mut stream = streams.stream();
    stream.step(&[0.1, 0.2, 0.3, 0.4][..]).unwrap();
    let before = stream.state();
    for (frame, says) in [
        (&[0.1, 0.2][..], "a frame: expected 4 numbers, found 2 numbers"),
        (&[0.1, f32::NAN, 0.0, 0.0], "a frame has NaN at feature 1"),
    ] {
        let error = stream.step(frame).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
    assert!(stream.step(3).unwrap_err().to_string().contains("found an id"));
    let mut stranger = others.stream();
    let frame = Frame::from(&[0.0; 4][..]);
    let error = streams.step_all(&mut [&mut stream, &mut stranger], &[frame, frame]).unwrap_err().to_string();
    assert!(error.contains("stream 1 is of another model"), "{error}");
    assert!(streams.step_all(&mut [&mut stream], &[]).is_err());
    assert_eq!(streams.step_all(&mut [], &[]).unwrap(), []);
    for spoil in [
        &|state: &mut sumun_nn::model::StreamMemory| {
            state.states.get_mut("memory").unwrap().hidden[0] = f32::NAN
        },
        &|state: &mut sumun_nn::model::StreamMemory| {
            state.states.get_mut("memory").unwrap().cell.pop();
        },
        &|state: &mut sumun_nn::model::StreamMemory| {
            state.windows.get_mut("filter").unwrap().rows.pop();
        },
        &|state: &mut sumun_nn::model::StreamMemory| state.windows.get_mut("filter").unwrap().wait = 9,
        &|state: &mut sumun_nn::model::StreamMemory| {
            let state = &mut state.states;
            let memory = state.get("memory").unwrap().clone();
            state.insert("filter".into(), memory);
        },
    ] as [&dyn Fn(&mut sumun_nn::model::StreamMemory); 5]
    {
        let mut state = before.clone();
        spoil(&mut state);
        let error = stream.set_state(&state).unwrap_err().to_string();
        assert!(error.contains("memory") || error.contains("filter"), "{error}");
    }
    assert_eq!(stream.state(), before);
    // Numbers that overflow within the model.
    let steep = {
        let mut model = list("@ \"dense\"\nunits = 1");
        model.parameters_mut().values_mut().fill(1e30);
        Streams::new(model).unwrap()
    };
    let error = steep.stream().step(&[1e30; 4][..]).unwrap_err().to_string();
    assert!(error.contains("too large for this model"), "{error}");
}

#[test]
fn streams_begin_with_the_states_of_the_model() {
    let model = |seed| {
        list("@ \"lstm\"\nname = \"memory\"\nunits = 3\nreturn_sequences = true")
            .config()
            .clone()
            .build(seed)
            .unwrap()
    };
    let shape = sumun_nn::nn::RecurrentState { hidden: vec![0.1, 0.2, 0.3], cell: vec![-0.5, 0.0, 0.5] };
    let initial = ModelState::from([("memory".to_owned(), shape)]);
    let x = sequence(2);
    let rows = x.view().insert_axis(ndarray::Axis(0));
    let wanted = model(3).outputs(Batch::numbers(rows), Some(&initial)).unwrap();
    let streams = Streams::beginning_with(model(3), &initial).unwrap();
    let mut stream = streams.stream();
    for _ in 0..2 {
        let found: Vec<Vec<f32>> =
            x.rows().into_iter().filter_map(|x| step(&mut stream, x.as_slice().unwrap())).collect();
        assert_eq!(found, whole(&wanted.rows[0]));
        assert_eq!(stream.state().states, wanted.state);
        stream.reset();
    }
    fn moves<T: Send + Sync + 'static>(_: T) {}
    moves(stream);
}

#[test]
fn ten_thousand_streams_cost_their_states_and_the_weights_once() {
    const COUNT: usize = 10_000;
    const UNITS: usize = 64;
    let model =
        Model::builder(Input::numbers(4)).layer(RecurrentLayer::lstm(UNITS)).dense(1).build(1).unwrap();
    let weights = size_of_val(model.parameters().values());
    let streams = Streams::new(model).unwrap();
    // The packed weights, which all share.
    streams.stream().step(&[0.5; 4][..]).unwrap();
    let mut all: Vec<ModelStream> = Vec::with_capacity(COUNT);
    let state = 2 * UNITS * size_of::<f32>();
    let made = allocation_counter::measure(|| all.extend((0..COUNT).map(|_| streams.stream())));
    assert!(made.bytes_current as usize >= COUNT * state, "{made:?}");
    // A stream's own: two vectors in a box, and what is in them.
    assert!(made.bytes_current as usize <= COUNT * (state + 100), "{made:?}");
    assert!(weights > 50 * state);
    let stepped = allocation_counter::measure(|| {
        for stream in &mut all {
            stream.step(&[0.5; 4][..]).unwrap();
        }
    });
    assert_eq!(stepped.bytes_current, 0, "{stepped:?}");
}
