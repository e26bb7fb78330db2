//! Pictures as PNG. What draws them is large, and a feature: `png`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::drawn::Painter;
use crate::run::Staged;
use crate::{Error, Result};

/// A folder of pictures as PNG that is not there yet: it appears whole, with [`place`](Self::place), or not at all. In a build without
/// the feature `png` there is none.
///
/// Pictures have the colours of the light theme and two pixels for each of their own. Their letters are those of the fonts that are
/// installed.
#[derive(Debug)]
pub struct Pngs {
    staged: Staged,
    painter: Painter,
    files: usize,
}

/// Pictures that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where they are.
    pub folder: PathBuf,
    /// How many.
    pub files: usize,
    /// Whether there is a font; without one they have no letters.
    pub has_fonts: bool,
    /// Letters that no font has, the first of each text; they are left out, or have a box in their place.
    pub missing: BTreeSet<char>,
}

impl Pngs {
    /// Prepares a folder at `path`. Errors: a build without the feature `png`; something is at `path`; what the operating system
    /// refuses.
    pub fn stage(path: &Path) -> Result<Self> {
        let painter = Painter::new()?;
        Ok(Self { staged: Staged::said_by("png", path)?, painter, files: 0 })
    }

    /// Draws a picture of this library, such as [`Picture::svg`](super::Picture::svg), into the file `name`.png. Errors: a name that
    /// is more than a file's name; text that is no SVG; what the operating system refuses.
    pub fn draw(&mut self, name: &str, svg: &str) -> Result<()> {
        let bytes = self.painter.draw(svg).map_err(|why| {
            Error::Invalid(format!("the picture {name} cannot be drawn ({why}); leave the pictures out"))
        })?;
        self.staged.write(&format!("{name}.png"), &bytes)?;
        self.files += 1;
        Ok(())
    }

    /// Puts the folder in its place. Errors: something appeared there in the meantime, and what the operating system refuses; then
    /// nothing is left.
    pub fn place(self) -> Result<Written> {
        let Self { staged, painter, files } = self;
        let (folder, made) = staged.place()?;
        drop(made);
        let (has_fonts, missing) = painter.letters();
        Ok(Written { folder, files, has_fonts, missing })
    }
}

#[cfg(not(feature = "png"))]
mod drawn {
    use std::collections::BTreeSet;

    use crate::message::key;
    use crate::{Error, Result};

    /// There is none in this build.
    #[derive(Debug)]
    pub(super) enum Painter {}

    impl Painter {
        pub(super) fn new() -> Result<Self> {
            Err(Error::Settings(
                key("png")
                    + " is for builds with the feature png, which this one does not have; build sumun with it, or leave it out",
            ))
        }

        pub(super) fn draw(&self, _svg: &str) -> Result<Vec<u8>, String> {
            match *self {}
        }

        pub(super) fn letters(self) -> (bool, BTreeSet<char>) {
            match self {}
        }
    }
}

