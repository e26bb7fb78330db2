//! C99 source for one step of a stream.

mod cells;
mod functions;
mod layers;

use std::fmt::Write;

use self::functions::FUNCTIONS;
use super::{Chain, expect_name};
use crate::model::{Input, Model};
use crate::{Error, Result};

/// The most weights: source code has about 16 bytes for each.
const MOST_WEIGHTS: usize = 1 << 22;

/// A model as one C99 header for a stream: `NAME_state` holds all that is carried from step to step, `NAME_init` begins, and
/// `NAME_step` takes a row in and gives a row out. Nothing is allocated, nothing is global but constant weights, and
/// activations are the polynomials of the kernels, so that there is no mathematical library beneath it but `sqrt` for layer
/// normalisation, and `fmaf` where it is asked for.
///
/// What it returns after a step is what the model returns of the steps so far, at the last of them. On the
/// portable path of `sumun_kernels` it is the same bits where the compiler fuses no multiply-adds by itself
/// (`-ffp-contract=off`); where that path fuses them, as on AArch64, with `NAME_FUSED` defined. Two things differ: the sigmoid
/// and tanh of a [dense layer](crate::nn::Dense) by at most 4 ulp, and softplus and ELU by at most 1e-6 of the result, because
/// the library takes the system's functions there.
///
/// Errors: a name that is no identifier; a layer without a step of its own, such as a bidirectional one, a model that is no
/// chain of layers, or over four million weights.
pub fn to_c(model: &Model, name: &str) -> Result<String> {
    expect_name(name)?;
    let weights = model.parameters().len();
    if weights > MOST_WEIGHTS {
        return Err(Error::Model(format!(
            "the model has {weights} weights; C source is written of at most {MOST_WEIGHTS}"
        )));
    }
    let chain = Chain::of(model)?;
    let mut parts = Parts::new(&chain);
    for (index, link) in chain.links.iter().enumerate() {
        parts.link(index + 1, link);
    }
    let text = parts.header(&chain);
    Ok(text.replace('@', name).replace('$', &name.to_ascii_uppercase()))
}

/// Where the row of a step is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Where it may only be read: the input, a state, a table.
    Fixed,
    /// One of the two buffers that steps write by turns.
    Buffer(usize),
}

/// The parts of a header in the making; `@` and `$` stand for the name.
struct Parts {
    weights: String,
    fields: String,
    first: String,
    body: String,
    /// The present row as C writes it.
    row: String,
    place: Place,
    /// Numbers of the buffers.
    buffers: [usize; 2],
    gates: usize,
}

const BUFFERS: [&str; 2] = ["a", "b"];

/// The macro for one multiply-add, and what the functions include.
const HEAD: &str = "#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef $_FUSED
#include <math.h>
#define $_MADD(a, b, c) fmaf((a), (b), (c))
#else
#define $_MADD(a, b, c) ((a) * (b) + (c))
#endif

#ifdef __cplusplus
#define $_RESTRICT
#else
#define $_RESTRICT restrict
#endif

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif
";

impl Parts {
    fn new(chain: &Chain) -> Self {
        let (row, place, body) = match chain.input {
            Input::Ids { .. } => ("id", Place::Fixed, "    if (id >= $_VOCABULARY)\n        return -1;\n"),
            Input::Numbers { .. } | Input::Row { .. } => ("input", Place::Fixed, ""),
        };
        Self {
            weights: String::new(),
            fields: String::new(),
            first: String::new(),
            body: body.to_owned(),
            row: row.to_owned(),
            place,
            buffers: [0; 2],
            gates: 0,
        }
    }

    fn call(&mut self, call: String) {
        let _ = writeln!(self.body, "    {call};");
    }

    fn field(&mut self, field: &str) {
        let _ = writeln!(self.fields, "    {field};");
    }

    /// A constant array. Nine digits say which `f32` a number is, seventeen which `f64`.
    fn array<T: Literal>(&mut self, kind: &str, name: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<String> = values.into_iter().map(T::literal).collect();
        let _ = writeln!(self.weights, "static const {kind} @_{name}[{}] = {{", values.len());
        for line in values.chunks(6) {
            let _ = writeln!(self.weights, "    {},", line.join(", "));
        }
        self.weights.push_str("};\n");
    }

