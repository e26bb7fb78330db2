//! The options of a run as a TOML file for people.

use serde::Serialize;

use crate::{Error, Result};

/// `options` as TOML behind a comment that says which version used them. Fields that are `None` are left out.
/// Errors: what TOML cannot hold, such as options that are not a struct or a map.
pub fn config_toml(options: &impl Serialize) -> Result<String> {
    let text = toml::to_string(options).map_err(|error| {
        let error = error.to_string().replace('\n', " ");
        Error::Invalid(format!(
            "the options cannot be written as TOML: {}; change that option",
            error.trim_end()
        ))
    })?;
    Ok(format!("# The options of this run, as used by sumun {}.\n{text}", env!("CARGO_PKG_VERSION")))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Options {
        target: Vec<String>,
        seed: u64,
        clip: Option<f64>,
        lr: f64,
        optimizer: Optimizer,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Optimizer {
        Adam { beta1: f64 },
    }

    #[test]
    fn options_come_back_as_they_were() {
        for (clip, seed) in [(None, 0), (Some(1.0), u64::MAX)] {
            let optimizer = Optimizer::Adam { beta1: 0.1 + 0.2 };
            let options =
                Options { target: vec!["수요 \"1\"\n".into()], seed, clip, lr: 1e-300, optimizer };
            let text = config_toml(&options).unwrap();
            let first = format!("# The options of this run, as used by sumun {}.", env!("CARGO_PKG_VERSION"));
            assert_eq!(text.lines().next(), Some(&*first));
            assert_eq!(toml::from_str::<Options>(&text).unwrap(), options, "{text}");
        }
    }

    #[test]
    fn what_toml_cannot_hold_is_one_line() {
        for error in [config_toml(&7), config_toml(&[("seed", 1)]), config_toml(&"text")] {
            let error = error.unwrap_err().to_string();
            assert!(
                error.starts_with("the options cannot be written as TOML") && !error.contains('\n'),
                "{error}"
            );
        }
    }
}
