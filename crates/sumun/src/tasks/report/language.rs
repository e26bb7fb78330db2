//! What a language model writes.

use std::fmt::Write;

use crate::report::text::{escape, fixed};
use crate::tasks::shown::Sample;

/// The texts, each with its temperature.
pub(super) fn samples(samples: &[Sample]) -> String {
    let mut out = String::new();
    for Sample { temperature, text } in samples {
        let _ = writeln!(
            out,
            "<div class=\"panel\"><h3>Temperature {}</h3><pre class=\"sample\">{}</pre></div>",
            fixed(*temperature, 1),
            escape(text)
        );
    }
    out
}
