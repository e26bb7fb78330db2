//! One row a sequence from its steps, as nodes.

use sumun_formats::onnx::OnnxAttribute;

use super::nodes::Writer;
use crate::Result;
use crate::interchange::LENGTHS;
use crate::nn::Pool;

impl Writer<'_> {
    pub(super) fn pool(&mut self, pool: Pool, name: &str, x: &str) -> Result<String> {
        match (pool, self.options.lengths) {
            (Pool::Last, false) => {
                let (start, end, axis) = (self.ints(&[-1])?, self.ints(&[i64::MAX])?, self.ints(&[1])?);
                let last = self.node(name, "Slice", &[x, &start, &end, &axis], &[]);
                Ok(self.node(name, "Squeeze", &[&last, &axis], &[]))
            }
            (Pool::Mean, false) => Ok(self.reduced(name, "ReduceMean", x)),
            (Pool::Max, false) => Ok(self.reduced(name, "ReduceMax", x)),
            (Pool::Last, true) => {
                // Turned round, each sequence begins with its own last step.
                let turned = self.reversed(name, x)?;
                let (start, end, axis) = (self.ints(&[0])?, self.ints(&[1])?, self.ints(&[1])?);
                let first = self.node(name, "Slice", &[&turned, &start, &end, &axis], &[]);
                let last = self.node(name, "Squeeze", &[&first, &axis], &[]);
                self.where_steps(name, &last)
            }
            (Pool::Mean, true) => {
                let there = self.only_there(name, x, 0.0);
                let axis = self.ints(&[1])?;
                let sum =
                    self.node(name, "ReduceSum", &[&there, &axis], &[("keepdims", OnnxAttribute::Int(0))]);
                let count = self.lengths_as(name, 1)?;
                let one = self.constant(format!("{name}.one"), Vec::new(), vec![1.0])?;
                let count = self.node(name, "Max", &[&count, &one], &[]);
                Ok(self.node(name, "Div", &[&sum, &count], &[]))
            }
            (Pool::Max, true) => {
                let there = self.only_there(name, x, f32::NEG_INFINITY);
                let most = self.reduced(name, "ReduceMax", &there);
                self.where_steps(name, &most)
            }
        }
    }

    fn reduced(&mut self, name: &str, operator: &str, x: &str) -> String {
        let attributes = [("axes", OnnxAttribute::Ints(vec![1])), ("keepdims", OnnxAttribute::Int(0))];
        self.node(name, operator, &[x], &attributes)
    }

    /// The lengths `[N, 1]` as elements of a type.
    fn lengths_as(&mut self, name: &str, element: i64) -> Result<String> {
        let lengths = self.node(name, "Cast", &[LENGTHS], &[("to", OnnxAttribute::Int(element))]);
        let axis = self.ints(&[1])?;
        Ok(self.node(name, "Unsqueeze", &[&lengths, &axis], &[]))
    }

    /// Rows `[N, F]`, zeros for sequences without steps.
    fn where_steps(&mut self, name: &str, x: &str) -> Result<String> {
        // True where a length is not 0.
        let there = self.lengths_as(name, 9)?;
        let zero = self.constant(format!("{name}.zero"), Vec::new(), vec![0.0])?;
        Ok(self.node(name, "Where", &[&there, x, &zero], &[]))
    }

    /// Additive attention: the mean of the steps with learnt weights.
    pub(super) fn attention(&mut self, name: &str, x: &str) -> Result<String> {
        let (weight, shape) = self.needed(name, "weight")?;
        let (units, inputs) = (shape[0], shape[1]);
        let turned = (0..inputs).flat_map(|i| (0..units).map(move |o| o * inputs + i));
        let turned = turned.map(|place| weight[place]).collect();
        let weight = self.constant(format!("{name}.weight"), vec![inputs, units], turned)?;
        let (bias, shape) = self.needed(name, "bias")?;
        let bias = self.constant(format!("{name}.bias"), shape, bias)?;
        let (context, _) = self.needed(name, "context")?;
        let context = self.constant(format!("{name}.context"), vec![units, 1], context)?;
        let product = self.node(name, "MatMul", &[x, &weight], &[]);
        let sum = self.node(name, "Add", &[&product, &bias], &[]);
        let hidden = self.node(name, "Tanh", &[&sum], &[]);
        let mut scores = self.node(name, "MatMul", &[&hidden, &context], &[]);
        let mut steps = x.to_owned();
        if self.options.lengths {
            // A finite number, so that a sequence without steps has shares, too: of zeros.
            scores = self.only_there(name, &scores, f32::MIN);
            steps = self.only_there(name, x, 0.0);
        }
        let shares = self.node(name, "Softmax", &[&scores], &[("axis", OnnxAttribute::Int(1))]);
        let weighted = self.node(name, "Mul", &[&shares, &steps], &[]);
        let axis = self.ints(&[1])?;
        Ok(self.node(name, "ReduceSum", &[&weighted, &axis], &[("keepdims", OnnxAttribute::Int(0))]))
    }
}
