//! What `classify` and `regress` share: tasks with one output for a sequence, of which a head says what it means.

mod head;
mod lesson;
mod pipeline;

use super::task::{Task, TaskConfig};
use crate::Result;
use crate::records::XLayout;
use crate::settings::{Pooling, settings};
pub use head::Head;
pub(super) use head::Labelling;
pub use lesson::Labelled;
pub use pipeline::LabelledPipeline;

settings! {
    /// What a record is read from, and how its steps become one output.
    pub struct LabelledOptions {
        data.text: Option<String> = None, "The column or key with the text";
        data.x: Option<String> = None, "The key with the numbers";
        data.x_layout: XLayout = XLayout::default(), "Whether x lists channels over time, or times of channels";
        data.label: Option<String> = None, "The column or key with the label";
        network.pool: Pooling = Pooling::Max, "How the steps of a sequence become one output";
    }
}

/// Refuses settings that the data leaves nothing to do for.
fn check_input<T: Labelling>(config: &TaskConfig<T>, numbers: bool) -> Result<()> {
    let layout = config.own.labelled().x_layout;
    config.check_input(numbers, &[("x_layout", true, layout != T::default().labelled().x_layout)])
}

/// The defaults of tasks that read texts whole: case tells little of what a text is about.
pub(super) fn adjust<T: Task>(config: &mut TaskConfig<T>) {
    config.text.lowercase = true;
}
