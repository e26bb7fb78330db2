//! The exercises of the lessons reach what the lessons state. Shapes, parameter counts and golden numbers that need no
//! training are in `model_lessons.rs` and beside the layers.

#[path = "../examples/lessons/main.rs"]
mod lessons;

use lessons::*;

/// How many of a kind of element a picture has.
fn count(picture: &picture::Picture, element: &str) -> usize {
    picture.svg().matches(element).count()
}

#[test]
fn lesson_002_9_an_lstm_forecasts_a_noisy_sine() {
    let found = lesson_002_9_sine::run().unwrap();
    assert_eq!(found.shapes, [[384, 20, 1], [96, 20, 1]]);
    assert_eq!(found.parameters, 4_513);
    // .0025 to .0041 with nine seeds; nobody gets below the noise, and saying the last value again costs .0049.
    assert!((found.noise_mse..0.0048).contains(&found.test_mse), "{}", found.test_mse);
    assert!(found.test_mse < found.repeated_mse, "{} of {}", found.test_mse, found.repeated_mse);
    assert_eq!(found.scaler, found.leaky_scaler);
    assert_eq!(count(&found.picture, "<polyline"), 2);
    assert!(found.picture.svg().contains("the test begins"));
}

#[test]
fn lesson_002_10_a_bidirectional_gru_answers_six_reviews() {
    let found = lesson_002_10_sentiment::run().unwrap();
    assert_eq!((found.vocabulary, found.samples, found.parameters), (22, 200, 112_961));
    assert_eq!(found.answers.len(), 6);
    for (right, given, probability) in found.answers {
        assert_eq!(right, given);
        assert!(probability > 0.5);
    }
}

#[test]
fn lesson_003_2_a_plain_rnn_forecasts_sines_of_random_phase() {
    let found = lesson_003_2_random_phase::run().unwrap();
    assert_eq!(found.parameters, 1_153);
    assert!(found.test_mse < 0.01, "{}", found.test_mse);
    assert!(
        found.five.iter().all(|(actual, predicted)| (actual - predicted).abs() < 0.25),
        "{:?}",
        found.five
    );
    assert_eq!((found.five.len(), count(&found.picture, "<polyline")), (5, 10));
}

#[test]
fn lesson_003_5_every_element_gets_its_tag() {
    let found = lesson_003_5_tagging::run().unwrap();
    assert!(found.token_accuracy >= 0.99, "{}", found.token_accuracy);
    assert!(found.commonest < 0.5);
    assert_eq!(found.three.len(), 3);
}

#[test]
fn lesson_001_5_a_gru_by_hand_is_the_layer_and_the_lessons_is_another_one() {
    let found = lesson_001_5_gru_by_hand::run().unwrap();
    assert!(found.pytorch < 1e-5, "{}", found.pytorch);
    assert!(found.lesson > 0.1, "{}", found.lesson);
    // The sign of z is one of two differences.
    assert!((0.01..found.lesson).contains(&found.z_turned), "{}", found.z_turned);
    assert!(found.reset_before < 1e-5, "{}", found.reset_before);
}

#[test]
fn lesson_001_1_the_gates_of_an_lstm_by_hand() {
    let found = lesson_001_1_gates::run().unwrap();
    assert!(found.difference < 1e-5, "{}", found.difference);
    for gate in found.gates {
        assert_eq!(gate.dim(), (20, 4));
        assert!(gate.iter().all(|&v| v > 0.0 && v < 1.0));
    }
    assert_eq!(found.pictures.iter().map(|p| count(p, "<polyline")).collect::<Vec<_>>(), [4, 4, 4]);
}

#[test]
fn lesson_003_4_gradients_explode_and_are_clipped() {
    let found = lesson_003_4_exploding::run().unwrap();
    assert!(found.norms.0 > 1e3, "{:?}", found.norms);
    assert!((found.norms.1 - 1.0).abs() < 1e-4, "{:?}", found.norms);
    assert_eq!((found.clipped.len(), found.unclipped.len()), (30, 30));
    assert_eq!(found.clipped[0], found.unclipped[0]);
    assert!(found.clipped.iter().all(|loss| *loss < 3.0 * found.clipped[0]), "{:?}", found.clipped);
    // 30 steps of at most .01 · 1 with clipping; without it the first alone is longer than anything sensible.
    assert!(found.moved.0 < 0.301 && found.moved.1 > 1e4, "{:?}", found.moved);
    assert_eq!(count(&found.picture, "<polyline"), 2);
}

#[test]
fn lesson_001_4_a_language_model_generates_at_three_temperatures() {
    let found = lesson_001_4_language_model::run().unwrap();
    assert!(
        found.losses.0 < 1.1 * found.guessing && found.losses.1 < 0.2 * found.guessing,
        "{:?}",
        found.losses
    );
    for ids in &found.generated {
        assert_eq!(ids.len(), lesson_001_4_language_model::MAX_LEN + 1);
    }
    let [cold, warm, hot] = found.entropies;
    assert!(cold < warm && warm < hot, "{:?}", found.entropies);
    assert_ne!(found.generated[0], found.generated[2]);
}

