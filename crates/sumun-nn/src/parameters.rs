//! All parameters of a model and their gradients: two flat buffers with named ranges.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use sumun_kernels::Path;
use sumun_kernels::table::add_rows;

use crate::error::expect_available;
use crate::{Error, Result};

/// A number no two different parameter values share, so that prepared weights can never be stale.
fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The place of one named parameter in the flat buffers.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The full name, such as `recurrent.weight_ih_l0`.
    pub name: String,
    /// The shape, row-major.
    pub shape: Vec<usize>,
    /// The values' place in the buffers.
    pub range: Range<usize>,
    /// Whether training changes it.
    pub trainable: bool,
    /// What an optimizer multiplies its learning rate by, 1 where nothing else was asked for.
    pub learning_rate: f64,
    /// Whether it is a running statistic of a layer, not a weight: the layer itself changes it in training.
    pub statistic: bool,
    /// The gates whose rows it holds, one block after another; empty where it holds no gates.
    pub gates: Vec<&'static str>,
}

impl Entry {
    /// Whether an optimizer changes it: trainable and no running statistic.
    pub fn is_optimized(&self) -> bool {
        self.trainable && !self.statistic
    }
}

/// A handle to one parameter, given by [`Parameters::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(usize);

/// Gradients that are zeroed, or passed over by an optimizer, together: a batch touches few rows of an embedding.
pub(crate) const RUN: usize = 64;

/// The most parameters of a model: above it, values, gradients and moments would not fit any memory.
pub const MOST_PARAMETERS: usize = 1 << 30;

/// How many numbers a parameter of that shape has; more than there can be are an error.
pub(crate) fn count_of(name: &str, shape: &[usize]) -> Result<usize> {
    let count = shape.iter().try_fold(1, |count: usize, &dim| count.checked_mul(dim));
    match count {
        _ if shape.contains(&0) => Ok(0),
        Some(count) if count <= MOST_PARAMETERS => Ok(count),
        _ => Err(Error::Invalid(format!(
            "{name}: a parameter of shape {shape:?} is above the {MOST_PARAMETERS} numbers there can be; make it smaller"
        ))),
    }
}

/// All parameters of a model and their gradients, each in one flat buffer: one sweep for clipping and
/// the optimizer, one write to a file.
#[derive(Debug, Clone)]
pub struct Parameters {
    values: Vec<f32>,
    gradients: Vec<f32>,
    /// For each run of gradients, whether one may have changed since all were set to zero.
    touched: Vec<bool>,
    entries: Vec<Entry>,
    /// Which entry a name is of.
    names: HashMap<String, usize>,
    version: u64,
    /// Whether all values are to be loaded, and memory for them is there, so that no first values are needed.
    loaded: bool,
    path: Path,
}

impl Default for Parameters {
    fn default() -> Self {
        Self::new()
    }
}

impl Parameters {
    /// No parameters yet.
    pub fn new() -> Self {
        let (values, gradients, touched) = (Vec::new(), Vec::new(), Vec::new());
        let (entries, names) = (Vec::new(), HashMap::new());
        let (version, path) = (next_version(), Path::best());
        Self { values, gradients, touched, entries, names, version, loaded: false, path }
    }

    /// The path of the kernels that computes what is done with the parameters outside layers, such as an optimizer's step:
    /// the fastest of this processor, unless [`set_path`](Self::set_path) or
    /// [`Model::on_path`](crate::model::Model::on_path) has chosen another.
    pub fn path(&self) -> Path {
        self.path
    }

    /// Chooses another path. One that the processor lacks is an error.
    pub fn set_path(&mut self, path: Path) -> Result<()> {
        expect_available(path)?;
        self.path = path;
        Ok(())
    }

    /// No parameters yet, with memory for `count` numbers: pages of zeros come from the system when they are first written,
    /// so gradients that are not needed take no time and no memory, and neither buffer is moved while it grows. More than
    /// [`MOST_PARAMETERS`] are an error.
    pub fn with_capacity(count: usize) -> Result<Self> {
        Self::of(count, false)
    }

