//! NumPy source to be read: the equations of each layer as books write them.

use std::fmt::Write;

use super::link::{Cells, Equations, Link, What, past_rows};
use super::plan::{Node, Plan, Source, expect_name};
use crate::Result;
use crate::model::{Input, Model};
use crate::nn::{Activation, ActivationFunction, Combine, Padding};

/// A model as a Python module that needs NumPy alone: `forward(x, h=None)` returns the outputs of the steps of one sequence
/// and the states after them, with which the next call goes on. Of a model with several inputs x is a dictionary by their names,
/// of one with several outputs so is what comes out.
///
/// It loads its weights from `NAME.npz` beside it, which the caller writes: the arrays of
/// [`to_weights`](crate::interchange::to_weights) by their names. It is for reading and checking, and slow: a loop in Python
/// over the steps. Errors: those of [`to_c`](super::to_c), but for the number of weights; a row may become steps here.
pub fn to_numpy(model: &Model, name: &str) -> Result<String> {
    expect_name(name)?;
    let plan = Plan::of(model)?;
    let forward = forward(&plan);
    let about = match (plan.inputs.as_slice(), plan.outputs.as_slice()) {
        ([(_, input)], [output]) => format!(
            "y, h = forward(x) takes {} of one sequence, rows of {} numbers come out; forward(x, h) goes on with\n\
             the steps that follow.",
            described("x ", *input),
            output.width
        ),
        (inputs, outputs) => {
            let mut about = String::from("y, h = forward(x) takes of one sequence");
            for (place, (name, input)) in inputs.iter().enumerate() {
                let own = if inputs.len() == 1 { "x ".into() } else { format!("x[{}] ", text(name)) };
                let comma = if place == 0 { "" } else { "," };
                let _ = write!(about, "{comma}\n    {}", described(&own, *input));
            }
            about.push_str("\nand gives rows of");
            for (place, output) in outputs.iter().enumerate() {
                let own = if outputs.len() == 1 { "y".into() } else { format!("y[{}]", text(output.name)) };
                let comma = if place == 0 { "" } else { "," };
                let _ = write!(about, "{comma}\n    {} numbers in {own}", output.width);
            }
            about.push_str("\nforward(x, h) goes on with the steps that follow.");
            about
        }
    };
    let mut text = format!(
        "\"\"\"{name}: a trained network in NumPy, to be read. Written by Sumun.\n\n\
         {about} The weights are in {name}.npz beside this file, with PyTorch's names and shapes.\n\"\"\"\n\n\
         import pathlib\n\nimport numpy as np\n\n\
         W = dict(np.load(pathlib.Path(__file__).with_name(\"{name}.npz\")))\n",
    );
    for function in functions_for(&forward) {
        let _ = write!(text, "\n\n{function}");
    }
    let _ = write!(text, "\n\n{forward}");
    Ok(text)
}

/// What goes in, with its shape.
fn described(name: &str, input: Input) -> String {
    match input {
        Input::Ids { .. } => format!("ids {name}[T]"),
        Input::Numbers { features } => format!("numbers {name}[T, {features}]"),
        Input::Row { features } => format!("numbers {name}[{features}]"),
    }
}

/// The functions that a text names, and those that they name, each after those.
fn functions_for(text: &str) -> Vec<&'static str> {
    let mut chosen: Vec<&str> = Vec::new();
    for (name, function) in FUNCTIONS.iter().rev() {
        if names(text, name) || chosen.iter().any(|chosen| names(chosen, name)) {
            chosen.push(function);
        }
    }
    chosen.reverse();
    chosen
}

/// Whether a function is called in a text, or passed on.
fn names(text: &str, function: &str) -> bool {
    text.match_indices(function).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + function.len()..].chars().next();
        !before.is_some_and(|c| c.is_alphanumeric() || "_.\"".contains(c)) && matches!(after, Some('(' | ')'))
    })
}

/// The functions that a module may need, each after those that it calls.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "zeros",
        r#"def zeros(*shape):
    """Where states begin."""
    return np.zeros(shape, np.float32)
