//! Products of matrices: a dense layer where one of them is in the file, and the products of an attention.

use sumun_formats::keras::Value;

use super::super::dot;
use super::super::laid::{Axis, Laid};
use super::super::output::{Output, Products};
use super::operator::Operator;
use crate::Result;
use crate::nn::DenseLayer;

/// A matrix of the file.
struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

/// What a product is of.
enum Factor {
    Tensor(Laid),
    /// Products of steps with steps, or shares of them.
    Products(Products),
    Matrix(Matrix),
}

const ATTENTION: &str = "a product of two tensors is read where it is part of an attention: of steps with the steps of another, \
                         and of shares with those that they are of";

impl Operator<'_, '_> {
    /// What an operator gives that is part of an attention written as products; None of any other.
    pub(super) fn of_products(&mut self, class: &str) -> Result<Option<Output>> {
        match class {
            "Matmul" => {
                self.expect(2)?;
                let is_turned = self.options.flag("transpose_b", false)?;
                let (first, second) = (self.factor(0)?, self.factor(1)?);
                self.product(first, second, is_turned).map(Some)
            }
            "Einsum" => self.einsum().map(Some),
            "Softmax" | "Multiply" | "TrueDivide" | "Divide" => {
                let found =
                    (0..self.call.arguments.len()).find_map(|place| Some((place, self.products(place)?)));
                let Some((place, products)) = found else { return Ok(None) };
                if products.are_shares {
                    return Err(self.error(ATTENTION));
                }
                if class == "Softmax" {
                    self.expect(1)?;
                    if !matches!(self.options.value("axis"), None | Some(Value::Integer(-1 | 2))) {
                        return Err(self.error("it shares out over the queries, which no layer here does"));
                    }
                    return Ok(Some(Output::Products(Products { are_shares: true, ..products })));
                }
                self.expect(2)?;
                let number =
                    self.call.settings.get(&(1 - place.min(1)).to_string()).and_then(Value::as_number);
                let scale = match (class, place, number) {
                    ("Multiply", _, Some(number)) => number,
                    (_, 0, Some(number)) if number != 0.0 => 1.0 / number,
                    _ => {
                        return Err(
                            self.error("it computes with the products of steps; a number may scale them")
                        );
                    }
                };
                Ok(Some(Output::Products(Products { scale: products.scale * scale, ..products })))
            }
            _ => Ok(None),
        }
    }

    fn products(&self, place: usize) -> Option<Products> {
        match self.call.arguments.get(place)?.as_slice() {
            [source] => self.graph.products(source),
            _ => None,
        }
    }

    fn factor(&mut self, place: usize) -> Result<Factor> {
        if let Some(products) = self.products(place) {
            return Ok(Factor::Products(products));
        }
        if self.call.arguments.get(place).is_some_and(|sources| !sources.is_empty()) {
            return self.tensor(place).map(Factor::Tensor);
        }
        let value = self.call.settings.get(&place.to_string());
        let config = value.and_then(Value::as_object).and_then(|object| object.get("config"));
        let rows =
            config.and_then(Value::as_object).and_then(|config| config.get("value")).and_then(Value::as_list);
        let matrix = rows.and_then(|rows| {
            let columns = rows.first()?.as_list()?.len();
            let mut values = Vec::with_capacity(rows.len().saturating_mul(columns).min(1 << 20));
            for row in rows {
                let row = row.as_list().filter(|row| row.len() == columns)?;
                for value in row {
                    values.push(value.as_number()? as f32);
                }
            }
            Some(Matrix { rows: rows.len(), columns, values })
        });
        match matrix {
            Some(matrix) if matrix.columns > 0 => Ok(Factor::Matrix(matrix)),
            _ => {
                Err(self
                    .error(format!("its argument {} is neither a tensor nor a matrix of numbers", place + 1)))
            }
        }
    }

    /// The last axis of the first times the last but one of the second, or its last where that is turned.
    fn product(&mut self, first: Factor, second: Factor, is_turned: bool) -> Result<Output> {
        use Axis::{Features, Sequences, Steps};
        match (first, second) {
            (Factor::Tensor(x), Factor::Matrix(matrix)) => self.by_matrix(x, matrix, is_turned),
            (Factor::Tensor(query), Factor::Tensor(memory)) => {
                let turned =
                    if is_turned { [Sequences, Steps, Features] } else { [Sequences, Features, Steps] };
                match query.axes == [Sequences, Steps, Features] && memory.axes == turned {
                    true => self.begin_products(query, memory),
                    false => Err(self.misfit(&query, &memory)),
                }
            }
            (Factor::Products(products), Factor::Tensor(values)) if !is_turned => {
                self.attended(products, values)
            }
            _ => Err(self.error(ATTENTION)),
        }
    }

    fn misfit(&self, first: &Laid, second: &Laid) -> crate::Error {
        self.error(format!("it multiplies {} by {}; {ATTENTION}", first.described(), second.described()))
    }

