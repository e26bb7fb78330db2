//! Arrays in other shapes: which axes become which.

use super::axes::{Id, Role, Size};
use super::graph::Reader;
use super::node::At;
use super::value::{Array, Axis, Content};
use crate::Result;

/// A length that a shape asks for.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Size(Size),
    /// That of the same axis before.
    Same(usize),
    /// What is left.
    Rest,
}

/// An axis, or a part of one.
#[derive(Debug, Clone)]
struct Piece {
    axis: Axis,
    size: Size,
    /// Of a factor of the features: which part of it, the first the slowest.
    part: usize,
}

/// The pieces of an axis to be, and how long it is.
type Group = Vec<Piece>;

impl Reader<'_> {
    pub(super) fn reshaped(&mut self, at: At<'_>, array: Array, target: &[Wanted]) -> Result<Array> {
        let sizes = self.target(at, &array, target)?;
        let groups = self.groups(at, &array, &sizes)?;
        let mixes = |group: &Group| {
            group.iter().any(|piece| piece.axis == Axis::Stack)
                && group.iter().any(|piece| matches!(piece.axis, Axis::Factor(_)))
        };
        if groups.iter().any(mixes) {
            // Final states of both directions side by side are rows.
            let rows = self.rows(at, array)?;
            let groups = self.groups(at, &rows, &sizes)?;
            return self.regrouped(at, rows, groups);
        }
        self.regrouped(at, array, groups)
    }

    /// The lengths that are asked for.
    fn target(&mut self, at: At<'_>, array: &Array, target: &[Wanted]) -> Result<Vec<Size>> {
        let own = at.named(array.shape(&self.axes))?;
        let mut sizes: Vec<Option<Size>> = Vec::with_capacity(target.len());
        for wanted in target {
            sizes.push(match wanted {
                Wanted::Size(size) => Some(size.settled(&self.axes)),
                Wanted::Same(axis) => {
                    let size = own.get(*axis).cloned();
                    Some(size.ok_or_else(|| at.error("it keeps an axis that is not there"))?)
                }
                Wanted::Rest => None,
            });
        }
        if sizes.iter().filter(|size| size.is_none()).count() > 1 {
            return Err(at.error("two lengths of its shape are left open"));
        }
        let times = |product: Size, size: &Size| product.times(size);
        let all = at.named(own.iter().try_fold(Size::from(1_i64), times))?;
        let known = at.named(sizes.iter().flatten().try_fold(Size::from(1_i64), times))?;
        let rest = all.over(&known, &self.axes).or_else(|| {
            let (all, known) = (all.stated(&self.axes)?, known.stated(&self.axes)?);
            all.checked_div(known).map(Size::from)
        });
        let rest = match rest {
            None if self.one_step_each(at, array, &own, &sizes)? => Some(Size::from(1_i64)),
            rest => rest,
        };
        sizes
            .into_iter()
            .map(|size| {
                size.or_else(|| rest.clone()).ok_or_else(|| at.error("its shape cannot be worked out"))
            })
            .collect()
    }

    /// Whether rows are laid out as steps of as many sequences as another array has, as policies do it, whose loop over the steps
    /// exporters write as one step: then there is a row for each sequence.
    fn one_step_each(
        &mut self,
        at: At<'_>,
        array: &Array,
        own: &[Size],
        sizes: &[Option<Size>],
    ) -> Result<bool> {
        let ([Axis::Open(rows), ..], [Some(sequences), None, features @ ..]) = (&array.axes[..], sizes)
        else {
            return Ok(false);
        };
        let Some(sequences) = sequences.only_axis() else { return Ok(false) };
        let is_open = [*rows, sequences].iter().all(|&id| self.axes.length(id).is_none());
        let features: Option<Vec<Size>> = features.iter().cloned().collect();
        let rest_is_same = features.is_some_and(|features| {
            features.len() == own.len() - 1
                && features.iter().zip(&own[1..]).all(|(a, b)| a.equals(b, &self.axes))
        });
        if !(is_open && rest_is_same && matches!(array.content, Content::Input(_))) {
            return Ok(false);
        }
        at.named(self.axes.set_role(sequences, Role::Sequences))?;
        at.named(self.axes.unite(sequences, *rows))?;
        self.note("the graph lays rows out as steps of sequences, and was read for one row of each sequence");
        Ok(true)
    }

    /// Which pieces of the axes, in their order, each new axis has.
    fn groups(&self, at: At<'_>, array: &Array, sizes: &[Size]) -> Result<Vec<Group>> {
        let mut pieces = Vec::new();
        for axis in &array.axes {
            match axis {
                Axis::One => {}
                Axis::Merged(ids) => {
                    let open = |&id: &Id| Piece { axis: Axis::Open(id), size: Size::of_axis(id), part: 0 };
                    pieces.extend(ids.iter().map(open));
                }
                axis => {
                    let size = at.named(array.size(axis, &self.axes))?;
                    pieces.push(Piece { axis: axis.clone(), size, part: 0 });
                }
            }
        }
        // One feature is no axis beside others.
        let is_one_feature =
            |piece: &Piece| matches!(piece.axis, Axis::Factor(_)) && piece.size.number() == Some(1);
        if array.features() == 1 && pieces.len() > 1 && !sizes.iter().any(|size| size.number() == Some(1)) {
            pieces.retain(|piece| !is_one_feature(piece));
        }
        let mut pieces = pieces.into_iter().peekable();
        let mut groups = Vec::with_capacity(sizes.len());
        let is_one = |piece: &Piece| piece.size.stated(&self.axes) == Some(1);
        for size in sizes {
            let mut group = Group::new();
            if size.stated(&self.axes) == Some(1) {
                group.extend(pieces.next_if(is_one));
                groups.push(group);
                continue;
            }
            let mut rest = size.clone();
            while rest.stated(&self.axes) != Some(1) {
                let Some(piece) = pieces.peek_mut() else {
                    return Err(at.error("its shape does not fit what it reads"));
                };
                let left = rest.over(&piece.size, &self.axes).or_else(|| {
                    let (rest, own) = (rest.stated(&self.axes)?, piece.size.stated(&self.axes)?);
                    (own > 0 && rest % own == 0).then(|| Size::from(rest / own))
                });
                match (left, piece.size.number(), rest.number()) {
                    (Some(left), ..) => {
                        // An axis of length 1 that the new shape does not have is left out.
                        let piece = pieces.next();
                        if left != rest || groups.len() + 1 == sizes.len() {
                            group.extend(piece);
                        } else {
                            group.extend(piece.filter(|piece| !is_one(piece)));
                        }
                        rest = left;
                    }
                    (None, Some(own), Some(wanted)) if wanted > 0 && own % wanted == 0 => {
                        group.push(Piece { size: Size::from(wanted), ..piece.clone() });
                        piece.size = Size::from(own / wanted);
                        piece.part += 1;
                        rest = Size::from(1_i64);
                    }
                    _ => return Err(at.error("its shape mixes axes that no layer here mixes")),
                }
            }
            groups.push(group);
        }
        match pieces.find(|piece| !is_one(piece)) {
            None => Ok(groups),
            Some(_) => Err(at.error("its shape does not fit what it reads")),
        }
    }

    /// The array with an axis for each group.
    fn regrouped(&mut self, at: At<'_>, mut array: Array, groups: Vec<Group>) -> Result<Array> {
        let used: Vec<&Axis> = groups.iter().flatten().map(|piece| &piece.axis).collect();
        let missing: Vec<Id> = array
            .axes
            .iter()
            .filter_map(|axis| match axis {
                Axis::Open(id) if !used.contains(&axis) => Some(*id),
                _ => None,
            })
            .collect();
        missing.into_iter().try_for_each(|id| at.named(self.axes.expect_one(id)))?;
        // Factors by their place among the features.
        let key = |piece: &Piece| match piece.axis {
            Axis::Factor(factor) => Some((factor, piece.part)),
            _ => None,
        };
        let mut keys: Vec<(usize, usize)> = groups.iter().flatten().filter_map(key).collect();
        keys.sort_unstable();
        let mut factors: Vec<(usize, usize)> = Vec::new();
        for group in &groups {
            let own: Vec<usize> =
                group.iter().filter_map(key).filter_map(|k| keys.binary_search(&k).ok()).collect();
            let Some(&first) = own.first() else { continue };
            if own.len() != group.len()
                || own.iter().enumerate().any(|(index, &place)| place != first + index)
            {
                return Err(at.error("its shape mixes features with steps, or changes their order"));
            }
            let size = group.iter().filter_map(|piece| piece.size.number()).product::<i64>();
            factors.push((first, size as usize));
        }
        factors.sort_unstable();
        let mut axes = Vec::with_capacity(groups.len());
        for group in groups {
            axes.push(match group.as_slice() {
                [] => Axis::One,
                [first, ..] if key(first).is_some() => {
                    let place = key(first).and_then(|k| keys.binary_search(&k).ok());
                    let factor = factors.iter().position(|&(first, _)| Some(first) == place);
                    factor.map_or(Axis::One, Axis::Factor)
                }
                [one] => one.axis.clone(),
                several => {
                    let open = |piece: &Piece| match piece.axis {
                        Axis::Open(id) => Some(id),
                        _ => None,
                    };
                    let ids: Option<Vec<Id>> = several.iter().map(open).collect();
                    Axis::Merged(
                        ids.ok_or_else(|| at.error("its shape mixes axes that no layer here mixes"))?,
                    )
                }
            });
        }
        array.axes = axes;
        if factors.is_empty() && array.features() == 1 {
            array.factors.clear();
        }
        if !factors.is_empty() {
            array.factors = factors.into_iter().map(|(_, size)| size).collect();
        }
        Ok(array)
    }

    /// Has the axis at a place be all features, and returns how many there are. Error: it is something else, or not all of
    /// them, or not `wanted`.
    pub(super) fn features_at(
        &mut self,
        at: At<'_>,
        array: &mut Array,
        place: usize,
        wanted: Option<usize>,
    ) -> Result<usize> {
        if let Axis::Open(id) = array.axes[place] {
            if !array.factors.is_empty() {
                return Err(at.error("it computes along sequences or steps, not along features"));
            }
            at.named(self.axes.set_role(id, Role::Features))?;
            if let Some(wanted) = wanted {
                at.named(self.axes.set_length(id, wanted))?;
            }
            if self.axes.length(id).is_none() {
                return Err(at.error("how many features its input has is not known"));
            }
            *array = self.settled(array.clone());
        }
        let found = match array.axes[place] {
            Axis::One if array.factors.is_empty() => 1,
            Axis::Factor(_) if array.factors.len() == 1 => array.factors[0],
            Axis::Factor(_) => {
                return Err(at.error("it computes along some of the features; a layer here reads all"));
            }
            _ => return Err(at.error("it computes along another axis than that of the features")),
        };
        match wanted {
            Some(wanted) if wanted != found => {
                Err(at.error(format!("its constants are for {wanted} features, but it reads {found}")))
            }
            _ => Ok(found),
        }
    }

    /// Has the axis at a place be sequences or steps, or one of them.
    pub(super) fn role_at(&mut self, at: At<'_>, array: &Array, place: usize, role: Role) -> Result<()> {
        match array.axes[place] {
            Axis::One => Ok(()),
            // Steps are sequences to what computes within them.
            Axis::Open(id)
                if role == Role::Sequences
                    && self.axes.role(id) == Some(Role::Time)
                    && self.is_within(array) =>
            {
                Ok(())
            }
            Axis::Open(id) => at.named(self.axes.set_role(id, role)),
            _ => Err(at.error("it reads features or states as sequences or steps")),
        }
    }

    /// The name of the source, whose rows are steps.
    pub(super) fn steps(&mut self, at: At<'_>, array: &mut Array) -> Result<String> {
        use super::value::Time;
        let from = self.source(at, array)?;
        match Self::time_of(array) {
            Time::Steps => Ok(from),
            Time::Of(index) => {
                self.inputs[index].has_steps = true;
                Ok(from)
            }
            Time::Once => {
                let layer = self.add(at, crate::nn::UnflattenLayer::new(1), vec![from]);
                array.content = Content::Rows { layer: layer.clone(), time: Time::Steps };
                Ok(layer)
            }
        }
    }
}
