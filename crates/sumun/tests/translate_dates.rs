//! With default options a translator writes dates of many spellings as ISO 8601.

use sumun::tasks::{Figures, Prediction, TaskConfig, TrainedTask, Training, Translate, setting};

/// The least share of held out dates that come out right.
const LEAST: f64 = 0.98;

#[test]
fn dates_of_many_spellings_are_written_as_one() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/dates/dates.tsv");
    let config = TaskConfig::<Translate>::from_tables(&[setting("data.train", data).unwrap()]).unwrap();
    let mut training = Training::begin(config).unwrap();
    assert_eq!(training.notes(), Vec::<String>::new());
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    assert_eq!(trained.measured.len(), 2);
    for part in &trained.measured {
        assert_eq!(part.examples, 360);
        let (Figures::Translation(model), Figures::Translation(baseline)) = (&part.figures, &part.baseline)
        else {
            panic!("{part:?}")
        };
        assert!(model.exact_match >= LEAST, "{}: {model:?}", part.part);
        assert!(model.chrf > model.exact_match && baseline.exact_match < 0.01, "{}: {model:?}", part.part);
    }
    let task = TrainedTask::<Translate>::from_file(trained.file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.tsv");
    let spellings = [
        "3 March 1998",
        "1998년 3월 3일",
        "03/03/98",
        "March 3rd, 1998",
        "천구백구십팔년 삼월 삼일",
        "3 march '98",
    ];
    std::fs::write(&path, format!("source\n{}\n", spellings.join("\n"))).unwrap();
    for (prediction, source) in task.predict(&path).unwrap().predictions.iter().zip(spellings) {
        let Prediction::Text { text, ended, .. } = prediction else { panic!("{prediction:?}") };
        assert_eq!((text.as_str(), *ended), ("1998-03-03", true), "{source}");
    }
}
