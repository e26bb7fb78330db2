//! What a setting takes: of a configuration file a TOML value, of the command line a text.

use toml::Value;

use crate::train::Clip;

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of things, of most of which there must be one.
    Count,
    /// A whole number, any.
    Seed,
    /// A number.
    Real,
    /// Yes or no.
    Switch,
    /// Any text, such as a column's name.
    Text,
    /// One of some names.
    Choice(&'static [&'static str]),
    /// A share, or a file's name.
    HeldOut,
    /// Names of columns: a list of them, or a text that separates them by commas. A name with a comma in it is put in
    /// double quotes there.
    Columns,
    /// Texts, separated as [`Columns`](Self::Columns) are.
    Texts,
    /// A number of rows, or `none`.
    Season,
    /// A number, `auto` or `none`.
    Least,
    /// The largest norm of the gradients, `value:X`, or `none`.
    Clip,
}

/// What a bound of gradients may be.
pub(super) const CLIP: &str = "a number of at least 0, \"value:NUMBER\" or \"none\"";

impl Kind {
    /// What a person types, as a value. Error: what to give instead.
    pub fn typed(self, text: &str) -> Result<Value, String> {
        let count = || text.parse::<i64>().ok().filter(|count| *count >= 0).map(Value::Integer);
        let text_value = || Value::String(text.to_owned());
        match self {
            Self::Count => count().ok_or_else(|| "give a whole number of at least 1".to_owned()),
            Self::Seed => count().ok_or_else(|| format!("give a whole number from 0 to {}", i64::MAX)),
            Self::Real => text.parse().map(Value::Float).map_err(|_| "give a number, such as 0.1".to_owned()),
            Self::Switch => text.parse().map(Value::Boolean).map_err(|_| "give true or false".to_owned()),
            Self::Text | Self::Choice(_) => Ok(text_value()),
            Self::HeldOut => Ok(text.parse().map_or_else(|_| text_value(), Value::Float)),
            Self::Columns => Ok(list(columns(text, "a column name")?)),
            Self::Texts => Ok(list(columns(text, "a text")?)),
            Self::Season if text == "none" => Ok(text_value()),
            Self::Season => count().ok_or_else(|| "give a number of rows, or none".to_owned()),
            Self::Least if matches!(text, "auto" | "none") => Ok(text_value()),
            Self::Least => {
                let number = text.parse().ok().filter(|value: &f64| value.is_finite());
                number.map(Value::Float).ok_or_else(|| "give a number, auto or none".to_owned())
            }
            Self::Clip => {
                clip(text)?;
                Ok(text.parse().map_or_else(|_| text_value(), Value::Float))
            }
        }
    }

    /// A value of a file as it is kept: TOML tells whole numbers from others, and one name from a list of names; a person
    /// does not. Error: what it must be instead.
    pub(super) fn normal(self, value: &Value) -> Result<Value, String> {
        let count = |wanted: &str| match value {
            Value::Integer(count) if *count >= 0 => Ok(value.clone()),
            _ => Err(wanted.to_owned()),
        };
        let real = match value {
            Value::Integer(whole) => Value::Float(*whole as f64),
            other => other.clone(),
        };
        let any = Ok(value.clone());
        match (self, value, &real) {
            (Self::Count | Self::Seed, ..) => count("a whole number of at least 0"),
            (Self::Real | Self::HeldOut, _, Value::Float(value)) if value.is_finite() => Ok(real),
            (Self::Real | Self::HeldOut, _, Value::Float(_)) => Err("a finite number".into()),
            (Self::Real, ..) => Err("a number".into()),
            (Self::Switch, Value::Boolean(_), _) => any,
            (Self::Switch, ..) => Err("true or false".into()),
            (Self::Text | Self::HeldOut, Value::String(_), _) => any,
            (Self::Text, ..) => Err("a text".into()),
            (Self::HeldOut, ..) => Err("a share, or a file".into()),
            (Self::Choice(names), Value::String(name), _) if names.contains(&name.as_str()) => any,
            (Self::Choice(names), ..) => Err(format!("one of {}", names.join(", "))),
            (Self::Columns, Value::String(text), _) => {
                columns(text, "a column name").map(list).map_err(|_| "names of columns".into())
            }
            (Self::Texts, Value::String(text), _) => {
                columns(text, "a text").map(list).map_err(|_| "a list of texts".into())
            }
            (Self::Columns | Self::Texts, Value::Array(names), _) if names.iter().all(Value::is_str) => any,
            // TOML knows -9999 as a number; a person means what is written in a cell.
            (Self::Texts, Value::Array(all), _)
                if all.iter().all(|v| v.is_str() || v.is_integer() || v.is_float()) =>
            {
                Ok(list(
                    all.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect(),
                ))
            }
            (Self::Texts, Value::Integer(_) | Value::Float(_), _) => Ok(list(vec![value.to_string()])),
            (Self::Columns, ..) => Err("names of columns".into()),
            (Self::Texts, ..) => Err("a list of texts".into()),
            (Self::Season, Value::String(none), _) if none == "none" => any,
            (Self::Season, ..) => count("a number of rows, or \"none\""),
            (Self::Least, _, Value::Float(value)) if value.is_finite() => Ok(real),
            (Self::Least, Value::String(word), _) if matches!(word.as_str(), "auto" | "none") => any,
            (Self::Least, ..) => Err("a number, \"auto\" or \"none\"".into()),
            (Self::Clip, _, Value::Float(max)) if clip(&max.to_string()).is_ok() => Ok(real),
            (Self::Clip, Value::String(text), _) if clip(text).is_ok() => any,
            (Self::Clip, ..) => Err(CLIP.into()),
        }
    }

