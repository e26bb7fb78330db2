//! The README's example, compiled, run, and held to what the README shows.

/// The example; the test below holds it to the README line for line.
fn example() -> sumun::Result<()> {
    // begin
    use sumun::data::Table;
    use sumun::forecast::{Options, train};

    let table = Table::read("data/airline.csv")?;
    let options = Options { targets: vec!["value".into()], horizon: Some(12), ..Options::default() };
    let trained = train(&table, &options, &mut ())?;
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

#[test]
fn the_example_of_the_readme_runs_as_it_is_shown() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    std::env::set_current_dir(root).unwrap();
    let readme = std::fs::read_to_string("README.md").unwrap();
    let shown = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let code =
        include_str!("readme.rs").split("// begin\n").nth(1).and_then(|c| c.split("    // end").next());
    let code = code.unwrap().lines().map(|line| line.strip_prefix("    ").unwrap_or(line));
    assert_eq!(shown.unwrap(), code.map(|line| format!("{line}\n")).collect::<String>());
    example().unwrap();
}
