//! Text up to the first of some strings.

/// Passes text on until one of some strings has come, which is left out with all that follows. What may be the beginning of
/// one is held back until that is known.
#[derive(Debug, Clone)]
pub(super) struct Until {
    stops: Vec<String>,
    held: String,
    met: bool,
}

impl Until {
    /// None of `stops` is empty.
    pub(super) fn new(stops: Vec<String>) -> Self {
        Self { stops, held: String::new(), met: false }
    }

    /// Whether one has come.
    pub(super) fn is_met(&self) -> bool {
        self.met
    }

    /// Takes the next piece, and gives what can be written now.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if self.met {
            return String::new();
        }
        self.held += piece;
        // The one that ends first, as if the text had come letter by letter.
        let ends = |stop: &String| self.held.find(stop.as_str()).map(|at| (at + stop.len(), at));
        if let Some((_, at)) = self.stops.iter().filter_map(ends).min() {
            self.met = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let begins =
            |(at, _): &(usize, char)| self.stops.iter().any(|stop| stop.starts_with(&self.held[*at..]));
        let from = self.held.char_indices().find(begins).map_or(self.held.len(), |(at, _)| at);
        let rest = self.held.split_off(from);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back, where nothing more comes.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(stops: &[&str], pieces: &[&str]) -> Vec<String> {
        let mut until = Until::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut all: Vec<String> = pieces.iter().map(|piece| until.push(piece)).collect();
        all.push(until.finish());
        all
    }

    #[test]
    fn beginnings_are_held_back() {
        assert_eq!(written(&["\n\n"], &["a\n", "b\n", "\nc"]), ["a", "\nb", "", ""]);
        assert_eq!(written(&["abab"], &["aba", "c", "ab"]), ["", "abac", "", "ab"]);
        assert_eq!(
            written(&["수문", "다."], &["물은 수", "면이", "다", ".", "끝"]),
            ["물은 ", "수면이", "", "", "", ""]
        );
        assert_eq!(written(&[], &["a", "b"]), ["a", "b", ""]);
        // The one that ends first counts, not the first of the list.
        assert_eq!(written(&["c", "b"], &["abc"]), ["a", ""]);
    }

    proptest! {
        #[test]
        fn pieces_are_the_text_before_the_first(text in "[abc]{0,20}", stops in prop::collection::vec("[abc]{1,3}", 0..3), cuts in prop::collection::vec(0_usize..20, 0..4)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            let ends = stops.iter().filter_map(|stop| text.find(stop).map(|at| (at + stop.len(), at)));
            let end = ends.min().map_or(text.len(), |(_, at)| at);
            prop_assert_eq!(written(&stops, &pieces).concat(), &text[..end]);
        }
    }
}