    /// Whether what is written for it is a text, whatever it looks like: a column may be called 3.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Choice(_) | Self::Columns | Self::Texts)
    }
}

fn list(names: Vec<String>) -> Value {
    Value::Array(names.into_iter().map(Value::String).collect())
}

/// Reads names separated by commas; blanks around a name do not count, as in the file. A name with a comma in it is put
/// in double quotes. `what` a name is, for messages.
fn columns(text: &str, what: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut inside = false;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if inside && characters.peek() == Some(&'"') => {
                name.push('"');
                characters.next();
            }
            '"' if inside || name.trim().is_empty() => inside = !inside,
            ',' if !inside => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    for name in &mut names {
        *name = name.trim().to_owned();
    }
    if inside {
        return Err("a double quote is not closed".into());
    }
    if names.iter().any(String::is_empty) {
        return Err(format!("{what} is empty; separate them with single commas"));
    }
    Ok(names)
}

/// Reads `1`, `value:0.5` or `none`; 0 is `none`, too.
pub(super) fn clip(text: &str) -> Result<Clip, String> {
    let number = |text: &str| match text.parse::<f64>() {
        Err(_) => Err("give a number, such as 0.1".to_owned()),
        // A bound on single numbers is compared in single precision.
        Ok(max) if max == 0.0 || ((max as f32).is_finite() && max as f32 > 0.0) => Ok(max),
        Ok(_) => Err("give a number above 0, or none".into()),
    };
    let bound = |max: f64, clip: Clip| if max == 0.0 { Clip::None } else { clip };
    match text.split_once(':') {
        None if text == "none" => Ok(Clip::None),
        None => number(text).map(|max| bound(max, Clip::GlobalNorm { max })),
        Some(("value", max)) => number(max).map(|max| bound(max, Clip::Value { max: max as f32 })),
        Some(_) => Err("give a number, value:NUMBER or none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names() {
        let cases: [(&str, &[&str]); 6] = [
            ("a", &["a"]),
            ("a, b c ,수요", &["a", "b c", "수요"]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"say \"\"hi\"\"\"", &["say \"hi\""]),
            ("5\" pipe,b", &["5\" pipe", "b"]),
            ("a, \"b\"", &["a", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(columns(text, "a column name").unwrap(), expected, "{text}");
        }
        for wrong in ["", "a,", ",a", "a,,b", "\"a"] {
            assert!(
                columns(wrong, "a column name").is_err() && Kind::Columns.normal(&wrong.into()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn clips() {
        for (text, expected) in [
            ("0.5", Clip::GlobalNorm { max: 0.5 }),
            ("value:0.5", Clip::Value { max: 0.5 }),
            ("none", Clip::None),
            ("0", Clip::None),
            ("0.0", Clip::None),
            ("value:0", Clip::None),
        ] {
            assert_eq!(clip(text), Ok(expected), "{text}");
            let kept = Kind::Clip.normal(&Kind::Clip.typed(text).unwrap());
            assert!(kept.is_ok(), "{text}: {kept:?}");
        }
        for wrong in ["-1", "nan", "inf", "value:-1", "value:1e-60", "norm:1", "x"] {
            assert!(clip(wrong).is_err() && Kind::Clip.typed(wrong).is_err(), "{wrong}");
            assert!(Kind::Clip.normal(&wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_typed_is_what_a_file_says() {
        for (kind, text, expected) in [
            (Kind::Count, "24", Value::Integer(24)),
            (Kind::Real, "1", Value::Float(1.0)),
            (Kind::Season, "none", "none".into()),
            (Kind::Season, "12", Value::Integer(12)),
            (Kind::Least, "none", "none".into()),
            (Kind::Least, "-3", Value::Float(-3.0)),
            (Kind::Clip, "1", Value::Float(1.0)),
            (Kind::Clip, "value:2", "value:2".into()),
            (Kind::Text, "3", "3".into()),
            (Kind::HeldOut, "0.5", Value::Float(0.5)),
            (Kind::HeldOut, "dev.csv", "dev.csv".into()),
            (Kind::Texts, "-9999,gone", Value::Array(vec!["-9999".into(), "gone".into()])),
            (Kind::Columns, "a,b", Value::Array(vec!["a".into(), "b".into()])),
        ] {
            let value = kind.typed(text).unwrap();
            assert_eq!(value, expected, "{kind:?} {text}");
            assert_eq!(kind.normal(&value), Ok(value), "{kind:?} {text}");
        }
        for wrong in ["-1", "1.5", "", "x", "9223372036854775808"] {
            assert!(Kind::Count.typed(wrong).is_err() && Kind::Season.typed(wrong).is_err(), "{wrong}");
        }
    }
}
