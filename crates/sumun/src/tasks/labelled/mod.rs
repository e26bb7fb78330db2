//! What `classify` and `regress` share: tasks with one output for a sequence, of which a head says what it means.

mod head;
mod lesson;
mod pipeline;
mod together;

use super::options::{DataOptions, NumberOptions, bad, check_counts};
use super::task::{Task, TaskConfig};
use crate::data::Mark;
use crate::message::key;
use crate::records::XLayout;
use crate::settings::{Pooling, Switch, settings};
use crate::{Error, Result};
pub use head::Head;
pub(super) use head::Labelling;
pub use lesson::Labelled;
pub use pipeline::LabelledPipeline;

settings! {
    /// What a record is read from, and how its steps become one output.
    pub struct LabelledOptions {
        data.text: Option<String> = None, "The column or key with the text";
        data.x: Option<String> = None, "The key with the numbers, or the columns, with commas between them";
        data.x_layout: Option<XLayout> = None,
            "Whether x lists channels over time, or times of channels; by default what the lists of the file allow";
        data.series: Option<String> = None,
            "Of rows of numbers, the column that says which recording a row is of; by default found by its name";
        data.time: Option<String> = None,
            "Of rows of numbers, the column of times, or none for the order of the file; by default found";
        data.window: Option<usize> = None, "Cut sequences of numbers into windows of so many steps";
        data.stride: Option<usize> = None,
            "Steps from the beginning of a window to that of the next; by default as many as a window has";
        data.label: Option<String> = None, "The column or key with the label";
        data.folds: Option<usize> = None,
            "Measures so many trainings too, each on a fold of the training file after learning from the others (k-fold \
             cross-validation), and says the mean and the spread of their figures; the model that is kept is the same without";
        data.decimal: Option<Mark> = None, as NumberOptions;
        data.thousands: Option<Mark> = None, as NumberOptions;
        network.linear: Switch = Switch::Auto,
            "Whether a linear model of words and pairs of words answers together with the network, each as much as the validation \
             part says; by default where there is such a part";
        network.pool: Pooling = Pooling::Max, "How the steps of a sequence become one output" => "max,mean,attention,last";
    }
}

/// Refuses settings that the data leaves nothing to do for.
fn check_input<T: Labelling>(config: &TaskConfig<T>, numbers: bool) -> Result<()> {
    let own = config.own.labelled();
    let set = [
        ("series", true, own.series.is_some()),
        ("time", true, own.time.is_some()),
        ("window", true, own.window.is_some()),
        ("stride", true, own.stride.is_some()),
        ("x_layout", true, own.x_layout.is_some()),
        ("linear", false, own.linear == Switch::On),
    ];
    config.check_input(numbers, &set)
}

impl LabelledOptions {
    /// Refuses settings that make no sense whatever the data are.
    pub(super) fn check(&self, data: &DataOptions) -> Result<()> {
        if self.folds.is_some() && data.reads_standard_input() {
            return Err(Error::Settings(
                key("folds")
                    + " reads the data anew for each fold, but standard input is read once; give a file",
            ));
        }
        check_counts(&[("window", self.window.unwrap_or(1)), ("stride", self.stride.unwrap_or(1))])?;
        if let Some(folds) = self.folds.filter(|folds| *folds < 2) {
            return bad("folds", folds, "at least 2");
        }
        if self.stride.is_some() && self.window.is_none() {
            return Err(Error::Settings(key("stride") + " is for windows; give " + key("window") + " too"));
        }
        Ok(())
    }
}

/// The defaults of tasks that read texts whole: case tells little of what a text is about.
pub(super) fn adjust<T: Task>(config: &mut TaskConfig<T>) {
    config.text.lowercase = true;
}
