//! The layers of a model, and what each of them reads.

use std::collections::{HashMap, HashSet};

use super::value::{Settings, Value};
use crate::error::{Error, Result, quoted};

/// What messages call such a file.
pub(super) const FORMAT: &str = "Keras file";

/// The most layers of a model.
const MOST_LAYERS: usize = 10_000;

/// The module of what Keras 3 writes for operators on tensors.
const OPERATORS: &str = "keras.src.ops";

/// What stands for a layer where Keras 2 gives an operator a constant.
const CONSTANT: &str = "_CONSTANT_VALUE";

/// The class of TensorFlow's operators in Keras 2.0 to 2.3, whose name in its configuration lacks what it is called by.
const RENAMED: &str = "TensorFlowOpLayer";

/// What the class of an operator begins with.
pub(super) const OPERATOR: &str = "ops.";

/// The module of an operator in Keras 3.
fn module(class: &str) -> &'static str {
    match class {
        "Gelu" => "keras.src.ops.nn",
        "Erf" => "keras.src.ops.math",
        _ => "keras.src.ops.numpy",
    }
}

/// A model's layers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Architecture {
    /// The model's name.
    pub name: String,
    /// The layers in the order of the file; those that are inputs are of the class `InputLayer`.
    pub layers: Vec<Layer>,
    /// What the model reads.
    pub inputs: Vec<Source>,
    /// What it returns.
    pub outputs: Vec<Source>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// What it is: `LSTM`. What Keras 3 writes for Python's operators on tensors and for the functions of `keras.ops` begins
    /// with `ops.`: `ops.GetItem`.
    pub class: String,
    /// Its own name.
    pub name: String,
    /// What it is set to.
    pub settings: Settings,
    /// Each of its uses: one of most layers, more of those that share their weights.
    pub calls: Vec<Call>,
    /// Its own layers, where it is a model itself; its settings then have its name alone.
    pub model: Option<Box<Architecture>>,
    /// The length of each axis of each of its outputs, None of one that differs from batch to batch. Written beside what reads
    /// it, and not read, as a file says it anew at every use.
    pub shapes: Vec<Vec<Option<usize>>>,
}

/// One use of a layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// What it reads: the tensors of each argument, in order.
    pub arguments: Vec<Vec<Source>>,
    /// The tensors of arguments by name, such as `initial_state`.
    pub named: Vec<(String, Vec<Source>)>,
    /// Arguments that are no tensors, such as `training`; none that are null. Those without a name have their place for one.
    pub settings: Settings,
}

impl Call {
    /// A use on these tensors alone.
    pub fn of(sources: impl Into<Vec<Source>>) -> Self {
        Self { arguments: vec![sources.into()], ..Self::default() }
    }
}

/// An output of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// The layer's name.
    pub layer: String,
    /// Which of its uses.
    pub call: usize,
    /// Which of the outputs of that.
    pub output: usize,
}

impl Architecture {
    /// Reads a configuration. Errors: no model, a layer without class or name.
    pub(super) fn of(document: &Value) -> Result<Self> {
        let architecture = Self::read(document)?;
        match architecture.count() {
            ..=MOST_LAYERS => Ok(architecture),
            count => {
                Err(Error::too_large(FORMAT, "the number of layers", count as u128, MOST_LAYERS as u128))
            }
        }
    }

    fn read(document: &Value) -> Result<Self> {
        let class = class(document)?;
        match class {
            "Sequential" => Self::sequential(document),
            _ if is_functional(class) => Self::functional(document),
            other => {
                let what = format!(
                    "the model is of the class {}; Sequential and Functional ones are read",
                    quoted(other)
                );
                Err(Error::unsupported(FORMAT, what))
            }
        }
    }

    /// How many layers it has, with those of the models within it.
    fn count(&self) -> usize {
        let within = |layer: &Layer| layer.model.as_ref().map_or(0, |model| model.count());
        self.layers.iter().map(|layer| 1 + within(layer)).sum()
    }