#[cfg(feature = "png")]
mod drawn {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Arc, Mutex, PoisonError};

    use resvg::tiny_skia::{Pixmap, Transform};
    use resvg::usvg::fontdb::{Database, FaceInfo, Stretch, Style};
    use resvg::usvg::{FontResolver, Options, Tree};

    use super::super::frame::{CHART, THEME};
    use crate::Result;

    /// Pixels of a PNG for one of the picture.
    const SCALE: f32 = 2.0;

    /// More fonts with a letter are not compared.
    const MOST_FONTS: usize = 64;

    /// Draws SVG, and remembers the letters that it has no font for.
    pub(super) struct Painter {
        options: Options<'static>,
        missing: Arc<Mutex<BTreeSet<char>>>,
        /// The rules of pictures without variables, which it does not know.
        style: String,
    }

    impl std::fmt::Debug for Painter {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Painter").field("fonts", &self.options.fontdb.len()).finish_non_exhaustive()
        }
    }

    impl Painter {
        /// With the fonts of the machine.
        pub(super) fn new() -> Result<Self> {
            let mut fonts = Database::new();
            fonts.load_system_fonts();
            Ok(Self::with(fonts))
        }

        fn with(fonts: Database) -> Self {
            let missing = Arc::new(Mutex::new(BTreeSet::new()));
            let (select, fall_back) =
                (FontResolver::default_font_selector(), FontResolver::default_fallback_selector());
            let without = missing.clone();
            let found = Mutex::new(BTreeMap::new());
            let resolver = FontResolver {
                // Where there is none of the families that pictures name.
                select_font: Box::new(move |font, fonts| {
                    let weight = font.weight();
                    let nearest = |fonts: &Database| {
                        fonts.faces().min_by_key(|face| distance(face, weight)).map(|face| face.id)
                    };
                    select(font, fonts).or_else(|| nearest(fonts))
                }),
                // The one that comes first may be a bold one of a typewriter; and each letter is looked for once.
                select_fallback: Box::new(move |letter, before, fonts| {
                    let weight =
                        before.first().and_then(|&id| fonts.face(id)).map_or(400, |face| face.weight.0);
                    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                    let nearest = *found.entry((letter, weight)).or_insert_with(|| {
                        let mut all = before.to_vec();
                        while let Some(next) =
                            fall_back(letter, &all, fonts).filter(|_| all.len() < MOST_FONTS)
                        {
                            all.push(next);
                        }
                        let faces = all[before.len()..].iter().filter_map(|&id| fonts.face(id));
                        faces.min_by_key(|face| distance(face, weight)).map(|face| face.id)
                    });
                    if nearest.is_none() {
                        without.lock().unwrap_or_else(PoisonError::into_inner).insert(letter);
                    }
                    nearest.filter(|id| !before.contains(id))
                }),
            };
            let fontdb = Arc::new(fonts);
            let options = Options { font_resolver: resolver, fontdb, ..Options::default() };
            Self { options, missing, style: plain(THEME, CHART) }
        }

        pub(super) fn draw(&self, svg: &str) -> Result<Vec<u8>, String> {
            let svg = svg.replacen(&format!("{THEME}{CHART}"), &self.style, 1);
            let tree = Tree::from_str(&svg, &self.options).map_err(|error| error.to_string())?;
            let size = tree.size().to_int_size().scale_by(SCALE).ok_or("it has no size")?;
            let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("it is too large")?;
            resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
            pixels.encode_png().map_err(|error| error.to_string())
        }

        /// Whether there are fonts, and the letters that none of them has.
        pub(super) fn letters(self) -> (bool, BTreeSet<char>) {
            let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner).clone();
            (!self.options.fontdb.is_empty(), missing)
        }
    }

    /// How far a face is from those that pictures name: upright, of letters without serifs and of several widths, not narrow.
    fn distance(face: &FaceInfo, weight: u16) -> impl Ord + use<> {
        let plain =
            face.families.iter().any(|(name, _)| ["Sans", "Gothic"].iter().any(|word| name.contains(word)));
        (
            face.style != Style::Normal,
            face.monospaced,
            !plain,
            face.stretch != Stretch::Normal,
            face.weight.0.abs_diff(weight),
        )
    }

    /// Rules without variables: those of the theme that comes first have their values, and `--c`, which a class sets, makes a rule for
    /// each of those classes.
    fn plain(theme: &str, rules: &str) -> String {
        let light = theme.split("@media").next().unwrap_or_default();
        let variables: BTreeMap<&str, &str> = light
            .split([';', '{'])
            .filter_map(|one| one.trim().strip_prefix("--")?.split_once(':'))
            .map(|(name, value)| (name, value.trim()))
            .collect();
        let filled = |declarations: &str| {
            let mut out = String::new();
            let mut rest = declarations;
            while let Some((before, after)) = rest.split_once("var(--") {
                let (name, after) = after.split_once(')').unwrap_or((after, ""));
                out += before;
                out += variables.get(name).copied().unwrap_or("none");
                rest = after;
            }
            out + rest
        };
        let rules: Vec<(&str, &str)> = rules.split('}').filter_map(|rule| rule.split_once('{')).collect();
        let classes: Vec<(&str, String)> = rules
            .iter()
            .filter_map(|(class, says)| Some((class.trim(), filled(says.trim().strip_prefix("--c:")?))))
            .collect();
        let mut out = String::new();
        for (selectors, says) in &rules {
            if says.trim().starts_with("--c:") {
                continue;
            }
            if !says.contains("var(--c)") {
                out += &format!("{selectors}{{{}}}", filled(says));
                continue;
            }
            for (class, colour) in &classes {
                let with: Vec<String> =
                    selectors.split(',').map(|one| format!("{}{class}", one.trim())).collect();
                let colour = colour.trim().trim_end_matches(';');
                out += &format!("\n{}{{{}}}", with.join(","), filled(&says.replace("var(--c)", colour)));
            }
        }
        out
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::report::{Picture, states_picture, weights_picture};

        /// The colour of a pixel of a drawing.
        fn pixel(png: &[u8], x: u32, y: u32) -> [u8; 3] {
            let pixels = Pixmap::decode_png(png).unwrap();
            let colour = pixels.pixel(x, y).unwrap().demultiply();
            [colour.red(), colour.green(), colour.blue()]
        }

        #[test]
        fn rules_have_colours_in_the_place_of_variables() {
            let theme = ":root { --a: #111; --b: #222222; }\n@media x { :root { --a: #fff; } }";
            let rules = ".c-one { --c: var(--a); } .c-two { --c: var(--b); }\nsvg .x, svg .y { fill: var(--c); stroke: var(--b); }\nsvg .z { fill: var(--a); }";
            let plain = plain(theme, rules);
            for rule in [
                "svg .x.c-one,svg .y.c-one{ fill: #111; stroke: #222222; }",
                "svg .x.c-two,svg .y.c-two{ fill: #222222; stroke: #222222; }",
                "svg .z { fill: #111; }",
            ] {
                assert!(plain.contains(rule), "{rule}: {plain}");
            }
            let all = super::plain(THEME, CHART);
            assert!(
                !all.contains("var(") && !all.contains("color-mix") && !all.contains("none;none"),
                "{all}"
            );
            assert!(all.contains("svg .line.c-model{ fill: none; stroke: #4f46e5;"), "{all}");
        }

        #[test]
        fn colours_are_those_of_the_light_theme() {
            let painter = Painter::with(Database::new());
            let names = ["a".to_owned(), "b".to_owned()];
            let picture = states_picture("t", &names, &names, &[1.0, -1.0, 0.0, 0.5]);
            let png = painter.draw(&picture).unwrap();
            let [width, height] = [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().unwrap()));
            assert_eq!((width, height), (2 * (760 + 32), 2 * (30 + 68 + 24 + 32)));
            assert_eq!(pixel(&png, 2, 2), [255, 255, 255]);
            // In the corners of cells, where no number is.
            assert_eq!(pixel(&png, 100, 100), [0xdc, 0x26, 0x26]);
            assert_eq!(pixel(&png, 1200, 100), [0x1d, 0x4e, 0xd8]);
            assert_eq!(pixel(&png, 100, 170), [0xec, 0xee, 0xf1]);
            // A cell of all the weight, and one of none.
            let png = painter.draw(&weights_picture("t", &names, &names, &[1.0, 0.0])).unwrap();
            let across: Vec<[u8; 3]> = (0..120).map(|x| pixel(&png, x, 2 * (16 + 30 + 26))).collect();
            assert!(
                across.contains(&[0x4f, 0x46, 0xe5]) && across.contains(&[0xec, 0xee, 0xf1]),
                "{across:?}"
            );
            // A thick line of the model's colour.
            let line = Picture::new("t", "x", "y").line("a", (0..20).map(|x| (f64::from(x), 1.0))).svg();
            let png = painter.draw(&line).unwrap();
            let pixels = Pixmap::decode_png(&png).unwrap();
            let of_line = pixels
                .pixels()
                .iter()
                .filter(|one| (one.red(), one.green(), one.blue()) == (0x4f, 0x46, 0xe5));
            assert!(of_line.count() > 1000);
        }

        #[test]
        fn letters_are_drawn_where_there_is_a_font_and_missed_where_not() {
            let dark = |png: &[u8]| {
                let pixels = Pixmap::decode_png(png).unwrap();
                pixels
                    .pixels()
                    .iter()
                    .filter(|one| one.red() < 60 && one.green() < 60 && one.blue() < 60)
                    .count()
            };
            // An empty chart: its title alone is dark.
            let svg = Picture::new("Title \u{f8ff}", "", "").svg();
            let without = Painter::with(Database::new());
            assert_eq!(dark(&without.draw(&svg).unwrap()), 0);
            assert_eq!(without.letters(), (false, BTreeSet::new()));
            let painter = Painter::new().unwrap();
            let drawn = dark(&painter.draw(&svg).unwrap());
            let (has_fonts, missing) = painter.letters();
            assert_eq!(has_fonts, drawn > 50, "{drawn}");
            // A letter of private use, which hardly any font has.
            assert!(!has_fonts || missing.is_empty() || missing.contains(&'\u{f8ff}'), "{missing:?}");
        }

        #[test]
        fn what_is_no_svg_is_an_error() {
            assert!(Painter::with(Database::new()).draw("<svg").is_err());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(feature = "png"))]
    #[test]
    fn a_build_without_the_feature_says_so() {
        let root = tempfile::tempdir().unwrap();
        let error = Pngs::stage(&root.path().join("a")).unwrap_err().to_string();
        assert!(error.contains("is for builds with the feature png"), "{error}");
        assert!(!root.path().join("a").exists());
    }

    #[cfg(feature = "png")]
    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/a");
        let svg = crate::report::Picture::new("t", "x", "y").line("a", [(0.0, 1.0), (1.0, 2.0)]).svg();
        let entries = |path: &Path| std::fs::read_dir(path).unwrap().count();
        for placed in [false, true] {
            let mut pngs = Pngs::stage(&path).unwrap();
            pngs.draw("first", &svg).unwrap();
            assert!(pngs.draw("second", "no svg").is_err() && pngs.draw("../up", &svg).is_err());
            assert!(!path.exists());
            if placed {
                let written = pngs.place().unwrap();
                assert_eq!((written.folder.as_path(), written.files), (path.as_path(), 1));
                assert!(std::fs::read(path.join("first.png")).unwrap().starts_with(b"\x89PNG"));
                assert_eq!((entries(&path), entries(&root.path().join("deep"))), (1, 1));
            } else {
                drop(pngs);
                assert_eq!(entries(root.path()), 0);
            }
        }
        let error = Pngs::stage(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{} exists; choose another png or remove it", path.display()));
    }
}
