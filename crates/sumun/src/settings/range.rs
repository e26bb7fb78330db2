//! What a search over settings tries of one of them.

use std::fmt;

use toml::Value;

use super::kind::Kind;
use super::row::Setting;
use crate::message::Key;

/// The values of a setting among which a search draws. It is written `LOW..HIGH` or `A,B,C`.
#[derive(Debug, Clone, PartialEq)]
pub enum Range {
    /// Numbers between two, each as likely as any other.
    Even(f64, f64),
    /// Numbers between two above 0, of which one is ten times the other or more: each decade is as likely as any other.
    Logarithmic(f64, f64),
    /// Some values, as people write them.
    OneOf(Vec<String>),
}

/// So many times the lowest number the highest is where decades are as likely as each other.
const DECADE: f64 = 10.0;

impl Range {
    /// What is written for a setting of a kind. Error: what it must be instead.
    pub fn parse(kind: Kind, written: &str) -> Result<Self, String> {
        let numbers = matches!(kind, Kind::Count | Kind::Real);
        if let Some((low, high)) = written.split_once("..").filter(|_| numbers) {
            let read = |text: &str| {
                kind.typed(text.trim())?;
                text.trim()
                    .parse::<f64>()
                    .ok()
                    .filter(|number| number.is_finite())
                    .ok_or_else(|| "give finite numbers".to_owned())
            };
            let (low, high) = (read(low)?, read(high)?);
            return match () {
                () if high <= low => Err(format!("{low} is not below {high}; give the lower number first")),
                () if low > 0.0 && high / low >= DECADE => Ok(Self::Logarithmic(low, high)),
                () => Ok(Self::Even(low, high)),
            };
        }
        if matches!(kind, Kind::Columns | Kind::Texts) {
            return Err("a list of names or texts is not searched over; give one".into());
        }
        let values: Vec<String> = written.split(',').map(|value| value.trim().to_owned()).collect();
        if let [_] = values.as_slice() {
            return Err(match numbers {
                true => "give two values or more, or numbers as LOW..HIGH".into(),
                false => "give two values or more, with commas between them".into(),
            });
        }
        for (place, value) in values.iter().enumerate() {
            let typed = kind.typed(value)?;
            kind.normal(&typed).map_err(|wanted| format!("{value:?} is not {wanted}"))?;
            if values[..place].contains(value) {
                return Err(format!("{value} is there twice; give it once"));
            }
        }
        Ok(Self::OneOf(values))
    }

    /// The value at a place from 0 up to 1, of a setting of a kind: numbers have three significant digits, so that people can
    /// type them.
    pub fn at(&self, kind: Kind, place: f64) -> Value {
        let number = match self {
            Self::Even(low, high) => low + place * (high - low),
            Self::Logarithmic(low, high) => (low.ln() + place * (high.ln() - low.ln())).exp(),
            Self::OneOf(values) => {
                let chosen = ((place * values.len() as f64) as usize).min(values.len() - 1);
                return kind.typed(&values[chosen]).unwrap_or_else(|_| values[chosen].clone().into());
            }
        };
        let (Self::Even(low, high) | Self::Logarithmic(low, high)) = self else { return number.into() };
        match kind {
            Kind::Count => Value::Integer(number.round().clamp(*low, *high) as i64),
            _ => Value::Float(format!("{number:.2e}").parse().unwrap_or(number).clamp(*low, *high)),
        }
    }
}

impl Setting {
    /// What a search tries of it: what is `given`, else what it declares; None where that is nothing. Error: what cannot be
    /// tried.
    pub fn tried(&self, given: Option<&str>) -> crate::Result<Option<Range>> {
        match given.unwrap_or(self.range) {
            "" => Ok(None),
            written => Range::parse(self.kind, written).map(Some).map_err(|wanted| {
                let found = format!("{written:?}");
                crate::Error::Settings(
                    Key::from(*self) + format!(" cannot be searched over {found}: {wanted}"),
                )
            }),
        }
    }
}

impl From<Setting> for Key {
    fn from(setting: Setting) -> Self {
        crate::message::key(setting.name)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Even(low, high) | Self::Logarithmic(low, high) => write!(f, "{low}..{high}"),
            Self::OneOf(values) => f.write_str(&values.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_drawn_from() {
        for (kind, written, expected, at) in [
            (
                Kind::Real,
                "0.001..0.1",
                Range::Logarithmic(0.001, 0.1),
                [0.001.into(), 0.01.into(), 0.0955.into()],
            ),
            (Kind::Real, "0..0.5", Range::Even(0.0, 0.5), [0.0.into(), 0.25.into(), 0.495.into()]),
            (Kind::Count, "8..800", Range::Logarithmic(8.0, 800.0), [8.into(), 80.into(), 764.into()]),
            (Kind::Count, "1..3", Range::Even(1.0, 3.0), [1.into(), 2.into(), 3.into()]),
            (
                Kind::Count,
                "16, 32",
                Range::OneOf(vec!["16".into(), "32".into()]),
                [16.into(), 32.into(), 32.into()],
            ),
            (
                Kind::Switch,
                "true,false",
                Range::OneOf(vec!["true".into(), "false".into()]),
                [true.into(), false.into(), false.into()],
            ),
        ] {
            let range = Range::parse(kind, written).unwrap();
            assert_eq!(range, expected, "{written}");
            assert_eq!([0.0, 0.5, 0.99].map(|place| range.at(kind, place)), at, "{written}");
            assert_eq!(Range::parse(kind, &range.to_string()), Ok(range), "{written}");
        }
    }

    #[test]
    fn what_cannot_be_tried_is_refused() {
        for (kind, written, expected) in [
            (Kind::Real, "0.1..0.1", "0.1 is not below 0.1"),
            (Kind::Real, "0.1..x", "give a number"),
            (Kind::Real, "0..inf", "give finite numbers"),
            (Kind::Count, "1..2.5", "give a whole number"),
            (Kind::Count, "5", "give two values or more, or numbers as LOW..HIGH"),
            (Kind::Count, "5,5", "5 is there twice"),
            (Kind::Choice(&["a", "b"]), "a,c", "\"c\" is not one of a, b"),
            (Kind::Choice(&["a", "b"]), "a..b", "give two values or more, with commas"),
            (Kind::Columns, "a,b", "a list of names or texts is not searched over"),
        ] {
            let found = Range::parse(kind, written).unwrap_err();
            assert!(found.starts_with(expected), "{written}: {found}");
        }
    }
}