    /// As [`with_capacity`](Self::with_capacity), for parameters whose values will be loaded: they begin with 0, and no
    /// first values are computed for them.
    pub(crate) fn to_load(count: usize) -> Result<Self> {
        Self::of(count, true)
    }

    fn of(count: usize, loaded: bool) -> Result<Self> {
        count_of("a model", &[count])?;
        let (values, gradients) = (vec![0.0; count], vec![0.0; count]);
        Ok(Self { values, gradients, touched: vec![false; count.div_ceil(RUN)], loaded, ..Self::new() })
    }

    /// Adds a parameter. A name twice, values that do not fill the shape, and more numbers than [`MOST_PARAMETERS`] in all
    /// are errors.
    pub fn add(&mut self, name: impl Into<String>, shape: &[usize], values: Vec<f32>) -> Result<Id> {
        let name = name.into();
        if values.len() != count_of(&name, shape)? {
            return Err(Error::Shape {
                what: name,
                expected: format!("{shape:?}"),
                found: format!("{} values", values.len()),
            });
        }
        let id = self.enter(name, shape)?;
        self.values[self.entries[id.0].range.clone()].copy_from_slice(&values);
        Ok(id)
    }

    /// Adds a parameter with the first values that `draw` makes; with zeros where others are to be loaded. Errors are those
    /// of [`add`](Self::add) and of `draw`.
    pub(crate) fn add_drawn(
        &mut self,
        name: String,
        shape: &[usize],
        draw: impl FnOnce() -> Result<Vec<f32>>,
    ) -> Result<Id> {
        // Beyond the memory that was made, nothing is loaded: a layer that is added to a model, for example.
        let fits = self.end() + count_of(&name, shape)? <= self.values.len();
        if self.loaded && fits { self.enter(name, shape) } else { self.add(name, shape, draw()?) }
    }

