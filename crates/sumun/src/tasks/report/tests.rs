use super::*;
use crate::report::check;
use crate::scores::{Language, PredictedText, Tagging};
use crate::settings::Pooling;
use crate::tasks::figures::Prediction;
use crate::tasks::shown::{Asked, Sample, Shown, Truth};
use crate::tasks::{
    AttentionWeights, Classify, HeldOut, Lm, Regress, Tag, Task, TaskConfig, Training, Translate,
};

const HOSTILE: &str = "</script><b onclick='x'>\"&\u{0}";

/// A training of a few epochs on a file of its own.
fn trained<T: Task>(name: &str, content: &str, epochs: usize) -> SequenceOutcome {
    changed::<T>(name, content, epochs, &|_| ())
}

/// As [`trained`], with other settings of the task's own.
fn changed<T: Task>(name: &str, content: &str, epochs: usize, change: &dyn Fn(&mut T)) -> SequenceOutcome {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, content).unwrap();
    let mut config = TaskConfig::<T>::default();
    config.data.train = file;
    (config.data.valid, config.data.test) = (HeldOut::Share(0.25), HeldOut::Share(0.25));
    (config.network.hidden, config.train.epochs) = (4, Some(epochs));
    change(&mut config.own);
    let mut training = Training::begin(config).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    training.finish().unwrap()
}

fn texts() -> SequenceOutcome {
    let mut csv = String::from("text,label\n");
    for i in 0..20 {
        csv += &format!("정말 좋은 <b> film {i},good & \"\"fine\"\"\nboring 지루한 & plot {i},'bad'\n")
            .replace("good & \"\"fine\"\"", "\"good & \"\"fine\"\"\"");
    }
    trained::<Classify>("texts.csv", &csv, 3)
}

fn numbers<T: Task>(channels: usize) -> SequenceOutcome {
    let mut lines = String::new();
    for i in 0..40 {
        let channel = |c: usize| format!("[{},{},{}]", i % 5, c, (i * c) % 7);
        let x: Vec<String> = (0..channels).map(channel).collect();
        lines += &format!("{{\"x\":[{}],\"label\":{}}}\n", x.join(","), i % 3);
    }
    trained::<T>("numbers.jsonl", &lines, 2)
}

/// What every page holds.
fn sound(trained: &SequenceOutcome, about: &About) -> String {
    let page = task_report(trained, about);
    check::well_formed(&page).unwrap();
    assert_eq!(page, task_report(trained, about), "the same bytes every time");
    for reach in ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "<link", "<iframe"] {
        assert!(!page.contains(reach), "the page holds {reach}");
    }
    assert!(!page.contains("There is nothing to draw here"), "a chart is empty");
    assert!(!page.contains(">NaN") && !page.contains(">inf"));
    page
}

fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part:?} is missing");
    }
}

#[test]
fn a_classifier_shows_classes_examples_and_words() {
    let trained = texts();
    let about = About {
        created: "2026-01-31 12:00 UTC".into(),
        command: "sumun train classify texts.csv".into(),
        predict_command: "sumun predict runs/a FILE".into(),
        threads: 2,
        notes: vec![HOSTILE.into()],
        folds: Some(Folds {
            examples: vec![13, 12],
            figures: vec![FoldFigure {
                key: "accuracy",
                name: "accuracy",
                share: true,
                model: vec![0.75, 0.5],
                baseline: vec![0.5; 2],
            }],
        }),
    };
    let page = sound(&trained, &about);
    has(
        &page,
        &[
            "<tr><th>2<small>12 examples</small></th><td>50.0 %</td><td>50.0 %</td></tr>",
            "<th>mean of the folds</th><td class=\"best\"><b>62.5 %</b></td>",
            "<th>standard deviation</th><td class=\"best\"><b>17.7 %</b></td><td>0.0 %</td>",
            "Test accuracy",
            "always &#39;",
            "Confusion matrix",
            "good &amp; &quot;fine&quot;",
            "Every class",
            "Expected calibration error: ",
            "<li class=\"c-model\">calibrated</li>",
            "<blockquote>",
            "정말 좋은 &lt;b&gt; film",
            "Longest word vectors",
            "Learning rate",
            "gradient norm before clipping",
            "Validation accuracy",
            "best: epoch",
            "<dt title=\"Hidden units of each layer and direction\">hidden</dt><dd>4<span>default 100",
            "sumun predict runs/a FILE",
            "12:00 UTC",
        ],
    );
    assert!(!page.contains("onclick='"), "what comes from outside is escaped");
    assert_eq!(page.matches("<ul class=\"norms\">").count(), 1);
    assert_eq!(
        page.split("<ul class=\"norms\">")
            .nth(1)
            .unwrap()
            .split("</ul>")
            .next()
            .unwrap()
            .matches("<li>")
            .count(),
        5
    );
}