    fn sequential(document: &Value) -> Result<Self> {
        let config = member(document, "config")?;
        let none = Settings::default();
        // Before Keras 2.2.3 the configuration is the list.
        let (settings, list) = match config {
            Value::List(list) => (&none, list.as_slice()),
            config => (object(config)?, list(member(config, "layers")?)?),
        };
        let name = settings.get("name").and_then(Value::as_text).unwrap_or("sequential");
        let mut layers = Vec::with_capacity(list.len() + 1);
        for described in list {
            let mut layer = Layer::of(described)?;
            if layers.is_empty() && layer.class != "InputLayer" {
                layers.push(input_of(&layer, settings)?);
            }
            layer.calls = vec![match layers.last() {
                Some(Layer { name, .. }) => Call::of([Source::of(name)]),
                None => Call::default(),
            }];
            layers.push(layer);
        }
        let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
            return Err(damaged("a Sequential without layers"));
        };
        let (inputs, outputs) = (vec![Source::of(&first.name)], vec![Source::of(&last.name)]);
        Ok(Self { name: name.into(), layers, inputs, outputs })
    }

    fn functional(document: &Value) -> Result<Self> {
        let config = member(document, "config")?;
        let name = object(config)?.get("name").and_then(Value::as_text).unwrap_or("model").into();
        let layers = list(member(config, "layers")?)?.iter().map(Layer::of).collect::<Result<Vec<_>>>()?;
        let ends = |key: &str| -> Result<Vec<Source>> {
            let mut sources = Vec::new();
            collect(member(config, key)?, &mut sources);
            match sources.is_empty() {
                true => Err(damaged(format!("there are no {key}"))),
                false => Ok(sources),
            }
        };
        let mut read = Self { name, layers, inputs: ends("input_layers")?, outputs: ends("output_layers")? };
        read.count_uses_from_zero();
        Ok(read)
    }

    /// Keras 2 counts the uses of a model within another from 1 where 0 is how it was made, and from 0 otherwise. All of them
    /// are read by something, so a number that is as large as there are uses says which it is.
    fn count_uses_from_zero(&mut self) {
        let models = self.layers.iter().filter(|layer| layer.model.is_some());
        let uses: HashMap<String, usize> =
            models.map(|layer| (layer.name.clone(), layer.calls.len())).collect();
        if uses.is_empty() {
            return;
        }
        let mut from_one = HashSet::new();
        self.each_source(|source| {
            if uses.get(&source.layer) == Some(&source.call) {
                from_one.insert(source.layer.clone());
            }
        });
        self.each_source(|source| {
            if from_one.contains(&source.layer) {
                source.call = source.call.saturating_sub(1);
            }
        });
    }

    /// All tensors that are read.
    fn each_source(&mut self, mut visit: impl FnMut(&mut Source)) {
        let calls = self.layers.iter_mut().flat_map(|layer| &mut layer.calls);
        for call in calls {
            let named = call.named.iter_mut().map(|(_, sources)| sources);
            call.arguments.iter_mut().chain(named).flatten().for_each(&mut visit);
        }
        self.outputs.iter_mut().for_each(visit);
    }

    /// As a Functional configuration.
    pub(super) fn to_value(&self) -> Value {
        self.to_settings().into()
    }

    fn to_settings(&self) -> Settings {
        let ends = |sources: &[Source]| -> Value {
            let list: Vec<Value> = sources.iter().map(Source::to_value).collect();
            list.into()
        };
        let shapes = self.layers.iter().map(|layer| (layer.name.as_str(), layer.shapes.as_slice())).collect();
        let config = Settings::from([
            ("name", self.name.as_str().into()),
            ("trainable", true.into()),
            ("layers", self.layers.iter().map(|layer| layer.to_value(&shapes)).collect::<Vec<_>>().into()),
            ("input_layers", ends(&self.inputs)),
            ("output_layers", ends(&self.outputs)),
        ]);
        object_of("keras.src.models.functional", "Functional", config)
    }
}

impl Layer {
    fn of(described: &Value) -> Result<Self> {
        let class = class(described)?;
        let module = object(described)?.get("module").and_then(Value::as_text).unwrap_or_default();
        let config = member(described, "config")?;
        // A Sequential of Keras before 2.2.3 has a list for a configuration.
        let settings = config.as_object();
        let nodes = object(described)?.get("inbound_nodes").and_then(Value::as_list).unwrap_or_default();
        // An .h5 of Keras 3 names no modules; there a layer says whether it is trainable, and an operator does not.
        let is_bare = module.is_empty()
            && class != "InputLayer"
            && nodes
                .first()
                .is_some_and(|node| node.as_object().is_some_and(|node| node.get("args").is_some()))
            && settings.is_some_and(|settings| settings.get("trainable").is_none());
        let is_operator = is_bare || module.starts_with(OPERATORS) || module.starts_with("keras.ops");
        let own = settings.and_then(|settings| settings.get("name"));
        let outer = object(described)?.get("name");
        let own = if class == RENAMED { outer.or(own) } else { own.or(outer) };
        let Some(name) = own.and_then(Value::as_text) else {
            return Err(damaged(format!("a layer of the class {} has no name", quoted(class))));
        };
        let is_model = match config {
            Value::List(_) => class == "Sequential",
            config => (class == "Sequential" || is_functional(class)) && member(config, "layers").is_ok(),
        };
        let (model, settings) = match is_model {
            true => (Some(Box::new(Architecture::read(described)?)), Settings::from([("name", name.into())])),
            false => (None, object(config)?.clone()),
        };
        let mut calls = nodes.iter().map(Call::read).collect::<Result<Vec<_>>>()?;
        if calls.is_empty() {
            calls.push(Call::default());
        }
        let class = if is_operator { format!("{OPERATOR}{class}") } else { class.into() };
        Ok(Self { class, name: name.into(), settings, calls, model, shapes: Vec::new() })
    }

