//! Names and cells from files as messages show them.

pub(super) use crate::error::quoted;

/// How many names a message lists.
const LISTED: usize = 12;

/// The most bytes of a name that is compared with others.
const LONGEST: usize = 500;

/// The first names, quoted, and how many more there are.
pub(crate) fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let shown: Vec<_> = names.iter().take(LISTED).map(|name| quoted(name.as_ref())).collect();
    let more = if names.len() > shown.len() {
        format!(" and {} more", names.len() - shown.len())
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// ` did you mean 'nearest'?` where one of the names is near enough to `name`, else nothing.
pub(crate) fn did_you_mean<S: AsRef<str>>(name: &str, names: &[S]) -> String {
    let likeness = |other: &S| strsim::jaro_winkler(&other.as_ref().to_lowercase(), &name.to_lowercase());
    // Comparing takes time proportional to the product of both lengths; no real column name is that long.
    let short = |text: &str| text.len() <= LONGEST;
    let names = names.iter().filter(|other| short(name) && short(other.as_ref()));
    match names.max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(nearest) if likeness(nearest) > 0.7 => format!(" did you mean {}?", quoted(nearest.as_ref())),
        _ => String::new(),
    }
}