#[test]
fn several_labels_have_their_figures_and_thresholds() {
    let row = |n: usize| {
        let tags = ["", "<b>news", "news|<b>news", "news"][n % 4];
        format!("{} <i> {n},{tags}\n", ["nothing", "great things", "great words here", "words"][n % 4])
    };
    let csv = format!("text,tags\n{}", (0..48).map(row).collect::<String>());
    let trained = changed::<Classify>("t.csv", &csv, 3, &|own| own.labels = Some("tags".into()));
    assert_eq!((trained.classes.len(), trained.thresholds.len()), (2, 2));
    let page = sound(&trained, &About::default());
    has(
        &page,
        &[
            "Test micro F1",
            "Test subset accuracy",
            "Every label",
            "threshold (%)",
            "&lt;b&gt;news",
            "Validation micro F1",
        ],
    );
    assert!(page.contains("Right and surest") || page.contains("Most wrong"));
    assert!(!page.contains("Confusion matrix") && !page.contains("<b>news"));
}

#[test]
fn sequences_of_numbers_are_drawn() {
    let page = sound(&numbers::<Classify>(12), &About::default());
    has(&page, &["3 steps; the first 8 of 12 channels", "channel 8", "Confusion matrix"]);
    assert!(!page.contains("Longest word vectors"));
    has(&sound(&numbers::<Classify>(1), &About::default()), &["3 steps"]);
}

#[test]
fn attention_is_shown_over_tokens_and_steps() {
    let csv: String = (0..40).map(|i| format!("정말 좋은 <b> film {i},{}\n", i % 3)).collect();
    let csv = format!("text,label\n{csv}");
    let mut trained = changed::<Regress>("texts.csv", &csv, 2, &|own| own.labelled.pool = Pooling::Attention);
    let page = sound(&trained, &About::default());
    has(
        &page,
        &[
            "<p class=\"tagged attended\"><span style=\"--v:",
            " %\">정말<i>",
            ">&lt;<i>",
            "its weight in per cent",
        ],
    );
    assert!(!page.contains("<blockquote>"));
    // Characters that nobody sees, and more of them than are shown.
    let tokens: Vec<String> =
        ["\n", " ", HOSTILE].map(String::from).into_iter().chain((0..400).map(|_| "가".into())).collect();
    let weights = [vec![0.5, 0.25, 0.125], vec![0.125 / 400.0; 400]].concat();
    trained.shown.iter_mut().for_each(|shown| {
        shown.attention = Some(AttentionWeights { tokens: tokens.clone(), weights: weights.clone() });
    });
    let page = sound(&trained, &About::default());
    has(
        &page,
        &[
            "<span style=\"--v:100%\" title=\"50.0 %\">↵<i>50.0</i></span>",
            "<span style=\"--v:50%\" title=\"25.0 %\">␣<i>25.0</i></span>",
            "&lt;/script&gt;",
            "title=\"0.0 %\">가<i></i></span>",
            "more tokens<i>",
        ],
    );
    let lines: String =
        (0..40).map(|i| format!("{{\"x\":[[{},1,2]],\"label\":{}}}\n", i % 5, i % 2)).collect();
    let attends = |own: &mut Classify| own.labelled.pool = Pooling::Attention;
    let page = sound(&changed("x.jsonl", &lines, 2, &attends), &About::default());
    has(&page, &["<div class=\"stack\">", "<h3>Attention</h3>", "weight (%)", "even share"]);
    assert!(!sound(&numbers::<Classify>(1), &About::default()).contains("<h3>Attention</h3>"));
}

