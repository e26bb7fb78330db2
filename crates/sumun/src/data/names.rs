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

/// The one of some names that somebody who wrote `name` may have meant: a third of its characters at most are other ones, left
/// out, put in or in another order (optimal string alignment), case apart; or `name` is its initials, or it those of `name`.
pub(crate) fn nearest<'a, S: AsRef<str>>(name: &str, names: impl Iterator<Item = &'a S>) -> Option<&'a S> {
    let name = name.to_lowercase();
    let likeness = |other: &S| {
        let other = other.as_ref().to_lowercase();
        // Comparing takes time proportional to the product of both lengths; no real name is that long.
        if name.len() > LONGEST || other.len() > LONGEST {
            return None;
        }
        let (here, there) = (name.chars().count(), other.chars().count());
        let longest = here.max(there);
        let mistakes = strsim::osa_distance(&name, &other);
        let near = mistakes <= (longest / 3).max(1) && mistakes < longest;
        let short = initials(&name) == other || initials(&other) == name;
        // Of as many mistakes, a wrong letter is likelier than a missing one.
        (near || short).then(|| (if near { mistakes } else { longest }, here.abs_diff(there)))
    };
    let near = names.filter_map(|other| Some((likeness(other)?, other)));
    near.min_by_key(|(likeness, _)| *likeness).map(|(_, other)| other)
}

/// The first letters of the words of a name: `lr` of `learning_rate`.
fn initials(name: &str) -> String {
    name.split(['_', '-', ' ']).filter_map(|word| word.chars().next()).collect()
}

/// ` did you mean 'nearest'?` where one of the names is near enough to `name`, else nothing.
pub(crate) fn did_you_mean<S: AsRef<str>>(name: &str, names: &[S]) -> String {
    nearest(name, names.iter())
        .map_or_else(String::new, |nearest| format!(" did you mean {}?", quoted(nearest.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_meant() {
        let names = ["value", "date", "Temperature (C)", "lr", "id", "수요", "수요량"];
        for (name, expected) in [
            ("valeu", Some("value")),
            ("VALUE", Some("value")),
            ("dat", Some("date")),
            ("temperature", Some("Temperature (C)")),
            ("learning_rate", Some("lr")),
            ("수요랑", Some("수요량")),
            ("zzz", None),
            ("price", None),
            ("x", None),
            ("temp", None),
        ] {
            assert_eq!(nearest(name, names.iter()).copied(), expected, "{name}");
        }
    }
}
