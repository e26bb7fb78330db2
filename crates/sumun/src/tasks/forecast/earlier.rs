//! What earlier versions kept of a forecaster: their model files still forecast, and their checkpoints go on where the
//! numbers stay the same.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::file::PIPELINE;
use super::config::NetworkSettings;
use super::kept::ForecasterConfig;
use super::network::{KNOWN_AHEAD, Sizes, network};
use crate::model::ModelFile;
use crate::nn::Dropout;
use crate::settings::Cell;
use crate::{Error, Result};

/// The key under which the network stood.
const NET: &str = "net";

/// The network in the words of a file that knew no model.
#[derive(Debug, Deserialize)]
struct Net {
    cell: Cell,
    input: usize,
    hidden: usize,
    layers: usize,
    bidirectional: bool,
    dropout: f32,
    ahead: usize,
    horizon: usize,
    targets: usize,
}

/// The file as this version would have written it, with the layers of a model instead of a network's sizes; a file that has
/// a model stays as it is. Errors, which do not know the file's name: a network that cannot be read, or that does not fit the
/// preprocessing.
pub(super) fn converted(mut file: ModelFile) -> Result<ModelFile> {
    let Some(net) = file.config.as_object_mut().and_then(|config| config.remove(NET)) else {
        return Ok(file);
    };
    let unreadable = |e: serde_json::Error| Error::Model(format!("its network cannot be read: {e}"));
    let net: Net = serde_json::from_value(net).map_err(unreadable)?;
    let pipeline = file.config;
    let config: ForecasterConfig = serde_json::from_value(pipeline.clone()).map_err(unreadable)?;
    let Net { cell, hidden, layers, bidirectional, dropout, .. } = net;
    let sizes = Sizes {
        input: net.input,
        ahead: net.ahead,
        horizon: net.horizon,
        targets: net.targets,
        own_ahead: false,
    };
    let wanted = Sizes::of(&config.preprocessing);
    if sizes != wanted {
        return Err(Error::Model(format!("its network has {sizes:?}, its preprocessing {wanted:?}")));
    }
    Dropout::new(dropout)?;
    let usual = NetworkSettings::default();
    let settings = NetworkSettings { cell, hidden, layers, bidirectional, dropout: dropout.into(), ..usual };
    let model = serde_json::to_value(network(&settings, &[sizes])).map_err(unreadable)?;
    file.config = json!({ "model": model, PIPELINE: pipeline });
    Ok(file)
}

/// Whether an earlier version said `then` of what is prepared `now`: it kept the preprocessing of each candidate, without
/// the network. Error: something is known ahead. The gradient of its weights was summed in another order, so that the
/// training would end at other bits.
pub(super) fn prepared_alike(now: &Value, then: &Value) -> Result<bool> {
    // Forecasts had no least value; it is no part of what is learnt.
    let without_min = |all: &Value, targets: &str| {
        let mut all = all.as_array().cloned().unwrap_or_default();
        for candidate in &mut all {
            let targets = candidate.pointer_mut(targets).and_then(Value::as_array_mut);
            for target in targets.into_iter().flatten().filter_map(Value::as_object_mut) {
                target.remove("min");
            }
        }
        all
    };
    let candidates = without_min(now, "/preprocessing/targets");
    if candidates == without_min(then, "/preprocessing/targets") {
        return Ok(true);
    }
    let preprocessing: Value = candidates
        .iter()
        .map(|candidate| candidate.get("preprocessing").cloned().unwrap_or_default())
        .collect();
    if preprocessing != Value::from(without_min(then, "/targets")) {
        return Ok(false);
    }
    let input = format!("/model/inputs/{KNOWN_AHEAD}");
    let known_ahead = |candidate: &Value| candidate.pointer(&input).is_some();
    if candidates.iter().any(known_ahead) {
        return Err(Error::Model(
            "the training was begun by an earlier version of sumun, which sums what it learns of columns known ahead and of the \
             calendar in another order; train anew"
                .into(),
        ));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::forecast::Forecaster;

    /// Two bidirectional layers and a column known ahead, as version 0.1.0 wrote them when networks were no models.
    fn file() -> ModelFile {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/earlier/forecaster.safetensors");
        ModelFile::load(path).unwrap()
    }

    #[test]
    fn forecasts_stay_what_they_were() {
        assert!(file().config.get(NET).is_some());
        let model = Forecaster::from_model_file("m", file()).unwrap();
        let forecast = model.predict(None, None).unwrap();
        assert_eq!(forecast.labels, ["2020-03-31", "2020-04-01", "2020-04-02"]);
        // What that version said, on another instruction set than that of this machine, perhaps.
        let expected = [20.259_320_424_720_855, 18.702_771_249_493_37, 19.084_487_860_801_4];
        for (found, expected) in forecast.targets[0].values.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5 * expected, "{found} for {expected}");
        }
        // Once written again it is a model like any other.
        let again = model.to_model_file().unwrap();
        assert!(again.config.get(NET).is_none() && again.tensors == file().tensors);
        let again = Forecaster::from_model_file("m", again).unwrap();
        assert_eq!(again.predict(None, None).unwrap(), forecast);
    }

    #[test]
    fn damaged_networks_are_refused() {
        let huge = json!(u64::MAX / 3);
        for (place, value, message) in [
            ("/net", Value::Null, "its network cannot be read"),
            ("/net/cell", "lstn".into(), "its network cannot be read"),
            ("/net/cell", "gru".into(), "the tensor recurrent.weight_ih_l0 should be [9, 10]"),
            ("/net/hidden", huge.clone(), "it must be at least 1 and at most 4294967295"),
            ("/net/hidden", 0.into(), "units is 0"),
            ("/net/layers", huge.clone(), "it is at most 100"),
            ("/net/layers", 0.into(), "0 layers"),
            (
                "/net/horizon",
                huge.clone(),
                "its preprocessing Sizes { input: 10, ahead: 8, horizon: 3, targets: 1",
            ),
            ("/net/ahead", 7.into(), "ahead: 7, horizon: 3"),
            ("/net/dropout", 2.0.into(), "dropout is 2"),
            ("/net/dropout", json!(-1.0), "dropout is -1"),
            ("/preprocessing/window", huge, "does not fit its window and season"),
        ] {
            let mut damaged = file();
            *damaged.config.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value.clone();
            let error = Forecaster::from_model_file("m", damaged).map(|_| ()).unwrap_err().to_string();
            assert!(error.starts_with("m: ") && !error.contains('\n'), "{error}");
            assert!(error.contains(message), "{place} = {value}: {error}");
        }
    }
}