    fn header(&self, chain: &Chain) -> String {
        let step = self.step(chain);
        let functions = functions_for(&step);
        let numbers = self.buffers[0] + self.buffers[1] + self.gates;
        let mut text = about(chain, numbers * size_of::<f32>());
        text.push_str("#ifndef $_H\n#define $_H\n\n");
        text.push_str(HEAD);
        if functions.contains("sqrt(") {
            text.push_str("\n#include <math.h>\n");
        }
        let input = match chain.input {
            Input::Ids { vocabulary } => {
                format!("/* Ids are below it. */\n#define $_VOCABULARY {vocabulary}u\n")
            }
            Input::Numbers { features } | Input::Row { features } => {
                format!("/* Numbers of an input row. */\n#define $_INPUT {features}\n")
            }
        };
        let _ = write!(
            text,
            "\n{input}/* Numbers of an output row. */\n#define $_OUTPUT {}\n/* Steps without output at the beginning. */\n\
             #define $_DELAY {}\n\n",
            chain.outputs,
            chain.delay()
        );
        let fields = if self.fields.is_empty() { "    unsigned char none;\n" } else { &self.fields };
        let _ = write!(
            text,
            "/* What is carried from step to step: one for each stream. */\ntypedef struct {{\n{fields}}} @_state;\n\n\
             {}\n{functions}/* Begins a stream. */\nstatic inline void @_init(@_state *state)\n{{\n    \
             memset(state, 0, sizeof *state);\n{}}}\n\n{step}\n#endif\n",
            self.weights, self.first
        );
        text
    }

    /// The function of a step.
    fn step(&self, chain: &Chain) -> String {
        let (input, outcome) = match chain.input {
            Input::Ids { .. } => ("uint32_t id", ", -1 where there is no such id"),
            Input::Numbers { .. } | Input::Row { .. } => ("const float *input", ""),
        };
        let mut text = format!(
            "/* One step. Returns 1 where `output` was written, 0 where the step has no output{outcome}. */\n\
             static inline int @_step(@_state *state, {input}, float *output)\n{{\n"
        );
        for (name, numbers) in BUFFERS.iter().zip(self.buffers).chain([(&"gates", self.gates)]) {
            if numbers > 0 {
                let _ = writeln!(text, "    float {name}[{numbers}];");
            }
        }
        let unused = if self.fields.is_empty() { "    (void)state;\n" } else { "" };
        let _ = write!(
            text,
            "{unused}{}    memmove(output, {}, $_OUTPUT * sizeof(float));\n    return 1;\n}}\n",
            self.body, self.row
        );
        text
    }
}

/// The comment at the beginning.
fn about(chain: &Chain, stack: usize) -> String {
    let (row, argument) = match chain.input {
        Input::Ids { .. } => ("an id", "id"),
        Input::Numbers { .. } | Input::Row { .. } => ("a row of $_INPUT numbers", "input"),
    };
    format!(
        "/* @: a trained network, one step at a time. Written by Sumun.

   @_state state;
   @_init(&state);
   for each step: if (@_step(&state, {argument}, output) == 1) ... use output ...

   A step takes {row} and gives a row of $_OUTPUT numbers. Streams share the weights: each has its own state.
   Nothing is allocated; a step has {stack} bytes of numbers on the stack.

   Compile with -ffp-contract=off for the same bits everywhere; with $_FUSED defined each multiply-add is one fmaf, which
   is fast where the processor has it in one instruction and slow where not. Not with -ffast-math. */
"
    )
}

/// The functions that a text calls, and those that they call, each once and before it is called.
fn functions_for(text: &str) -> String {
    let mut chosen: Vec<&str> = Vec::new();
    for (name, function) in FUNCTIONS.iter().rev() {
        let call = format!("@_{name}(");
        if text.contains(&call) || chosen.iter().any(|chosen| chosen.contains(&call)) {
            chosen.push(function);
        }
    }
    chosen.iter().rev().flat_map(|function| [*function, "\n"]).collect()
}

/// A number as C writes it, exactly.
trait Literal {
    fn literal(self) -> String;
}

impl Literal for f32 {
    fn literal(self) -> String {
        format!("{self:.8e}f")
    }
}

impl Literal for f64 {
    fn literal(self) -> String {
        format!("{self:.16e}")
    }
}
