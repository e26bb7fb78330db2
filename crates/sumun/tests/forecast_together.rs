//! A seasonal ARIMA model forecasts together with the networks.

use sumun::data::{Series, SeriesSpec, Table};
use sumun::forecast::baseline::{Baseline, Observed};
use sumun::forecast::{ForecastConfig, ForecastOutcome, Forecaster, Switch, train};
use sumun::model::ModelFile;

fn airline() -> Table {
    Table::read(format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn values(table: &Table) -> Vec<f64> {
    Series::from_table(table, &SeriesSpec::new(&["value"])).unwrap().series.columns[0].values.clone()
}

/// The last `rows` rows, less the last `without`.
fn part(rows: usize, without: usize) -> Table {
    let text =
        std::fs::read_to_string(format!("{}/../../data/airline.csv", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines.len() - without;
    let kept = [&lines[..1], &lines[end - rows..end]].concat().join("\n");
    Table::from_reader("part.csv", kept.as_bytes()).unwrap()
}

fn trained(arima: Switch) -> ForecastOutcome {
    let mut config = ForecastConfig::of(&["value"]);
    (config.train.epochs, config.network.hidden, config.prepare.arima) = (Some(3), 6, arima);
    train(&airline(), &config, &mut ()).unwrap()
}

fn ahead(model: &Forecaster, table: Option<&Table>, steps: Option<usize>) -> Vec<f64> {
    model.predict(table, steps).unwrap().targets[0].values.clone()
}

#[test]
fn the_forecast_is_the_mean_of_both() {
    let [with, alone] = [Switch::Auto, Switch::Off].map(trained);
    let together = with.forecaster.config().together[0].unwrap();
    assert!(alone.forecaster.config().together.is_empty());
    let bits = |of: &ForecastOutcome| of.forecaster.parameters().unwrap().values().to_vec();
    assert_eq!(bits(&with), bits(&alone), "the networks are the same");
    assert_eq!(together.arima.to_string(), "ARIMA(0,1,1)(0,1,1) (12), logarithms");
    // 1.17 horizons in the validation part and the belief of 3.
    assert!(together.networks <= 2.67 / 4.17 + 1e-12, "{together:?}");
    assert!(together.networks >= 1.5 / 4.17 - 1e-12, "{together:?}");
    let values = values(&airline());
    let last = values.len() - 1;
    let model = Baseline::Arima(together.arima);
    let of_model = model.forecasts(Observed::all(&values), 0..1, last..last + 1, 12).unwrap();
    let share = together.networks;
    let both = ahead(&with.forecaster, None, None);
    for (k, (both, network)) in both.iter().zip(ahead(&alone.forecaster, None, None)).enumerate() {
        let expected = share * network + (1.0 - share) * of_model[[0, k]];
        assert!((both - expected).abs() < 1e-9 * expected, "{both} for {expected}");
    }
    // The model is among the baselines of both, and what was found is told.
    for of in [&with, &alone] {
        let test = of.test.as_ref().unwrap();
        assert!(test.baselines.iter().any(|baseline| baseline.key == "arima"));
    }
    assert!(with.test.as_ref().unwrap().model.name.ends_with(" with ARIMA"));
    let told = with.decisions.choices.iter().find(|choice| choice.name == "arima").unwrap();
    assert!(told.value.ends_with("of the forecast is ARIMA(0,1,1)(0,1,1) (12), logarithms"), "{told:?}");
    assert!(told.reason.contains("network") && told.reason.contains("together"), "{told:?}");
    assert!(alone.decisions.choices.iter().all(|choice| choice.name != "arima"));
    // The settings that were used give the same again.
    let again = train(&airline(), &with.as_used(), &mut ()).unwrap();
    assert_eq!(again.forecaster.config().together, with.forecaster.config().together);
}

#[test]
fn a_file_says_what_the_training_data_says() {
    let model = trained(Switch::Auto).forecaster;
    let bytes = model.to_model_file().unwrap().to_bytes().unwrap();
    let again = Forecaster::from_model_file("m", ModelFile::from_bytes("m", &bytes).unwrap()).unwrap();
    for steps in [None, Some(5), Some(30)] {
        let kept = ahead(&model, None, steps);
        assert_eq!(kept, ahead(&model, Some(&airline()), steps));
        assert_eq!(kept, ahead(&again, None, steps));
        // Too few rows for what the model remembers: those of the training stand before them.
        assert_eq!(kept, ahead(&model, Some(&part(30, 0)), steps));
    }
    // From each origin, an evaluation forecasts what is forecast from there.
    let all = model.evaluate(&airline()).unwrap();
    for (n, origin) in all.origins.clone().enumerate().skip(70).step_by(9) {
        let rows = origin + 1;
        let alone = ahead(&model, Some(&part(rows, 144 - rows)), None);
        let found: Vec<f64> = all.forecasts.index_axis(ndarray::Axis(0), n).iter().copied().collect();
        assert_eq!(alone, found, "{origin}");
    }
}

#[test]
fn files_from_before_and_damaged_ones() {
    let [with, alone] = [Switch::On, Switch::Off].map(trained);
    let file = with.forecaster.to_model_file().unwrap();
    let mut before = file.clone();
    before.config.pointer_mut("/pipeline").unwrap().as_object_mut().unwrap().remove("together").unwrap();
    let before = Forecaster::from_model_file("m", before).unwrap();
    assert_eq!(ahead(&before, None, None), ahead(&alone.forecaster, None, None));
    for (place, value, message) in [
        (
            "/pipeline/together",
            serde_json::json!([null, null]),
            "models beside its networks for 2 of 1 targets",
        ),
        ("/pipeline/together/0/networks", 1.5.into(), "beside its networks is out of range"),
        ("/pipeline/together/0/arima/ma", (-1.0).into(), "beside its networks is out of range"),
        ("/pipeline/together/0/arima/ar/0", 2.5.into(), "beside its networks is out of range"),
        ("/pipeline/together/0/arima/period", 0.into(), "beside its networks is out of range"),
        ("/pipeline/together/0/arima/period", (1u64 << 60).into(), "beside its networks is out of range"),
        ("/pipeline/together/0/arima", 3.into(), "the configuration is not one of a forecaster"),
    ] {
        let mut damaged = file.clone();
        *damaged.config.pointer_mut(place).unwrap_or_else(|| panic!("no {place}")) = value;
        let error = Forecaster::from_model_file("m", damaged).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with("m: ") && !error.contains('\n') && error.contains(message), "{error}");
    }
}

#[test]
fn several_series_have_none_yet() {
    let mut config = ForecastConfig::of_series("value", "id");
    config.prepare.arima = Switch::On;
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("arima") && error.contains("not yet for several series"), "{error}");
}
