//! With default options the forecaster beats its baselines on the bundled series, by a margin.

use sumun::data::Table;
use sumun::forecast::{ForecastConfig, train};

fn bundled(name: &str) -> Table {
    Table::read(format!("{}/../../data/{name}.csv", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn default_options_beat_the_baselines() {
    for (file, horizon, season, difference, baseline, most) in [
        ("electricity", 24, 24, Some("season"), 0.886_116_013_786, 0.60),
        ("airline", 12, 12, Some("season"), 1.594_127_434_949, 0.80),
        // On El Niño two candidates are nearly alike.
        ("elnino", 12, 12, None, 0.791_353_002_622, 0.70),
    ] {
        let mut config = ForecastConfig::of(&["value"]);
        config.data.horizon = Some(horizon);
        let trained = train(&bundled(file), &config, &mut ()).unwrap();
        assert_eq!(trained.decisions.season, season, "{file}");
        assert_eq!(trained.decisions.log, [file == "airline"], "{file}");
        if let Some(difference) = difference {
            assert_eq!(trained.decisions.difference.to_string(), difference, "{file}");
        }
        let test = trained.test.unwrap();
        let seasonal = test.baselines.iter().find(|b| b.key == format!("seasonal_naive_{season}")).unwrap();
        assert!((seasonal.overall.mase.unwrap() - baseline).abs() < 1e-9, "{file}: {seasonal:?}");
        let mase = test.model.overall.mase.unwrap();
        assert!(mase <= most, "{file}: MASE {mase}");
        assert!(test.model.overall.loss < seasonal.overall.loss, "{file}");
        assert_eq!(test.model.mae_by_step[0].len(), horizon);
        let mean = test.model.mae_by_step[0].iter().flatten().sum::<f64>() / horizon as f64;
        assert!((mean - test.model.overall.mae).abs() < 1e-9 * mean, "{file}");
        let best = &trained.epochs[trained.best_epoch - 1];
        assert!(trained.epochs.iter().all(|e| e.valid_loss >= best.valid_loss), "{file}");
    }
}