"#,
    ),
    (
        "weights",
        r#"def weights(name, layer, biases):
    """Of one layer of a recurrent stack: weight_ih, weight_hh and as many biases as it has."""
    parts = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"][: 2 + biases]
    return [W[f"{name}.{part}_l{layer}"] for part in parts]
"#,
    ),
    (
        "relu",
        r#"def relu(x):
    """max(0, x)."""
    return np.maximum(x, 0)
"#,
    ),
    (
        "sigmoid",
        r#"def sigmoid(x):
    """1 / (1 + exp(-x)), written so that nothing overflows."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)
"#,
    ),
    (
        "softmax",
        r#"def softmax(x):
    """Shares that sum to 1."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
"#,
    ),
    (
        "layer_norm",
        r#"def layer_norm(x, epsilon):
    """Every row by its own mean and variance."""
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
"#,
    ),
    (
        "beside",
        r#"def beside(*parts):
    """Features one beside the other; a row of the whole sequence stands at each step."""
    steps = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    return np.concatenate([np.broadcast_to(part, (*steps, part.shape[-1])) for part in parts], -1)
"#,
    ),
    (
        "convolution",
        r#"def convolution(x, past, weight, bias, dilation, groups):
    """Each output is an affine map of a window of K rows; past has the rows before x."""
    x = np.concatenate([past, x])
    outputs, inputs, kernel = weight.shape
    reach = (kernel - 1) * dilation
    steps = max(0, len(x) - reach)
    windows = np.stack([x[k * dilation : k * dilation + steps] for k in range(kernel)], axis=-1)
    windows = windows.reshape(steps, groups, inputs * kernel)
    by_group = weight.reshape(groups, outputs // groups, inputs * kernel)
    y = np.einsum("tgi,goi->tgo", windows, by_group).reshape(steps, outputs) + bias
    return y, x[max(0, len(x) - reach) :]
"#,
    ),
    (
        "rnn",
        r#"def rnn(x, h, w_ih, w_hh, b_ih=0, b_hh=0, activation=np.tanh):
    """h' = activation(W x + b_ih + U h + b_hh)  (Elman 1990)."""
    y = np.zeros((len(x), len(h)), w_ih.dtype)
    for t, x_t in enumerate(x):
        h = activation(w_ih @ x_t + b_ih + w_hh @ h + b_hh)
        y[t] = h
    return y, h
"#,
    ),
    (
        "lstm",
        r#"def lstm(x, state, w_ih, w_hh, b_ih=0, b_hh=0):
    """Gates decide what is forgotten, written and shown of the cell c  (Hochreiter & Schmidhuber 1997)."""
    h, c = state
    y = np.zeros((len(x), len(h)), w_ih.dtype)
    for t, x_t in enumerate(x):
        i, f, g, o = np.split(w_ih @ x_t + b_ih + w_hh @ h + b_hh, 4)
        i, f, o = sigmoid(i), sigmoid(f), sigmoid(o)
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        y[t] = h
    return y, (h, c)
"#,
    ),
    (
        "gru",
        r#"def gru(x, h, w_ih, w_hh, b_ih=0, b_hh=0, z_takes=False):
    """r says how much of h the candidate n sees, z how much of h is kept  (Cho et al. 2014)."""
    y = np.zeros((len(x), len(h)), w_ih.dtype)
    for t, x_t in enumerate(x):
        r_x, z_x, n_x = np.split(w_ih @ x_t + b_ih, 3)
        r_h, z_h, n_h = np.split(w_hh @ h + b_hh, 3)
        r, z = sigmoid(r_x + r_h), sigmoid(z_x + z_h)
        n = np.tanh(n_x + r * n_h)
        keep = 1 - z if z_takes else z
        h = (1 - keep) * n + keep * h
        y[t] = h
    return y, h
"#,
    ),
    (
        "gru_reset_before",
        r#"def gru_reset_before(x, h, w_ih, w_hh, b_ih=0, b_hh=0, z_takes=False):
    """As the paper has it, the reset gate before the product: the candidate reads U (r h)  (Cho et al. 2014)."""
    y = np.zeros((len(x), len(h)), w_ih.dtype)
    u_r, u_z, u_n = np.split(w_hh, 3)
    for t, x_t in enumerate(x):
        r_x, z_x, n_x = np.split(w_ih @ x_t + b_ih + b_hh, 3)
        r, z = sigmoid(r_x + u_r @ h), sigmoid(z_x + u_z @ h)
        n = np.tanh(n_x + u_n @ (r * h))
        keep = 1 - z if z_takes else z
        h = (1 - keep) * n + keep * h
        y[t] = h
    return y, h
"#,
    ),
];

