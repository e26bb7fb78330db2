use sumun::forecast::*;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let table = sumun::data::Table::read(&a[1]).unwrap();
    let seeds: u64 = a[3].parse().unwrap();
    for seed in 0..seeds {
        let mut o = Options {
            targets: vec!["value".into()],
            horizon: Some(a[2].parse().unwrap()),
            seed,
            ..Options::default()
        };
        if let Some(t) = a.get(4) {
            let base: toml::Table = toml::Value::try_from(&o).unwrap().as_table().unwrap().clone();
            let mut base = base;
            for (k, v) in toml::from_str::<toml::Table>(t).unwrap() {
                base.insert(k, v);
            }
            o = base.try_into().unwrap();
        }
        let t = train(&table, &o, &mut ()).unwrap();
        if seed == 0 {
            for c in &t.choices {
                println!("  {} = {} ({})", c.name, c.value, c.reason);
            }
        }
        let test = t.test.as_ref().unwrap();
        println!(
            "seed {seed} {:.2}s test {:?}\n   {:?}\n   valid {:?} ",
            t.seconds,
            test.model.overall,
            test.baselines.iter().map(|b| (b.name.clone(), b.overall.mase)).collect::<Vec<_>>(),
            t.valid.as_ref().unwrap().model.overall.mase
        );
        for c in &t.candidates {
            println!(
                "     {} {:?} {}/{} {:.2}s",
                c.difference, c.valid_score, c.best_epoch, c.epochs, c.seconds
            );
        }
    }
}
