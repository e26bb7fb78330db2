//! The axes of a graph's arrays: which are sequences, steps and features, and sizes that depend on them.

use crate::{Error, Result};

/// An axis whose length the file may leave open.
pub(super) type Id = usize;

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Sequences,
    Time,
    Features,
    /// Layers and directions of a state.
    Stack,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Sequences => "sequences",
            Self::Time => "steps",
            Self::Features => "features",
            Self::Stack => "the directions of a state",
        }
    }
}

#[derive(Debug, Clone)]
struct Known {
    same_as: Id,
    role: Option<Role>,
    /// The length that the file states.
    length: Option<usize>,
    /// Whether the graph leaves the axis out somewhere, so that it must have the length 1.
    is_one: bool,
}

/// All open axes, and what is known of each so far. Axes that turn out to be the same are one.
#[derive(Debug, Default)]
pub(super) struct Axes {
    known: Vec<Known>,
    /// All sequences are on one axis.
    sequences: Option<Id>,
}

impl Axes {
    pub(super) fn add(&mut self, role: Option<Role>, length: Option<usize>) -> Id {
        let id = self.known.len();
        self.known.push(Known { same_as: id, role, length, is_one: false });
        id
    }

    /// The axis that stands for all that are the same as this one.
    pub(super) fn find(&self, mut id: Id) -> Id {
        while self.known[id].same_as != id {
            id = self.known[id].same_as;
        }
        id
    }

    pub(super) fn role(&self, id: Id) -> Option<Role> {
        self.known[self.find(id)].role
    }

    pub(super) fn length(&self, id: Id) -> Option<usize> {
        self.known[self.find(id)].length
    }

    pub(super) fn is_one(&self, id: Id) -> bool {
        self.known[self.find(id)].is_one
    }

    /// Says that the axis has the length 1 wherever the model is run. Error: the file states another.
    pub(super) fn expect_one(&mut self, id: Id) -> Result<(), String> {
        let id = self.find(id);
        match self.known[id].length {
            Some(length) if length != 1 => Err(format!("an axis of length {length} is left out")),
            _ => {
                self.known[id].is_one = true;
                Ok(())
            }
        }
    }

    /// Says what the axis counts. Error: it counts something else.
    pub(super) fn set_role(&mut self, id: Id, role: Role) -> Result<(), String> {
        let id = self.find(id);
        match self.known[id].role {
            Some(other) if other != role => {
                return Err(format!("one axis is used for {} and for {}", other.name(), role.name()));
            }
            Some(_) => return Ok(()),
            None => self.known[id].role = Some(role),
        }
        if role == Role::Sequences {
            match self.sequences {
                Some(first) => return self.unite(first, id),
                None => self.sequences = Some(id),
            }
        }
        Ok(())
    }

    /// Says how long the axis is, where the file does not. Error: the file says otherwise.
    pub(super) fn set_length(&mut self, id: Id, length: usize) -> Result<(), String> {
        let id = self.find(id);
        match self.known[id].length {
            Some(other) if other != length => {
                Err(format!("an axis of length {other} where {length} is needed"))
            }
            _ => {
                self.known[id].length = Some(length);
                Ok(())
            }
        }
    }

    /// Says that two axes are the same. Error: they count different things.
    pub(super) fn unite(&mut self, first: Id, second: Id) -> Result<(), String> {
        let (first, second) = (self.find(first), self.find(second));
        if first == second {
            return Ok(());
        }
        // Sequences stand for themselves.
        let (kept, given) = if self.sequences == Some(second) { (second, first) } else { (first, second) };
        let Known { role, length, is_one, .. } = self.known[given].clone();
        self.known[given].same_as = kept;
        self.known[kept].is_one |= is_one;
        // Different stated lengths of sequences or steps are examples, of which the first is taken.
        let stated = self.known[kept].length.or(length);
        self.known[kept].length = stated;
        match role {
            Some(role) => self.set_role(kept, role),
            None => Ok(()),
        }
    }
}

/// A whole number that may depend on lengths that are open: a factor and the axes whose lengths it is multiplied by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) factor: i64,
    axes: Vec<Id>,
}

impl From<i64> for Size {
    fn from(factor: i64) -> Self {
        Self { factor, axes: Vec::new() }
    }
}

impl From<usize> for Size {
    fn from(factor: usize) -> Self {
        // Lengths of arrays in memory fit.
        Self::from(i64::try_from(factor).unwrap_or(i64::MAX))
    }
}

/// The most axes of a product: more than an array has.
const MOST_FACTORS: usize = 16;

impl Size {
    pub(super) fn of_axis(id: Id) -> Self {
        Self { factor: 1, axes: vec![id] }
    }

    /// The axis whose length it is, where it is that of one.
    pub(super) fn only_axis(&self) -> Option<Id> {
        match self.axes[..] {
            [id] if self.factor == 1 => Some(id),
            _ => None,
        }
    }

    /// The number, where it depends on no open length.
    pub(super) fn number(&self) -> Option<i64> {
        self.axes.is_empty().then_some(self.factor)
    }

    /// The number with the lengths that the file states; None where one of them is left open.
    pub(super) fn stated(&self, axes: &Axes) -> Option<i64> {
        self.axes
            .iter()
            .try_fold(self.factor, |product, &id| product.checked_mul(i64::try_from(axes.length(id)?).ok()?))
    }

    /// With the axes that stand for others, features by their number.
    pub(super) fn settled(&self, axes: &Axes) -> Self {
        let mut settled = Self::from(self.factor);
        for &id in &self.axes {
            match (axes.role(id), axes.length(id)) {
                (Some(Role::Features | Role::Stack), Some(length)) => {
                    settled.factor = settled.factor.saturating_mul(length as i64);
                }
                _ => settled.axes.push(axes.find(id)),
            }
        }
        settled.axes.sort_unstable();
        settled
    }

    pub(super) fn times(&self, other: &Self) -> Result<Self> {
        let factor = self.factor.checked_mul(other.factor);
        match factor {
            Some(factor) if self.axes.len() + other.axes.len() <= MOST_FACTORS => {
                let mut product = Self { factor, axes: [&self.axes[..], &other.axes].concat() };
                product.axes.sort_unstable();
                Ok(product)
            }
            _ => Err(Error::Model("a size in the graph is too large".into())),
        }
    }

    /// How many times `other` it is, where that is a whole number whatever the open lengths are, or with some of those that
    /// the file states.
    pub(super) fn over(&self, other: &Self, axes: &Axes) -> Option<Self> {
        let (mut quotient, other) = (self.settled(axes), other.settled(axes));
        let mut divisor = other.factor;
        for &id in &other.axes {
            match quotient.axes.iter().position(|&own| own == id) {
                Some(place) => drop(quotient.axes.remove(place)),
                None => divisor = divisor.checked_mul(axes.length(id)? as i64)?,
            }
        }
        // Features come last, so that stated lengths are taken from the end.
        while divisor != 0 && quotient.factor % divisor != 0 {
            let place = quotient.axes.iter().rposition(|&id| axes.length(id).is_some())?;
            let length = axes.length(quotient.axes.remove(place))? as i64;
            quotient.factor = quotient.factor.checked_mul(length)?;
        }
        quotient.factor = quotient.factor.checked_div(divisor)?;
        Some(quotient)
    }

    /// Whether both are the same number: whatever the open lengths are, or with those that the file states.
    pub(super) fn equals(&self, other: &Self, axes: &Axes) -> bool {
        self.settled(axes) == other.settled(axes)
            || self.stated(axes).is_some_and(|number| Some(number) == other.stated(axes))
    }
}
