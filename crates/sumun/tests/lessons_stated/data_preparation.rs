//! What the lessons say about preparing data.

use sumun::data::{Role, ScaleKind, Scaler, Split, Table, sliding_windows};
use sumun::forecast::{DifferenceChoice, ForecastConfig, Switch, train};
use sumun::sequences::{PadSequences, Side, pad_sequences};
use sumun::text::{PAD, TokenUnit, Tokenizer, UNK, Vocabulary, VocabularyOptions, VocabularyOrder};

const PRICES: [f64; 10] = [100.0, 102.0, 105.0, 103.0, 108.0, 110.0, 107.0, 112.0, 115.0, 113.0];

/// Ten prices, window 5: X (5, 5), y = [110, 107, 112, 115, 113].
#[test]
fn sliding_windows_of_ten_prices() {
    let (x, y) = sliding_windows(&PRICES, 5).unwrap();
    assert_eq!(x.dim(), (5, 5));
    for (n, window) in x.outer_iter().enumerate() {
        assert_eq!(window.to_vec(), PRICES[n..n + 5]);
    }
    assert_eq!(y.to_vec(), [110.0, 107.0, 112.0, 115.0, 113.0]);
}

/// Min-max and standard scaling with inverse.
#[test]
fn min_max_and_standard_scaling_with_inverse() {
    let mean = PRICES.iter().sum::<f64>() / 10.0;
    let deviation = (PRICES.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / 10.0).sqrt();
    for (kind, offset, scale) in [(ScaleKind::Minmax, 100.0, 15.0), (ScaleKind::Standard, mean, deviation)] {
        let scaler = Scaler::fit(kind, "price", &PRICES, Role::Target).unwrap();
        let scaled = scaler.transform_all(&PRICES);
        let back = scaler.inverse_all(&scaled);
        for ((price, scaled), back) in PRICES.iter().zip(&scaled).zip(back) {
            assert!((scaled - (price - offset) / scale).abs() < 1e-12, "{kind}: {price} became {scaled}");
            assert!((back - price).abs() < 1e-12, "{kind}: {price} came back as {back}");
        }
    }
}

/// Fitted on the training part only. Lesson 2 fits before it splits: here the last rows, ten times as large as all
/// others, would show in the scaler if anything looked at them.
#[test]
fn scalers_are_fitted_on_the_training_part_only() {
    let values: Vec<f64> =
        (0..200).map(|t| (f64::from(t) * 0.3).sin() * if t < 160 { 1.0 } else { 10.0 }).collect();
    let csv = values.iter().fold(String::from("y\n"), |csv, v| format!("{csv}{v}\n"));
    let table = Table::from_reader("sine.csv", csv.as_bytes()).unwrap();
    let mut config = ForecastConfig::of(&["y"]);
    (config.data.horizon, config.train.epochs, config.network.hidden) = (Some(4), Some(1), 4);
    (config.prepare.scale, config.prepare.difference, config.prepare.log) =
        (ScaleKind::Minmax, DifferenceChoice::None, Switch::Off);
    let trained = train(&table, &config, &mut ()).unwrap();
    let split = &trained.decisions.split;
    assert!(split.train.end < 160 && split.test == (160..200), "{split:?}");
    let fit = |values: &[f64]| Scaler::fit(ScaleKind::Minmax, "y", values, Role::Target).unwrap();
    let used = &trained.forecaster.config().preprocessing.targets[0].level;
    assert_eq!(*used, fit(&values[split.train.clone()]));
    assert!(fit(&values).scale > 5.0 * used.scale, "the lesson's scaler is another one");
}

/// Time-ordered split.
#[test]
fn time_ordered_split() {
    let split = Split::by_fractions(480, 0.0, 0.2).unwrap();
    assert_eq!((split.train, split.valid, split.test), (0..384, 384..384, 384..480));
    let split = Split::by_fractions(100, 0.1, 0.2).unwrap();
    assert_eq!((split.train, split.valid, split.test), (0..70, 70..80, 80..100));
}

/// Lower-case + split tokeniser, vocabulary with <PAD>=0 and <UNK>=1, pad and cut to a length.
#[test]
fn lower_case_split_vocabulary_pad_and_cut() {
    let tokenizer = Tokenizer::new(TokenUnit::Whitespace).lowercase(true);
    let tokens = tokenizer.tokens("I LOVED the  Story");
    assert_eq!(tokens, ["i", "loved", "the", "story"]);
    let options = VocabularyOptions { order: VocabularyOrder::Appearance, ..VocabularyOptions::default() };
    let vocabulary = Vocabulary::build(&tokens, &options).unwrap();
    assert_eq!(vocabulary.tokens(), ["<PAD>", "<UNK>", "i", "loved", "the", "story"]);
    assert_eq!((PAD, UNK), (0, 1));

    let ids = |text| vocabulary.encode(&tokenizer.tokens(text)).unwrap();
    let reviews = [ids("The story"), ids("I hated the story"), ids("the the the the the story")];
    let options = PadSequences { maxlen: Some(4), padding: Side::Post, truncating: Side::Post, value: PAD };
    let padded = pad_sequences(&reviews, &options).unwrap();
    assert_eq!(padded, ndarray::array![[4, 5, 0, 0], [2, 1, 4, 5], [4, 4, 4, 4]]);
}

/// Characters (27: a–z and space).
#[test]
fn characters_are_27() {
    let letters = Vocabulary::letters_and_space();
    assert_eq!(letters.len(), 27);
    let tokens = Tokenizer::new(TokenUnit::Characters).tokens("az b");
    assert_eq!(letters.encode(&tokens).unwrap(), [0, 25, 26, 1]);
}
