//! What several parts of the page call a thing.

use crate::report::text::counted;
use crate::tasks::finished::SequenceOutcome;

/// What the training part has: `243 sequences`.
pub(super) fn amount(trained: &SequenceOutcome) -> String {
    counted(trained.examples, trained.words.example)
}

/// What people call a part.
pub(super) fn part_name(part: &str) -> &str {
    match part {
        "test" => "Test",
        "valid" => "Validation",
        file => file,
    }
}
