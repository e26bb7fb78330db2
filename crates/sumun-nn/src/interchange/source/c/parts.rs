//! A header in the making.

use std::fmt::Write;

use super::super::link::{Link, What};
use super::super::plan::{Plan, Source, Times};
use super::arguments::{Argument, Shown, arguments, shown};
use super::functions::FUNCTIONS;
use crate::model::Input;

/// Where the row of a step is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// Where it may only be read: the input, a state, a table.
    Fixed,
    /// One of the two buffers that steps write by turns.
    Buffer(usize),
}

/// The parts of a header in the making; `@` and `$` stand for the name.
pub(super) struct Parts {
    pub(super) weights: String,
    fields: String,
    pub(super) first: String,
    body: String,
    /// The present row as C writes it.
    pub(super) row: String,
    pub(super) place: Place,
    /// Numbers of the buffers.
    pub(super) buffers: [usize; 2],
    pub(super) gates: usize,
    arguments: Vec<Argument>,
    shown: Vec<Shown>,
    /// The rows of the layers so far. One in a buffer is there until the next layer has run.
    rows: Vec<(String, Place)>,
    /// Rows that are read later: arrays of so many numbers.
    kept: Vec<(String, usize)>,
    /// Whether layers are one after the other, so that a step ends where one of them has no row.
    pub(super) is_chain: bool,
    /// What says at which steps there is a row, for each of these steps.
    flags: Vec<(Times, String)>,
    /// The one that the lines of the body are written under.
    under: Option<String>,
    /// Links so far.
    count: usize,
}

