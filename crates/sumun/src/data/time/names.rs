//! Names of months, weekdays and halves of the day, as people write them in several languages.

use serde::{Deserialize, Serialize};

/// A language whose names of months and weekdays are known. Korean, Chinese and Japanese dates have numbers for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `January`, `Jan`, `Monday`, `Mon`
    English,
    /// `Januar`, `Jan.`, `Montag`, `Mo`
    German,
    /// `janvier`, `janv.`, `lundi`, `lun.`
    French,
    /// `enero`, `ene.`, `lunes`, `lun.`
    Spanish,
}

/// How a name is written, so that other names are written alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameStyle {
    /// Its language.
    pub language: Language,
    /// Whether it is the short form.
    pub short: bool,
    /// Its capitals.
    pub case: Case,
}

/// The capitals of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    /// `jan`
    Lower,
    /// `Jan`
    Title,
    /// `JAN`
    Upper,
}

impl Language {
    const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The names of the months, the short ones beside them; the first short form is the one that is written.
    fn months(self) -> [&'static [&'static str]; 12] {
        match self {
            Self::English => [
                &["january", "jan"],
                &["february", "feb"],
                &["march", "mar"],
                &["april", "apr"],
                &["may", "may"],
                &["june", "jun"],
                &["july", "jul"],
                &["august", "aug"],
                &["september", "sep", "sept"],
                &["october", "oct"],
                &["november", "nov"],
                &["december", "dec"],
            ],
            Self::German => [
                &["januar", "jan", "jän", "jänner"],
                &["februar", "feb"],
                &["märz", "mär", "mrz", "maerz"],
                &["april", "apr"],
                &["mai", "mai"],
                &["juni", "jun"],
                &["juli", "jul"],
                &["august", "aug"],
                &["september", "sep", "sept"],
                &["oktober", "okt"],
                &["november", "nov"],
                &["dezember", "dez"],
            ],
            Self::French => [
                &["janvier", "janv", "jan"],
                &["février", "févr", "fév", "fevrier", "fevr", "fev"],
                &["mars", "mars", "mar"],
                &["avril", "avr"],
                &["mai", "mai"],
                &["juin", "juin"],
                &["juillet", "juil", "juill"],
                &["août", "août", "aout", "aoû"],
                &["septembre", "sept", "sep"],
                &["octobre", "oct"],
                &["novembre", "nov"],
                &["décembre", "déc", "decembre", "dec"],
            ],
            Self::Spanish => [
                &["enero", "ene"],
                &["febrero", "feb"],
                &["marzo", "mar"],
                &["abril", "abr"],
                &["mayo", "may"],
                &["junio", "jun"],
                &["julio", "jul"],
                &["agosto", "ago"],
                &["septiembre", "sep", "sept", "setiembre", "set"],
                &["octubre", "oct"],
                &["noviembre", "nov"],
                &["diciembre", "dic"],
            ],
        }
    }

    /// The names of the days from Monday, the short ones beside them.
    fn weekdays(self) -> [&'static [&'static str]; 7] {
        match self {
            Self::English => [
                &["monday", "mon"],
                &["tuesday", "tue", "tues"],
                &["wednesday", "wed"],
                &["thursday", "thu", "thur", "thurs"],
                &["friday", "fri"],
                &["saturday", "sat"],
                &["sunday", "sun"],
            ],
            Self::German => [
                &["montag", "mo"],
                &["dienstag", "di"],
                &["mittwoch", "mi"],
                &["donnerstag", "do"],
                &["freitag", "fr"],
                &["samstag", "sa", "sonnabend"],
                &["sonntag", "so"],
            ],
            Self::French => [
                &["lundi", "lun"],
                &["mardi", "mar"],
                &["mercredi", "mer"],
                &["jeudi", "jeu"],
                &["vendredi", "ven"],
                &["samedi", "sam"],
                &["dimanche", "dim"],
            ],
            Self::Spanish => [
                &["lunes", "lun"],
                &["martes", "mar"],
                &["miércoles", "mié", "miercoles", "mie"],
                &["jueves", "jue"],
                &["viernes", "vie"],
                &["sábado", "sáb", "sabado", "sab"],
                &["domingo", "dom"],
            ],
        }
    }
}

/// A name that was found: its number from 1, and how it is written.
type Found = (i8, NameStyle);

/// The months that a word may be, one for each language that has it.
pub(super) fn months(word: &str) -> impl Iterator<Item = Found> {
    find(word, |language| language.months().into_iter().enumerate().collect())
}

/// The weekdays, from Monday as 1, that a word may be, one for each language that has it.
pub(super) fn weekdays(word: &str) -> impl Iterator<Item = Found> {
    find(word, |language| language.weekdays().into_iter().enumerate().collect())
}

fn find(
    word: &str,
    names: impl Fn(Language) -> Vec<(usize, &'static [&'static str])>,
) -> impl Iterator<Item = Found> {
    let lower = word.to_lowercase();
    let mut letters = word.chars();
    let first = letters.next().is_some_and(char::is_uppercase);
    let rest = letters.next().is_some_and(char::is_uppercase);
    let case = match (first, rest) {
        (true, true) => Case::Upper,
        (true, false) => Case::Title,
        _ => Case::Lower,
    };
    Language::ALL.into_iter().filter_map(move |language| {
        let names = names(language);
        let (number, place) = names.iter().find_map(|(number, forms)| {
            forms.iter().position(|form| *form == lower).map(|place| (*number, place))
        })?;
        let style = NameStyle { language, short: place > 0, case };
        Some((number as i8 + 1, style))
    })
}

impl NameStyle {
    /// The name of a month, from 1.
    pub(super) fn month(self, number: i8) -> String {
        self.write(self.language.months().get(number as usize - 1).copied())
    }

    /// The name of a weekday, from Monday as 1.
    pub(super) fn weekday(self, number: i8) -> String {
        self.write(self.language.weekdays().get(number as usize - 1).copied())
    }

    fn write(self, forms: Option<&[&str]>) -> String {
        let name = forms.map_or("", |forms| forms[usize::from(self.short)]);
        match self.case {
            Case::Lower => name.to_owned(),
            Case::Upper => name.to_uppercase(),
            Case::Title => {
                let mut letters = name.chars();
                letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
            }
        }
    }
}

/// How the halves of the day are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Half {
    /// `AM`, `PM`
    #[serde(rename = "AM")]
    Upper,
    /// `am`, `pm`
    #[serde(rename = "am")]
    Lower,
    /// `a.m.`, `p.m.`
    #[serde(rename = "a.m.")]
    Dotted,
    /// `오전`, `오후`
    #[serde(rename = "오전")]
    Korean,
}

impl Half {
    /// All ways, the longest first.
    pub(super) const ALL: [Self; 4] = [Self::Dotted, Self::Upper, Self::Lower, Self::Korean];

    /// The names of the first and the second half.
    pub(super) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Upper => ["AM", "PM"],
            Self::Lower => ["am", "pm"],
            Self::Dotted => ["a.m.", "p.m."],
            Self::Korean => ["오전", "오후"],
        }
    }
}