    /// A dense layer of numbers of the file.
    fn by_matrix(&mut self, x: Laid, matrix: Matrix, is_turned: bool) -> Result<Output> {
        let Matrix { rows, columns, values } = matrix;
        let (inputs, outputs) = if is_turned { (columns, rows) } else { (rows, columns) };
        if x.axes.last() != Some(&Axis::Features) || x.features() != inputs {
            return Err(
                self.error(format!("it multiplies {} by a matrix for {inputs} features", x.described()))
            );
        }
        let weight = match is_turned {
            true => values,
            false => (0..outputs)
                .flat_map(|o| (0..inputs).map(move |i| (o, i)))
                .map(|(o, i)| values[i * columns + o])
                .collect(),
        };
        let shape = x.with_features(outputs);
        let x = self.push(x, DenseLayer::new(outputs).bias(false).trainable(false), shape);
        self.graph.weight(&x.flow.from, "weight", &[outputs, inputs], weight);
        Ok(Output::Laid(x))
    }

    fn begin_products(&mut self, query: Laid, memory: Laid) -> Result<Output> {
        if query.features() != memory.features() {
            return Err(self.misfit(&query, &memory));
        }
        // Keras computes with all steps, masked or not.
        self.graph.cross(self.layer, &query.flow);
        self.graph.cross(self.layer, &memory.flow);
        Ok(Output::Products(Products {
            query: query.flow,
            memory: memory.flow,
            are_shares: false,
            scale: 1.0,
        }))
    }

    fn attended(&mut self, products: Products, values: Laid) -> Result<Output> {
        use Axis::{Features, Sequences, Steps};
        if values.axes != [Sequences, Steps, Features] {
            return Err(self.error(format!("it weighs {}; {ATTENTION}", values.described())));
        }
        dot::attend(self.graph, self.layer, products, values.flow).map(Output::Flow)
    }

    /// A sum of products whose axes have letters, where it is one of those above.
    fn einsum(&mut self) -> Result<Output> {
        use Axis::{Features, Sequences, Steps};
        self.expect(2)?;
        let text: String = self.options.text("subscripts")?.unwrap_or_default().split_whitespace().collect();
        let other = |operator: &Self| {
            operator.error(format!("it computes {}; {ATTENTION}", crate::error::quoted(&text)))
        };
        let parts = text.split_once("->").and_then(|(read, out)| Some((read.split_once(',')?, out)));
        let Some(((first, second), out)) = parts else { return Err(other(self)) };
        let letters = |text: &str| -> Option<Vec<char>> {
            let letters: Vec<char> = text.chars().collect();
            let differ = letters
                .iter()
                .enumerate()
                .all(|(k, letter)| letter.is_ascii_alphabetic() && !letters[..k].contains(letter));
            (differ && letters.len() <= 3).then_some(letters)
        };
        let (Some(first), Some(second), Some(out)) = (letters(first), letters(second), letters(out)) else {
            return Err(other(self));
        };
        // The place of each letter of the output is that of an axis.
        match (self.factor(0)?, self.factor(1)?) {
            (Factor::Tensor(x), Factor::Matrix(matrix)) => {
                let (Some((&last, before)), Some((&new, kept))) = (first.split_last(), out.split_last())
                else {
                    return Err(other(self));
                };
                match second.as_slice() {
                    [a, b] if *a == last && *b == new && before == kept => self.by_matrix(x, matrix, false),
                    [a, b] if *b == last && *a == new && before == kept => self.by_matrix(x, matrix, true),
                    _ => Err(other(self)),
                }
            }
            (Factor::Tensor(x), Factor::Tensor(y)) => {
                let axis = |laid: &Laid, own: &[char], letter: char| {
                    own.iter().position(|l| *l == letter).and_then(|place| laid.axes.get(place).copied())
                };
                let [n, q, m] = out.as_slice() else { return Err(other(self)) };
                let summed = first.iter().find(|letter| !out.contains(letter));
                let (Some(&f), 3, 3) = (summed, first.len(), second.len()) else { return Err(other(self)) };
                let of = |laid: &Laid, own: &[char], step: char| {
                    [(*n, Sequences), (step, Steps), (f, Features)]
                        .into_iter()
                        .all(|(letter, wanted)| axis(laid, own, letter) == Some(wanted))
                };
                if of(&x, &first, *q) && of(&y, &second, *m) {
                    self.begin_products(x, y)
                } else if of(&y, &second, *q) && of(&x, &first, *m) {
                    self.begin_products(y, x)
                } else {
                    Err(other(self))
                }
            }
            (Factor::Products(shares), Factor::Tensor(values)) => {
                match (first.as_slice(), second.as_slice(), out.as_slice()) {
                    ([n, q, m], [n2, m2, f], [n3, q2, f2])
                        if [n2, n3] == [n, n] && m2 == m && q2 == q && f2 == f =>
                    {
                        self.attended(shares, values)
                    }
                    _ => Err(other(self)),
                }
            }
            (Factor::Tensor(values), Factor::Products(shares)) => {
                match (first.as_slice(), second.as_slice(), out.as_slice()) {
                    ([n2, m2, f], [n, q, m], [n3, q2, f2])
                        if [n2, n3] == [n, n] && m2 == m && q2 == q && f2 == f =>
                    {
                        self.attended(shares, values)
                    }
                    _ => Err(other(self)),
                }
            }
            _ => Err(other(self)),
        }
    }
}