#[test]
fn a_regressor_shows_its_errors() {
    let page = sound(&numbers::<Regress>(2), &About::default());
    has(
        &page,
        &[
            "Predicted against true",
            "class=\"spot\"",
            "true − predicted label",
            "Farthest off",
            "Test MAE",
            "R²",
        ],
    );
}

#[test]
fn a_tagger_shows_spans_and_sentences() {
    let names = ["O", "B-<X>", "I-<X>"];
    let (truth, predicted) = ([vec![0, 1, 2, 0], vec![0, 0]], [vec![0, 1, 0, 1], vec![0, 0]]);
    let score = |tags: &[Vec<u32>]| Figures::Tagging(Tagging::of(&truth, tags, &names).unwrap());
    let tags = |ids: &Vec<u32>| ids.iter().map(|&id| names[id as usize].to_owned()).collect::<Vec<_>>();
    let tokens = [vec!["저는", "New", "York", "갔다"], vec!["no", HOSTILE]];
    let mut trained = numbers::<Classify>(1);
    trained.words = Tag::WORDS;
    trained.measured = vec![Measured {
        part: "test".into(),
        examples: 2,
        classes: Vec::new(),
        unknown: None,
        figures: score(&predicted),
        baseline: score(&[vec![0; 4], vec![0; 2]]),
        baseline_name: "the most frequent tag of each token".into(),
        other_baselines: Vec::new(),
        predictions: predicted
            .iter()
            .map(|ids| Prediction::Tags { tags: tags(ids), probabilities: vec![0.5; ids.len()] })
            .collect(),
        notes: Vec::new(),
    }];
    let shown = |(tokens, ids): (&Vec<&str>, &Vec<u32>)| Shown {
        asked: Asked::Tokens(tokens.iter().map(|token| token.to_string()).collect()),
        truth: Truth::Tags(tags(ids)),
        attention: None,
    };
    trained.shown = tokens.iter().zip(&truth).map(shown).collect();
    let page = sound(&trained, &About::default());
    has(
        &page,
        &[
            "Spans",
            "Most confused",
            "<span class=\"wrong\">York<i><s>O</s> I-&lt;X&gt;</i></span>",
            "<span>저는<i>O</i></span>",
            "All right",
            "Every tag",
        ],
    );
}

#[test]
fn a_trained_tagger_has_a_report() {
    let sentence = |i: usize| match i % 3 {
        0 => "{\"tokens\":[\"저는\",\"Seoul\"],\"tags\":[\"O\",\"B-LOC\"]}\n",
        1 => "{\"tokens\":[\"go\",\"New\",\"York\"],\"tags\":[\"O\",\"B-LOC\",\"I-LOC\"]}\n",
        _ => "{\"tokens\":[\"no\"],\"tags\":[\"O\"]}\n",
    };
    let trained = trained::<Tag>("tags.jsonl", &(0..24).map(sentence).collect::<String>(), 2);
    assert_eq!(trained.shown.len(), trained.measured.last().unwrap().predictions.len());
    let page = sound(&trained, &About::default());
    has(&page, &["Every tag", "LOC", "Test span F1", "class=\"tagged\"", "Longest word vectors"]);
}

#[test]
fn a_trained_translator_shows_what_it_looked_at() {
    let line = |i: usize| {
        let source = [HOSTILE, "나는 & 간다", "<i>"][i % 3];
        serde_json::json!({ "source": format!("{source} {i}"), "target": format!("{i} {source}") })
            .to_string()
    };
    let content: String = (0..24).map(|i| line(i) + "\n").collect();
    let trained = trained::<Translate>("pairs.jsonl", &content, 2);
    assert_eq!(trained.shown.len(), trained.measured.last().unwrap().predictions.len());
    let page = sound(&trained, &About::default());
    let heat = page.matches("<svg class=\"heat\"").count();
    assert!((1..=6).contains(&heat), "{heat}");
    has(
        &page,
        &[
            "Translate pairs.jsonl",
            "Alignment",
            "Most wrong",
            "Test exact match",
            "chrF",
            "the source as it is",
            "the most frequent target",
            "rowspan=\"3\"",
            "Learnt from 12 pairs",
        ],
    );
}

