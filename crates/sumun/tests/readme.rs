//! The README's Rust examples: compiled, run, and held to what the README shows.

/// A model by itself.
fn model() -> sumun_nn::Result<()> {
    // begin
    use ndarray::Array3;
    use sumun_nn::model::{Batch, Input, Model, RecurrentLayer};

    let model = Model::builder(Input::numbers(3)).bidirectional(RecurrentLayer::gru(16)).dense(1).build(7)?;
    let x = Array3::<f32>::zeros((2, 5, 3)); // two sequences of at most five steps of three numbers
    let y = model.forward(Batch::numbers(x.view()).lengths(&[5, 3])?)?;
    println!("{model}\n{:?}", y.unpack());
    // end
    assert_eq!(y.unpack().len(), 2);
    Ok(())
}

/// The forecaster.
fn forecaster() -> sumun::Result<()> {
    // begin
    use sumun::data::Table;
    use sumun::forecast::{ForecastConfig, train};

    let table = Table::read("data/airline.csv")?;
    let mut config = ForecastConfig::of(&["value"]);
    config.data.horizon = Some(12);
    let trained = train(&table, &config, &mut ())?;
    println!("test MASE {:?}", trained.test.as_ref().map(|test| test.model.overall.mase));
    let forecast = trained.forecaster.predict(None, None)?;
    for (month, passengers) in forecast.labels.iter().zip(&forecast.targets[0].values) {
        println!("{month}: {passengers:.0} thousand passengers");
    }
    // end
    assert_eq!(forecast.labels.first().map(String::as_str), Some("1961-01"));
    assert!(forecast.targets[0].values.iter().all(|v| (300.0..800.0).contains(v)));
    Ok(())
}

/// The texts between a line that is `begin` and the next that is `end`.
fn between(text: &str, begin: &str, end: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if line.trim() == end {
            open = false;
        } else if line.trim() == begin {
            open = true;
            found.push(String::new());
        } else if let (true, Some(block)) = (open, found.last_mut()) {
            *block += &format!("{}\n", line.strip_prefix("    ").unwrap_or(line));
        }
    }
    found
}

#[test]
fn the_examples_of_the_readme_run_as_they_are_shown() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::set_current_dir(root).unwrap();
    let readme = std::fs::read_to_string("README.md").unwrap();
    let shown = readme.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let compiled = between(include_str!("readme.rs"), "// begin", "// end");
    assert_eq!(shown.collect::<Vec<_>>(), compiled);
    model().unwrap();
    forecaster().unwrap();
}
