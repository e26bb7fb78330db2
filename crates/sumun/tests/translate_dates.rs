//! With default options a translator writes dates of many spellings as ISO 8601.

use sumun::tasks::{Figures, Prediction, TaskConfig, TrainedTask, Training, Translate, setting};

/// The least share of the dates of each held out part that come out right. Instruction sets round in their own ways, so that a
/// training ends at other weights on each: two seeds on AVX2 have .978 and .992 of the validation part, .989 and .994 of the test part.
const LEAST: [(&str, f64); 2] = [("valid", 0.97), ("test", 0.98)];

#[test]
fn dates_of_many_spellings_are_written_as_one() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/dates/dates.tsv");
    let config = TaskConfig::<Translate>::from_tables(&[setting("data.train", data).unwrap()]).unwrap();
    let mut training = Training::begin(config).unwrap();
    assert_eq!(training.notes(), Vec::<String>::new());
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    assert_eq!(trained.measured.len(), 2);
    for (part, (name, least)) in trained.measured.iter().zip(LEAST) {
        assert_eq!((part.part.as_str(), part.examples), (name, 360));
        let (Figures::Translation(model), Figures::Translation(baseline)) = (&part.figures, &part.baseline)
        else {
            panic!("{part:?}")
        };
        assert!(model.exact_match >= least, "{}: {model:?}", part.part);
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