#[test]
fn a_language_model_shows_what_it_writes() {
    let mut trained = numbers::<Classify>(1);
    trained.words = Lm::WORDS;
    let text = PredictedText { tokens: 100, vocabulary: 30, characters: 400, spelling: 0.0 };
    trained.measured = vec![Measured {
        part: "valid".into(),
        examples: 100,
        classes: Vec::new(),
        unknown: None,
        figures: Figures::Language(Language::of(150.0, text).unwrap()),
        baseline: Figures::Language(Language::of(300.0, text).unwrap()),
        baseline_name: "the frequency of each token".into(),
        other_baselines: Vec::new(),
        predictions: Vec::new(),
        notes: Vec::new(),
    }];
    trained.shown.clear();
    for epoch in &mut trained.epochs {
        epoch.figures = [("perplexity".to_owned(), 4.5), ("bits_per_character".to_owned(), 1.5)].into();
    }
    trained.samples = vec![Sample { temperature: 0.5, text: format!("대한민국은\n{HOSTILE}") }];
    let page = sound(&trained, &About::default());
    has(
        &page,
        &[
            "Temperature 0.5",
            "대한민국은\n&lt;/script&gt;",
            "Validation perplexity",
            "<p class=\"figure\">1.500</p>",
            "bits per character",
        ],
    );
}

#[test]
fn a_trained_language_model_has_samples() {
    let text = "나 보기가 역겨워 가실 때에는 말없이 고이 보내 드리오리다\n".repeat(40);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("poem.txt");
    std::fs::write(&file, text).unwrap();
    let mut config = TaskConfig::<Lm>::default();
    config.data.train = file;
    (config.network.hidden, config.network.embedding, config.train.epochs) = (4, 4, Some(1));
    (config.train.batch, config.own.chunk) = (Some(4), 16);
    let mut training = Training::begin(config).unwrap();
    training.run(&mut (), &mut ()).unwrap();
    let trained = training.finish().unwrap();
    let page = sound(&trained, &About::default());
    has(
        &page,
        &["Temperature 0.5", "Temperature 1.0", "Temperature 1.5", "Validation perplexity", "Write like"],
    );
    assert!(trained.samples.iter().all(|sample| sample.text.chars().count() >= 300), "{:?}", trained.samples);
}

#[test]
fn many_classes_and_nothing_held_out_make_sound_pages() {
    let mut csv = String::from("text,label\n");
    for i in 0..240 {
        csv += &format!("word{} w{i},class number {}\n", i % 60, i % 60);
    }
    let page = sound(&trained::<Classify>("many.csv", &csv, 1), &About::default());
    has(&page, &["confusion tight tiny", "The 50 most frequent of 60 are shown."]);
    let mut trained = texts();
    trained.measured.clear();
    trained.shown.clear();
    let page = sound(&trained, &About::default());
    assert!(!page.contains("id=\"figures\"") && page.contains("id=\"training\""));
}

#[test]
fn the_figures_to_list_runs_by_have_the_baseline_beside_them() {
    let results = crate::tasks::task_results(&numbers::<Regress>(2));
    assert_eq!((results.task.as_str(), results.epochs, results.parts.len()), ("regress", 2, 2));
    let judged = results.judged().unwrap();
    let keys: Vec<&str> = judged.figures.iter().map(|figure| figure.key.as_str()).collect();
    assert_eq!((judged.part.as_str(), keys), ("test", vec!["mae", "rmse", "r2"]));
    assert!(judged.figures.iter().all(|figure| figure.model.is_some() && figure.baseline.is_some()));
}