    fn to_value(&self, shapes: &Shapes<'_>) -> Value {
        let mut layer = match &self.model {
            Some(model) => model.to_settings(),
            None => {
                let mut config = self.settings.clone();
                config.set("name", self.name.as_str());
                match self.class.strip_prefix(OPERATOR) {
                    Some(class) => {
                        let mut operator = object_of(module(class), class, config);
                        operator.set("registered_name", class);
                        operator
                    }
                    None => object_of("keras.layers", &self.class, config),
                }
            }
        };
        layer.set("name", self.name.as_str());
        let used = self.calls.iter().filter(|call| !call.arguments.is_empty());
        let calls = used.map(|call| call.to_value(shapes));
        layer.set("inbound_nodes", calls.collect::<Vec<_>>());
        layer.into()
    }
}

impl Call {
    /// Reads a use: of Keras 3, `{"args": …, "kwargs": …}`; of Keras 2, a list of tensors, the first of which has the named
    /// arguments.
    fn read(node: &Value) -> Result<Self> {
        let mut call = Self::default();
        let named = match node {
            Value::Object(node) => {
                let arguments = node.get("args").and_then(Value::as_list).unwrap_or_default();
                for (place, argument) in arguments.iter().enumerate() {
                    let tensors = sources(argument);
                    if tensors.is_empty() && *argument != Value::Null {
                        call.settings.set(&place.to_string(), argument.clone());
                    }
                    call.arguments.push(tensors);
                }
                node.get("kwargs").and_then(Value::as_object)
            }
            node => {
                let tensors = sources(node);
                match constant(node) {
                    Some(constant) if tensors.is_empty() => call.settings.set("0", constant.clone()),
                    _ if tensors.is_empty() => return Err(damaged("a layer reads what is no tensor")),
                    _ => {}
                }
                call.arguments.push(tensors);
                first_object(node)
            }
        };
        for (name, value) in named.into_iter().flat_map(Settings::iter) {
            let tensors = sources(value);
            match value {
                Value::Null => {}
                _ if tensors.is_empty() => call.settings.set(name, value.clone()),
                _ => call.named.push((name.into(), tensors)),
            }
        }
        Ok(call)
    }

    fn to_value(&self, shapes: &Shapes<'_>) -> Value {
        let list = |sources: &[Source]| -> Value {
            sources.iter().map(|source| source.to_tensor(shapes)).collect::<Vec<_>>().into()
        };
        // Arguments that are no tensors stand among those that are, by their places.
        let place = |name: &str| name.parse::<usize>().ok().filter(|&place| place < self.arguments.len());
        let argument = |(place, sources): (usize, &Vec<Source>)| match sources.as_slice() {
            [one] => one.to_tensor(shapes),
            [] => self.settings.get(&place.to_string()).cloned().unwrap_or(Value::Null),
            several => list(several),
        };
        let mut named = Settings::default();
        self.settings.iter().filter(|(name, _)| place(name).is_none()).for_each(|(name, value)| {
            named.set(name, value.clone());
        });
        for (name, sources) in &self.named {
            named.set(name, list(sources));
        }
        Settings::from([
            ("args", self.arguments.iter().enumerate().map(argument).collect::<Vec<_>>().into()),
            ("kwargs", named.into()),
        ])
        .into()
    }
}

/// The shapes of what each layer returns.
type Shapes<'a> = HashMap<&'a str, &'a [Vec<Option<usize>>]>;

impl Source {
    /// The first output of the first use.
    pub fn of(layer: &str) -> Self {
        Self { layer: layer.into(), call: 0, output: 0 }
    }

    /// `["lstm", 0, 1]`.
    fn read(value: &Value) -> Option<Self> {
        let [Value::Text(layer), call, output, ..] = value.as_list()? else { return None };
        Some(Self { layer: layer.clone(), call: call.as_size()?, output: output.as_size()? })
    }