#[test]
fn lesson_001_2_an_lstm_and_a_gru_at_four_lengths() {
    let found = lesson_001_2_lengths::run().unwrap();
    let lengths: Vec<usize> = found.table.iter().map(|row| row.0).collect();
    assert_eq!(lengths, lesson_001_2_lengths::LENGTHS);
    for (length, lstm, gru) in found.table {
        assert!(lstm.max(gru) < 0.1 * found.zero_mse, "{length}: {lstm}, {gru}");
    }
    // 4·(1 + 16 + 2)·16 and 3·(1 + 16 + 2)·16, and 17 of the linear layer.
    assert_eq!(found.parameters, (1_233, 929));
    assert_eq!(count(&found.picture, "<polyline"), 2);
}

#[test]
fn lesson_001_3_a_classifier_tells_topics_apart() {
    let found = lesson_001_3_classifier::run().unwrap();
    assert!(found.accuracy >= 0.9, "{}", found.accuracy);
    assert_eq!((found.confusion.dim(), found.confusion.sum()), ((3, 3), 60));
    assert_eq!(found.accuracy, found.confusion.diag().sum() as f64 / 60.0);
    assert_eq!(found.longest.len(), 5);
    assert!(found.longest.windows(2).all(|pair| pair[0].1 >= pair[1].1));
}

#[test]
fn lesson_003_3_sentiment_from_characters() {
    let found = lesson_003_3_characters::run().unwrap();
    assert_eq!((found.sentences, found.characters, found.held_out), (200, 27, 40));
    assert!(found.accuracy >= 0.9, "{}", found.accuracy);
}

#[test]
fn lesson_002_quizzes_have_the_stated_answers() {
    let found = lesson_002_quizzes::run().unwrap();
    assert_eq!(found.rnn, [[16, 20, 100], [2, 16, 100]]);
    assert_eq!(found.last_is_state, [true, true]);
    assert_eq!(found.parameters, [117_760, 88_320]);
    assert_eq!(found.lstm, [vec![8, 15, 128], vec![2, 8, 64], vec![2, 8, 64], vec![8, 128]]);
    let (x, y) = found.windows;
    assert_eq!(x.dim(), (5, 5));
    assert_eq!(x.row(0).to_vec(), [100.0, 102.0, 105.0, 103.0, 108.0]);
    assert_eq!(y.to_vec(), [110.0, 107.0, 112.0, 115.0, 113.0]);
    assert_eq!(found.embedding, (vec![4, 10, 64], 64_000));
}

#[test]
fn lesson_000_models_outputs_and_pictures() {
    let found = lesson_000_notebook::run().unwrap();
    let counts: Vec<(usize, usize)> = found.counts.iter().map(|row| (row.1, row.2)).collect();
    assert_eq!(counts, [(648_321, 8_256), (673_089, 33_024), (665_025, 24_960), (664_833, 24_768)]);
    assert_eq!((found.last.dim(), found.all.dim()), ((2, 4), (2, 5, 4)));
    assert_eq!(found.last, found.all.index_axis(ndarray::Axis(1), 4));
    assert_eq!(found.directions, [[2, 10, 32], [2, 10, 64]]);
    // The background and four bars; the background, 5 · 4 cells and the colour bar.
    let rects = found.pictures.map(|svg| svg.matches("<rect").count());
    assert_eq!(rects, [1 + 4, 1 + 20 + 21]);
}

#[test]
fn lesson_003_1_shapes_of_one_direction_and_two() {
    let found = lesson_003_1_shapes::run().unwrap();
    assert_eq!(found.shapes, [[vec![8, 20, 16], vec![2, 8, 16]], [vec![8, 20, 32], vec![4, 8, 16]]]);
}

#[test]
fn lesson_004_prints_its_numbers_and_says_why() {
    let found = lesson_004_notebook::run().unwrap();
    assert_eq!(found.rnn, [vec![1, 3], vec![1, 4, 3]]);
    assert_eq!(found.lstm, [[1, 3], [1, 3], [1, 3]]);
    assert_eq!(found.both, [vec![1, 6], vec![1, 4, 6]]);
    let close = |found: [f32; 2], stated: [f64; 2]| {
        found.iter().zip(stated).all(|(&f, s)| (f64::from(f) - s).abs() < 1e-6)
    };
    assert!(close(found.printed, [0.6303138, 0.7038734]), "{:?}", found.printed);
    assert!(close(found.forget_bias_0, [0.56505494, 0.66263157]), "{:?}", found.forget_bias_0);
}