/// The function that calls the layers, a line or a few for each. The present rows are `x`; those that are read later are in `v`.
fn forward(plan: &Plan) -> String {
    let mut text = String::from(
        "def forward(x, h=None):\n    \"\"\"The outputs, and the states after the last step by layer.\"\"\"\n    h = dict(h or {})\n",
    );
    let array = |of: &str, input: &Input| match input {
        Input::Ids { .. } => format!("np.asarray({of})"),
        Input::Numbers { .. } | Input::Row { .. } => format!("np.asarray({of}, np.float32)"),
    };
    let reads_again = |node: &Node<'_>| node.reads.contains(&Source::Input(0));
    let is_shown =
        !plan.nodes.is_empty() && plan.outputs.iter().any(|output| output.from == Source::Input(0));
    match plan.inputs.as_slice() {
        [(name, input)] => {
            let _ = writeln!(text, "    x = {}", array("x", input));
            if is_shown || plan.nodes.iter().skip(1).any(reads_again) {
                let _ = writeln!(text, "    v = {{{}: x}}", self::text(name));
            } else if plan.nodes.iter().any(|node| node.is_kept) {
                text.push_str("    v = {}\n");
            }
        }
        inputs => {
            text.push_str("    v = {\n");
            for (name, input) in inputs {
                let name = self::text(name);
                let _ = writeln!(text, "        {name}: {},", array(&format!("x[{name}]"), input));
            }
            text.push_str("    }\n");
        }
    }
    for (place, node) in plan.nodes.iter().enumerate() {
        let before = match (place.checked_sub(1), plan.inputs.len()) {
            (Some(before), _) => Some(Source::Node(before)),
            (None, 1) => Some(Source::Input(0)),
            (None, _) => None,
        };
        let read = |source: &Source| match Some(*source) == before {
            true => "x".to_owned(),
            false => kept(plan, *source),
        };
        if let [Link { what: What::Combine(how), .. }] = node.links.as_slice() {
            let parts: Vec<String> = node.reads.iter().map(read).collect();
            let value = match how {
                Combine::Add => parts.join(" + "),
                Combine::Multiply => parts.join(" * "),
                Combine::Concat => format!("beside({})", parts.join(", ")),
            };
            let _ = writeln!(text, "    x = {value}");
        } else {
            if let Some(source) = node.reads.first().filter(|source| Some(**source) != before) {
                let _ = writeln!(text, "    x = {}", kept(plan, *source));
            }
            for line in node.links.iter().flat_map(lines) {
                let _ = writeln!(text, "    {line}");
            }
        }
        if node.is_kept {
            let _ = writeln!(text, "    v[{}] = x", self::text(node.name));
        }
    }
    let last = plan.nodes.len().checked_sub(1).map_or(Source::Input(0), Source::Node);
    let shown = |from: Source| match from == last && (plan.inputs.len() == 1 || !plan.nodes.is_empty()) {
        true => "x".to_owned(),
        false => kept(plan, from),
    };
    match plan.outputs.as_slice() {
        [output] => {
            let _ = writeln!(text, "    return {}, h", shown(output.from));
        }
        outputs => {
            let outputs: Vec<String> = outputs
                .iter()
                .map(|output| format!("{}: {}", self::text(output.name), shown(output.from)))
                .collect();
            let _ = writeln!(text, "    return {{{}}}, h", outputs.join(", "));
        }
    }
    text
}

/// Rows that are read later.
fn kept(plan: &Plan, source: Source) -> String {
    let name = match source {
        Source::Input(place) => plan.inputs[place].0,
        Source::Node(place) => plan.nodes[place].name,
    };
    format!("v[{}]", text(name))
}