    fn to_value(&self) -> Value {
        vec![self.layer.as_str().into(), self.call.into(), self.output.into()].into()
    }

    /// As an argument of a use.
    fn to_tensor(&self, shapes: &Shapes<'_>) -> Value {
        let shape = shapes.get(self.layer.as_str()).and_then(|shapes| shapes.get(self.output));
        let axis = |axis: &Option<usize>| axis.map_or(Value::Null, Value::from);
        let config = Settings::from([
            ("shape", shape.into_iter().flatten().map(axis).collect::<Vec<_>>().into()),
            ("dtype", "float32".into()),
            ("keras_history", self.to_value()),
        ]);
        Settings::from([("class_name", "__keras_tensor__".into()), ("config", config.into())]).into()
    }
}

/// The tensors of a value, however deep in lists.
fn sources(value: &Value) -> Vec<Source> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<Source>) {
    if let Some(source) = Source::read(value) {
        found.push(source);
        return;
    }
    match value {
        Value::List(values) if values.first().and_then(Value::as_text) == Some(CONSTANT) => {}
        Value::List(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(settings) => {
            let is_tensor = settings.get("class_name").and_then(Value::as_text) == Some("__keras_tensor__");
            let config = settings.get("config").and_then(Value::as_object);
            match config.and_then(|config| config.get("keras_history")).filter(|_| is_tensor) {
                Some(history) => found.extend(Source::read(history)),
                None => settings.iter().for_each(|(_, value)| collect(value, found)),
            }
        }
        _ => {}
    }
}

/// What Keras 2 gives an operator for its first tensor: `["_CONSTANT_VALUE", -1, 2.0, {…}]`, or in a list.
fn constant(node: &Value) -> Option<&Value> {
    match node.as_list()? {
        [Value::Text(name), _, constant, ..] if name == CONSTANT => Some(constant),
        [first, ..] => constant(first),
        [] => None,
    }
}

/// The named arguments of a use in Keras 2: `[["lstm", 0, 0, {…}], …]`, or without the outer list.
fn first_object(node: &Value) -> Option<&Settings> {
    let list = node.as_list()?;
    match list.get(3).and_then(Value::as_object) {
        Some(named) => Some(named),
        None => list.first().and_then(first_object),
    }
}

/// The input of a Sequential that has none of its own: of the shape that its first layer states, or that it was built on.
fn input_of(first: &Layer, model: &Settings) -> Result<Layer> {
    // Of a model within it, the shape is that of its own input.
    let mut inner = first;
    while let Some(layer) = inner.model.as_ref().and_then(|model| model.layers.first()) {
        inner = layer;
    }
    let stated = ["batch_input_shape", "batch_shape"].into_iter().find_map(|key| inner.settings.get(key));
    let built = || model.get("build_input_shape").filter(|shape| **shape != Value::Null);
    let Some(shape) = stated.or_else(built) else {
        let what = format!(
            "it does not say what its first layer {} reads; build the model before saving it",
            quoted(&first.name)
        );
        return Err(Error::unsupported(FORMAT, what));
    };
    let settings = Settings::from([("batch_shape", shape.clone())]);
    let calls = vec![Call::default()];
    let (class, name) = ("InputLayer".into(), "input".into());
    Ok(Layer { class, name, settings, calls, model: None, shapes: Vec::new() })
}

/// Whether a class is that of a model whose configuration is a graph.
fn is_functional(class: &str) -> bool {
    matches!(class, "Functional" | "Model")
}

/// An object of Keras' own, with its settings.
fn object_of(module: &str, class: &str, config: Settings) -> Settings {
    Settings::from([
        ("module", module.into()),
        ("class_name", class.into()),
        ("config", config.into()),
        ("registered_name", Value::Null),
    ])
}

fn damaged(what: impl Into<String>) -> Error {
    Error::damaged(FORMAT, what)
}

fn object(value: &Value) -> Result<&Settings> {
    value.as_object().ok_or_else(|| damaged(format!("{value} stands where settings should be")))
}

fn list(value: &Value) -> Result<&[Value]> {
    value.as_list().ok_or_else(|| damaged(format!("{value} stands where a list should be")))
}

fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value> {
    object(value)?.get(name).ok_or_else(|| damaged(format!("its configuration has no {name}")))
}

fn class(value: &Value) -> Result<&str> {
    member(value, "class_name")?.as_text().ok_or_else(|| damaged("a class_name that is no text"))
}