pub(super) const BUFFERS: [&str; 2] = ["a", "b"];

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
    pub(super) fn new(plan: &Plan) -> Self {
        let mut parts = Self {
            weights: String::new(),
            fields: String::new(),
            first: String::new(),
            body: String::new(),
            row: String::new(),
            place: Place::Fixed,
            buffers: [0; 2],
            gates: 0,
            arguments: arguments(plan),
            shown: shown(plan),
            rows: Vec::new(),
            kept: Vec::new(),
            is_chain: plan.is_chain(),
            flags: Vec::new(),
            under: None,
            count: 0,
        };
        for argument in &parts.arguments {
            if let Input::Ids { .. } = argument.input {
                let _ = writeln!(
                    parts.body,
                    "    if ({} >= {})\n        return -1;",
                    argument.name, argument.size
                );
            }
        }
        parts
    }

    /// A layer with what it reads.
    pub(super) fn node(&mut self, plan: &Plan, place: usize) {
        let node = &plan.nodes[place];
        self.go_under(node.before);
        let reads: Vec<(String, Place)> = node.reads.iter().map(|read| self.row_of(*read)).collect();
        if let [link @ Link { what: What::Combine(how), .. }] = node.links.as_slice() {
            self.count += 1;
            self.title(link);
            let widths = node.reads.iter().map(|read| width_of(plan, *read));
            let parts: Vec<(String, usize)> = reads.iter().map(|(row, _)| row.clone()).zip(widths).collect();
            let is_in = |buffer: usize| reads.iter().any(|(_, place)| *place == Place::Buffer(buffer));
            self.combine(*how, &parts, link.outputs, usize::from(is_in(0)));
        } else {
            if let Some(read) = reads.first() {
                (self.row, self.place) = read.clone();
            }
            for link in &node.links {
                self.count += 1;
                self.link(self.count, link, node.times);
            }
        }
        if let (true, Place::Buffer(_)) = (node.is_kept, self.place) {
            let (name, width) =
                (format!("kept{}", self.count), node.links.last().map_or(0, |link| link.outputs));
            self.call(format!("memcpy({name}, {}, {width} * sizeof(float))", self.row));
            self.kept.push((name.clone(), width));
            self.fix(name);
        }
        self.rows.push((self.row.clone(), self.place));
    }

    /// Where the rows of an input or a layer are.
    fn row_of(&self, source: Source) -> (String, Place) {
        match source {
            Source::Input(place) => (self.arguments[place].name.clone(), Place::Fixed),
            Source::Node(place) => self.rows[place].clone(),
        }
    }

    /// Writes what follows under the condition that these steps have a row.
    fn go_under(&mut self, times: Times) {
        let flag = self.flags.iter().find(|(of, _)| *of == times).map(|(_, flag)| flag.clone());
        self.set_under(flag);
    }

    fn set_under(&mut self, flag: Option<String>) {
        if self.under == flag {
            return;
        }
        if self.under.take().is_some() {
            self.body.push_str("    }\n");
        }
        if let Some(flag) = &flag {
            let _ = writeln!(self.body, "    if ({flag}) {{");
        }
        self.under = flag;
    }

    /// Says by a condition of C, in a model that is no chain, at which steps there is a row from here on; what follows is under it.
    pub(super) fn begin_flag(&mut self, index: usize, times: Times, condition: &str) {
        let known = self.flags.iter().find(|(of, _)| *of == times).map(|(_, flag)| flag.clone());
        let flag = known.unwrap_or_else(|| {
            let flag = format!("there{index}");
            self.line(&format!("{flag} = {condition};"));
            self.flags.push((times, flag.clone()));
            flag
        });
        self.set_under(Some(flag));
    }

    /// Lines of the function of a step.
    pub(super) fn line(&mut self, lines: &str) {
        let indent = if self.under.is_some() { "        " } else { "    " };
        for line in lines.lines() {
            let _ = writeln!(self.body, "{indent}{line}");
        }
    }

    pub(super) fn call(&mut self, call: String) {
        self.line(&format!("{call};"));
    }

    pub(super) fn field(&mut self, field: &str) {
        let _ = writeln!(self.fields, "    {field};");
    }

    pub(super) fn fix(&mut self, row: String) {
        (self.row, self.place) = (row, Place::Fixed);
    }

    /// A constant array. Nine digits say which `f32` a number is, seventeen which `f64`.
    pub(super) fn array<T: Literal>(&mut self, kind: &str, name: &str, values: impl IntoIterator<Item = T>) {
        let values: Vec<String> = values.into_iter().map(T::literal).collect();
        let _ = writeln!(self.weights, "static const {kind} @_{name}[{}] = {{", values.len());
        for line in values.chunks(6) {
            let _ = writeln!(self.weights, "    {},", line.join(", "));
        }
        self.weights.push_str("};\n");
    }

    pub(super) fn header(&mut self, plan: &Plan) -> String {
        let step = self.step(plan);
        let functions = functions_for(&step);
        let kept: usize = self.kept.iter().map(|(_, width)| width).sum();
        let numbers = self.buffers[0] + self.buffers[1] + self.gates + kept;
        let mut text = about(&self.arguments, &self.shown, numbers * size_of::<f32>());
        text.push_str("#ifndef $_H\n#define $_H\n\n");
        text.push_str(HEAD);
        if functions.contains("sqrt(") {
            text.push_str("\n#include <math.h>\n");
        }
        text.push('\n');
        for Argument { name, size, input } in &self.arguments {
            let of = if self.arguments.len() == 1 { String::new() } else { format!(" of {name}") };
            let _ = match input {
                Input::Ids { vocabulary } => {
                    writeln!(text, "/* Ids{of} are below it. */\n#define {size} {vocabulary}u")
                }
                Input::Numbers { features } => {
                    writeln!(text, "/* Numbers of an input row{of}. */\n#define {size} {features}")
                }
                Input::Row { features } if self.arguments.len() == 1 => {
                    writeln!(text, "/* Numbers of an input row. */\n#define {size} {features}")
                }
                Input::Row { features } => {
                    writeln!(
                        text,
                        "/* Numbers{of}, the same row at every step. */\n#define {size} {features}"
                    )
                }
            };
        }
        for Shown { name, size, width } in &self.shown {
            let of = if self.shown.len() == 1 { String::new() } else { format!(" of {name}") };
            let _ = writeln!(text, "/* Numbers of an output row{of}. */\n#define {size} {width}");
        }
        let _ = write!(
            text,
            "/* Steps without output at the beginning. */\n#define $_DELAY {}\n\n",
            plan.times.delay
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
    fn step(&mut self, plan: &Plan) -> String {
        self.set_under(None);
        let has_ids = self.arguments.iter().any(|argument| matches!(argument.input, Input::Ids { .. }));
        let outcome = if has_ids { ", -1 where there is no such id" } else { "" };
        let names = |last: &str| {
            self.shown.iter().map(|own| format!("`{}`", own.name)).collect::<Vec<_>>().join(last)
        };
        let were = if self.shown.len() == 1 { "was" } else { "were" };
        let mut text = format!(
            "/* One step. Returns 1 where {} {were} written, 0 where the step has no output{outcome}. */\n\
             static inline int @_step(@_state *state, {}, {})\n{{\n",
            names(" and "),
            self.arguments.iter().map(parameter).collect::<Vec<_>>().join(", "),
            self.shown.iter().map(|own| format!("float *{}", own.name)).collect::<Vec<_>>().join(", "),
        );
        let buffers = BUFFERS.iter().map(|name| (*name).to_owned()).zip(self.buffers);
        for (name, numbers) in buffers.chain([("gates".into(), self.gates)]).chain(self.kept.iter().cloned())
        {
            if numbers > 0 {
                let _ = writeln!(text, "    float {name}[{numbers}];");
            }
        }
        for (_, flag) in &self.flags {
            let _ = writeln!(text, "    int {flag} = 0;");
        }
        if self.fields.is_empty() {
            text.push_str("    (void)state;\n");
        }
        for argument in &self.arguments {
            let is_shown = plan.outputs.iter().any(|output| self.row_of(output.from).0 == argument.name);
            if !is_shown && !self.body.contains(&argument.name) {
                let _ = writeln!(text, "    (void){};", argument.name);
            }
        }
        text.push_str(&self.body);
        if let Some((_, flag)) = self.flags.iter().find(|(of, _)| *of == plan.times) {
            let _ = writeln!(text, "    if (!{flag})\n        return 0;");
        }
        for (output, own) in plan.outputs.iter().zip(&self.shown) {
            let (row, _) = self.row_of(output.from);
            let _ = writeln!(text, "    memmove({}, {row}, {} * sizeof(float));", own.name, own.size);
        }
        text.push_str("    return 1;\n}\n");
        text
    }
}

/// Features of the rows of an input or a layer.
fn width_of(plan: &Plan, source: Source) -> usize {
    match source {
        Source::Input(place) => match plan.inputs[place].1 {
            Input::Numbers { features } | Input::Row { features } => features,
            Input::Ids { vocabulary } => vocabulary,
        },
        Source::Node(place) => plan.nodes[place].links.last().map_or(0, |link| link.outputs),
    }
}

/// A parameter of the function of a step.
fn parameter(argument: &Argument) -> String {
    match argument.input {
        Input::Ids { .. } => format!("uint32_t {}", argument.name),
        Input::Numbers { .. } | Input::Row { .. } => format!("const float *{}", argument.name),
    }
}

/// The comment at the beginning.
fn about(arguments: &[Argument], shown: &[Shown], stack: usize) -> String {
    let row = |argument: &Argument| match (argument.input, arguments.len()) {
        (Input::Ids { .. }, 1) => "an id".to_owned(),
        (Input::Ids { .. }, _) => format!("an id {}", argument.name),
        (_, 1) => format!("a row of {} numbers", argument.size),
        (Input::Row { .. }, _) => {
            format!("{} numbers {}, the same at every step", argument.size, argument.name)
        }
        _ => format!("a row of {} numbers {}", argument.size, argument.name),
    };
    let given = |own: &Shown| match shown.len() {
        1 => format!("a row of {} numbers", own.size),
        _ => format!("a row of {} numbers {}", own.size, own.name),
    };
    let takes = arguments.iter().map(row).collect::<Vec<_>>().join(", ");
    let gives = shown.iter().map(given).collect::<Vec<_>>().join(", ");
    let names =
        arguments.iter().map(|own| own.name.as_str()).chain(shown.iter().map(|own| own.name.as_str()));
    let names = names.collect::<Vec<_>>().join(", ");
    let used = shown.iter().map(|own| own.name.as_str()).collect::<Vec<_>>().join(", ");
    format!(
        "/* @: a trained network, one step at a time. Written by Sumun.

   @_state state;
   @_init(&state);
   for each step: if (@_step(&state, {names}) == 1) ... use {used} ...

   A step takes {takes} and gives {gives}. Streams share the weights: each has its own state.
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
pub(super) trait Literal {
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