fn lines(link: &Link) -> Vec<String> {
    let weight = |leaf: &str| format!("W[{}]", text(&format!("{}.{leaf}", link.name)));
    let plus = |bias: bool| if bias { format!(" + {}", weight("bias")) } else { String::new() };
    match &link.what {
        What::Embedding { masked, .. } => {
            let mut lines: Vec<String> = masked.iter().map(|id| format!("x = x[x != {id}]")).collect();
            lines.push(format!("x = {}[x]", weight("weight")));
            lines
        }
        What::Cells(cells) => vec![cells_line(link, cells)],
        What::Dense { bias, activation, .. } => {
            let sum = format!("x @ {}.T{}", weight("weight"), plus(bias.is_some()));
            vec![match activation {
                Activation::Linear => format!("x = {sum}"),
                Activation::Relu => format!("x = relu({sum})"),
                Activation::Tanh => format!("x = np.tanh({sum})"),
                Activation::Sigmoid => format!("x = sigmoid({sum})"),
            }]
        }
        What::Convolution { config, bias, .. } => {
            let rows = if config.padding == Padding::Valid { 0 } else { past_rows(config) };
            let state = text(link.name);
            let bias = if bias.is_some() { weight("bias") } else { "0".into() };
            vec![
                format!("past = h.get({state}, zeros({rows}, {}))", config.input),
                format!(
                    "x, h[{state}] = convolution(x, past, {}, {bias}, {}, {})",
                    weight("weight"),
                    config.dilation,
                    config.groups
                ),
            ]
        }
        What::Activation(function) => {
            activation(*function).map(|value| format!("x = {value}")).into_iter().collect()
        }
        What::BatchNorm { epsilon, affine, .. } => {
            let (mean, variance) = (weight("running_mean"), weight("running_var"));
            let mut lines = vec![format!("x = (x - {mean}) / np.sqrt({variance} + {epsilon:?})")];
            lines.extend(affine_line(affine, &weight));
            lines
        }
        What::LayerNorm { epsilon, affine } => {
            let mut lines = vec![format!("x = layer_norm(x, {epsilon:?})")];
            lines.extend(affine_line(affine, &weight));
            lines
        }
        What::Softmax => vec!["x = softmax(x)".into()],
        What::Last => vec!["x = x[-1]".into()],
        What::Slice { start } => vec![format!("x = x[..., {start}:{}]", start + link.outputs)],
        What::Unflatten { steps } => vec![format!("x = x.reshape({steps}, {})", link.outputs)],
        // Written where all that it reads is known.
        What::Combine(_) => Vec::new(),
    }
}

/// The call of one layer of a stack.
fn cells_line(link: &Link, cells: &Cells) -> String {
    let state = format!("{}, {}", text(link.name), cells.layer);
    let zeros = format!("zeros({})", link.outputs);
    let biases = usize::from(cells.bias_ih.is_some()) + usize::from(cells.bias_hh.is_some());
    let z = if cells.inverted { ", z_takes=True" } else { "" };
    let (function, first, option) = match cells.cell {
        Equations::Lstm => ("lstm", format!("({zeros}, {zeros})"), ""),
        Equations::Gru => ("gru", zeros, z),
        Equations::GruResetBefore => ("gru_reset_before", zeros, z),
        Equations::Rnn => ("rnn", zeros, ""),
        Equations::RnnRelu => ("rnn", zeros, ", activation=relu"),
    };
    format!(
        "x, h[{state}] = {function}(x, h.get(({state}), {first}), *weights({state}, biases={biases}){option})"
    )
}

/// Gain and bias of a normalisation.
fn affine_line(affine: &[Option<&[f32]>; 2], weight: &impl Fn(&str) -> String) -> Option<String> {
    match affine {
        [Some(_), Some(_)] => Some(format!("x = x * {} + {}", weight("weight"), weight("bias"))),
        [Some(_), None] => Some(format!("x = x * {}", weight("weight"))),
        [None, Some(_)] => Some(format!("x = x + {}", weight("bias"))),
        [None, None] => None,
    }
}

/// An activation of x; None of what changes nothing.
fn activation(function: ActivationFunction) -> Option<String> {
    use ActivationFunction::*;
    Some(match function {
        Linear => return None,
        Sigmoid => "sigmoid(x)".into(),
        Tanh => "np.tanh(x)".into(),
        Relu => "relu(x)".into(),
        Softsign => "x / (1 + np.abs(x))".into(),
        Softplus => "np.logaddexp(0, x)".into(),
        HardSigmoid { alpha, beta } => format!("np.clip({alpha:?} * x + {beta:?}, 0, 1)"),
        Elu { alpha } => format!("np.where(x < 0, {alpha:?} * np.expm1(np.minimum(x, 0)), x)"),
        LeakyRelu { alpha } => format!("np.where(x < 0, {alpha:?} * x, x)"),
        ThresholdedRelu { alpha } => format!("np.where(x <= {alpha:?}, 0, x)"),
        ScaledTanh { alpha, beta } => format!("{alpha:?} * np.tanh({beta:?} * x)"),
        Affine { alpha, beta } => format!("{alpha:?} * x + {beta:?}"),
    })
}

/// A text as Python writes it: as JSON does, and a Python source may hold any character between quotation marks.
fn text(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}