    /// Where the next parameter begins.
    fn end(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.range.end)
    }

    /// Makes the place of a parameter.
    fn enter(&mut self, name: String, shape: &[usize]) -> Result<Id> {
        if self.names.contains_key(&name) {
            return Err(Error::Invalid(format!("two parameters are named {name}")));
        }
        let start = self.end();
        let range = start..start + count_of(&name, shape)?;
        if range.end > MOST_PARAMETERS {
            return Err(Error::Invalid(format!(
                "{name}: with its shape {shape:?} there would be {} parameters, above the {MOST_PARAMETERS} there can be; make it smaller",
                range.end
            )));
        }
        if self.values.len() < range.end {
            self.values.resize(range.end, 0.0);
            self.gradients.resize(range.end, 0.0);
            self.touched.resize(range.end.div_ceil(RUN), false);
        }
        self.names.insert(name.clone(), self.entries.len());
        let shape = shape.to_vec();
        let (trainable, learning_rate, statistic) = (true, 1.0, false);
        let gates = Vec::new();
        self.entries.push(Entry { name, shape, range, trainable, learning_rate, statistic, gates });
        self.version = next_version();
        Ok(Id(self.entries.len() - 1))
    }

    /// Gives every parameter another name; the names must stay different.
    pub(crate) fn rename(&mut self, new: impl Fn(&str) -> String) {
        self.entries.iter_mut().for_each(|entry| entry.name = new(&entry.name));
        self.names = self.entries.iter().enumerate().map(|(at, entry)| (entry.name.clone(), at)).collect();
    }

    /// What there is, in the order it was added.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The parameter of that name.
    pub fn find(&self, name: &str) -> Option<Id> {
        self.names.get(name).copied().map(Id)
    }

    /// Checks that these are the parameters that an id was given by, or others with a parameter of `count` numbers in its
    /// place: layers do so before they use their ids.
    pub fn expect(&self, id: Id, count: usize) -> Result<()> {
        let found = self.entries.get(id.0).map(|entry| entry.range.len());
        if found == Some(count) {
            return Ok(());
        }
        Err(Error::Shape {
            what: format!("parameter {} of {}, which a layer uses", id.0, self.entries.len()),
            expected: format!("{count} values"),
            found: match found {
                Some(found) => format!("{found}; use the parameters that the layer was added to"),
                None => "none; use the parameters that the layer was added to".into(),
            },
        })
    }

    /// Freezes or thaws a parameter: a frozen one keeps its value in training.
    ///
    /// # Panics
    /// For an id of other parameters, as an index beyond the end; so do all methods that take an id and return no
    /// [`Result`]. [`expect`](Self::expect) tells.
    pub fn set_trainable(&mut self, id: Id, trainable: bool) {
        self.entries[id.0].trainable = trainable;
    }

    /// Makes a parameter a running statistic, such as the mean of what a layer has seen (PyTorch's buffers): it is saved and
    /// loaded with the weights, but only its layer changes it, by [`statistic_mut`](Self::statistic_mut), and only where it
    /// is trainable.
    pub fn set_statistic(&mut self, id: Id) {
        self.entries[id.0].statistic = true;
    }

    /// Says which gates a parameter's rows are of, one block after another, so that a message can name one.
    pub fn set_gates(&mut self, id: Id, gates: Vec<&'static str>) {
        self.entries[id.0].gates = gates;
    }

    /// Has an optimizer change a parameter with `factor` times its learning rate (PyTorch's parameter groups). A factor
    /// that is negative or not finite is an error.
    pub fn set_learning_rate(&mut self, id: Id, factor: f64) -> Result<()> {
        let entry = &mut self.entries[id.0];
        if !(factor.is_finite() && factor >= 0.0) {
            return Err(Error::Invalid(format!(
                "the learning rate factor of {} is {factor}; it must be a finite number of at least 0",
                entry.name
            )));
        }
        entry.learning_rate = factor;
        Ok(())
    }

    /// One parameter's name, shape and place.
    pub fn entry(&self, id: Id) -> &Entry {
        &self.entries[id.0]
    }

    /// One parameter's values.
    pub fn value(&self, id: Id) -> &[f32] {
        &self.values[self.entries[id.0].range.clone()]
    }

    /// One parameter's values, to be changed.
    pub fn value_mut(&mut self, id: Id) -> &mut [f32] {
        self.version = next_version();
        &mut self.values[self.entries[id.0].range.clone()]
    }

    /// A running statistic's values, to be changed. That is no new [`version`](Self::version): nothing is prepared of
    /// statistics, and a backward pass may change them while it needs what was prepared of the weights. Of a weight, it is
    /// [`value_mut`](Self::value_mut).
    pub fn statistic_mut(&mut self, id: Id) -> &mut [f32] {
        if !self.entries[id.0].statistic {
            return self.value_mut(id);
        }
        &mut self.values[self.entries[id.0].range.clone()]
    }

    /// One parameter's gradient.
    pub fn gradient(&self, id: Id) -> &[f32] {
        &self.gradients[self.entries[id.0].range.clone()]
    }

    /// One parameter's gradient, to be added to.
    pub fn gradient_mut(&mut self, id: Id) -> &mut [f32] {
        let range = self.entries[id.0].range.clone();
        self.touch(range.clone());
        &mut self.gradients[range]
    }

    /// Adds rows of `width` numbers to the rows `ids` of one parameter's gradient, in their order, but for those of the id
    /// `skipped`; what is not touched costs nothing later.
    pub(crate) fn add_rows_to_gradient(
        &mut self,
        id: Id,
        width: usize,
        ids: &[u32],
        skipped: Option<u32>,
        d: &[f32],
    ) -> Result<()> {
        let range = self.entries[id.0].range.clone();
        add_rows(&mut self.gradients[range.clone()], width, ids, skipped, d)?;
        for &row in ids.iter().filter(|&&row| skipped != Some(row)) {
            let start = range.start + row as usize * width;
            self.touch(start..start + width);
        }
        Ok(())
    }

    fn touch(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.touched[range.start / RUN..range.end.div_ceil(RUN)].fill(true);
        }
    }

    /// One parameter's values beside its gradient, to be added to.
    pub fn value_and_gradient(&mut self, id: Id) -> (&[f32], &mut [f32]) {
        let range = self.entries[id.0].range.clone();
        self.touch(range.clone());
        (&self.values[range.clone()], &mut self.gradients[range])
    }

    /// The gradient buffers of several parameters at once, to be added to; an empty one where there is no id. An id that
    /// occurs twice is an error.
    pub fn gradients_of<const K: usize>(&mut self, ids: [Option<Id>; K]) -> Result<[&mut [f32]; K]> {
        let ranges = ids.map(|id| id.map_or(0..0, |id| self.entries[id.0].range.clone()));
        ranges.iter().for_each(|range| self.touch(range.clone()));
        self.gradients.get_disjoint_mut(ranges).map_err(|_| {
            let twice = ids.iter().enumerate().find(|(k, id)| id.is_some() && ids[..*k].contains(id));
            let name = twice.and_then(|(_, id)| *id).map_or("", |id| self.entries[id.0].name.as_str());
            Error::Invalid(format!("the gradient of {name} was asked for twice at once; ask for it once"))
        })
    }

    /// All values, flat.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// All gradients, flat.
    pub fn gradients(&self) -> &[f32] {
        &self.gradients
    }

    /// For each [`RUN`] of gradients, whether one may be other than 0.
    pub(crate) fn touched(&self) -> &[bool] {
        &self.touched
    }

    /// All values, to be changed; prepared weights of the old values are never used again.
    pub fn values_mut(&mut self) -> &mut [f32] {
        self.version = next_version();
        &mut self.values
    }

    /// All gradients, to be changed.
    pub fn gradients_mut(&mut self) -> &mut [f32] {
        self.touched.fill(true);
        &mut self.gradients
    }

    /// Values and gradients together, for an optimizer.
    pub fn values_and_gradients_mut(&mut self) -> (&mut [f32], &mut [f32], &[Entry]) {
        self.version = next_version();
        self.touched.fill(true);
        (&mut self.values, &mut self.gradients, &self.entries)
    }

    /// Values to be changed, their gradients, and for each [`RUN`] of these whether they may be other than 0.
    pub(crate) fn for_update(&mut self) -> (&mut [f32], &[f32], &[bool]) {
        self.version = next_version();
        (&mut self.values, &self.gradients, &self.touched)
    }

    /// Sets every gradient to zero.
    pub fn zero_gradients(&mut self) {
        let mut left = &mut self.gradients[..];
        for same in self.touched.chunk_by(|a, b| a == b) {
            let (now, rest) = left.split_at_mut((same.len() * RUN).min(left.len()));
            if same[0] {
                now.fill(0.0);
            }
            left = rest;
        }
        self.touched.fill(false);
    }

    /// A number that changes whenever a weight may have changed and that no other weights ever share. Running statistics
    /// that their layers change do not count.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many numbers there are in all.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_one_parameter_cannot_be_changed_twice_at_once() {
        let mut parameters = Parameters::new();
        let [a, b] = ["a", "b"].map(|name| parameters.add(name, &[2], vec![0.0; 2]).unwrap()).map(Some);
        let [first, none, second] = parameters.gradients_of([b, None, a]).unwrap();
        (first[0], second[1]) = (1.0, 2.0);
        assert!(none.is_empty());
        assert_eq!(parameters.gradients(), [0.0, 2.0, 1.0, 0.0]);
        let error = parameters.gradients_of([a, b, None, b]).unwrap_err().to_string();
        assert_eq!(error, "the gradient of b was asked for twice at once; ask for it once");
    }

    #[test]
    fn only_what_is_to_be_loaded_is_not_drawn() {
        let drawn = || Ok(vec![0.5; 4]);
        for (loaded, expected) in [(true, [0.0, 0.5]), (false, [0.5; 2])] {
            let mut parameters = Parameters::of(4, loaded).unwrap();
            let planned = parameters.add_drawn("planned".into(), &[2, 2], drawn).unwrap();
            let added = parameters.add_drawn("added".into(), &[4], drawn).unwrap();
            assert_eq!([planned, added].map(|id| parameters.value(id)[3]), expected, "loaded: {loaded}");
            assert_eq!((parameters.len(), parameters.gradient(added).len()), (8, 4));
        }
    }
}
