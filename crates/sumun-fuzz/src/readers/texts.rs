//! Plain text and word vectors.

use sumun::tasks::PlainText;
use sumun::text::{VectorFormat, VectorOptions, Vocabulary, WordPieces, WordVectors, compose, decompose};

use super::{choices, said, written};

/// A text to continue, composed and decomposed.
pub fn text(bytes: &[u8]) -> Result<(), String> {
    let read = said(PlainText::read(written("text.txt", bytes)))?;
    let whole = compose(&decompose(&read.text));
    // A text for each letter is this crate's memory: those of a long text are left out.
    let tokens: Vec<String> = whole.chars().take(1 << 16).map(String::from).collect();
    let vocabulary = said(Vocabulary::build(&tokens, &Default::default()))?;
    let ids = said(vocabulary.encode(&tokens))?;
    said(vocabulary.decode(&ids)).map(|_| ())
}

/// Word pieces of a `tokenizer.json`, which cut a text that comes back.
pub fn tokenizer(bytes: &[u8]) -> Result<(), String> {
    let (pieces, how) = said(WordPieces::of_tokenizer_json("tokenizer.json", bytes))?;
    let text = "  it's 3.5 °C, 물은 흐른다\n";
    let tokens = pieces.tokens(text);
    let known = |token: &String| pieces.pieces().contains(token);
    assert!(tokens.iter().all(known), "{tokens:?} are no pieces");
    assert_eq!(pieces.join(&tokens).trim_start(), text.trim_start());
    let again =
        said(WordPieces::of_tokenizer_json("tokenizer.json", pieces.to_tokenizer_json(how).as_bytes()))?;
    assert_eq!(again.0.tokens(text), tokens, "pieces that were written cut another way");
    Ok(())
}

/// Word vectors, mostly in the format that they seem to be in.
pub fn vectors(bytes: &[u8]) -> Result<(), String> {
    use VectorFormat::{FastText, Glove, Word2VecBinary, Word2VecText};
    let mut random = choices(bytes);
    let vocabulary = said(Vocabulary::from_tokens(["good", "Bad", "한국", "xyzzy"]))?;
    let has_header = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .is_some_and(|line| line.split(|&byte| byte == b' ').count() == 2);
    let format = match (has_header, random.below(8)) {
        (_, 0) => [Glove, FastText, Word2VecText, Word2VecBinary][random.below(4)],
        (true, _) if bytes.iter().any(|&byte| !(9..=250).contains(&byte)) => Word2VecBinary,
        (true, 1..4) => FastText,
        (true, _) => Word2VecText,
        (false, _) => Glove,
    };
    let mut options = VectorOptions::new(format).lowercase_fallback(random.below(2) == 0);
    if random.below(4) == 0 {
        options = options.features(3);
    }
    let vectors = said(WordVectors::from_reader("vectors", bytes, &vocabulary, &options))?;
    let _ = (vectors.coverage().to_string(), vectors.vector(2), vectors.features());
    Ok(())
}
