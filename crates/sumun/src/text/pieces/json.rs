//! `tokenizer.json`, the file of tokenisers of Hugging Face's libraries, as far as it describes pieces like these.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::bytes::{BYTES, byte_piece, is_byte};
use super::cut::{self, Cut};
use super::word_pieces::{Before, MOST_PIECES, Rules, Stored, WordPieces};
use crate::text::{TokenUnit, Tokenizer, UNK};
use crate::{Error, Result};

/// What stands for a space in such files.
const SPACE: &str = "▁";

/// The names of the special tokens, in the order of their ids.
const SPECIALS: [&str; 2] = ["<PAD>", "<UNK>"];

impl WordPieces {
    /// A `tokenizer.json` in which pieces have the ids of a [`Vocabulary`](crate::text::Vocabulary) of them, and texts are prepared as by
    /// `tokenizer`.
    pub fn to_tokenizer_json(&self, tokenizer: Tokenizer) -> String {
        let marked = self.cut != Cut::Classes;
        let name = |piece: &str| if marked { piece.replace(' ', SPACE) } else { piece.to_owned() };
        let special = |(id, content): (usize, &str)| {
            json!({ "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true })
        };
        let mut normalizers = Vec::new();
        normalizers.extend(tokenizer.nfc.then(|| json!({ "type": "NFC" })));
        normalizers.extend(tokenizer.lowercase.then(|| json!({ "type": "Lowercase" })));
        normalizers
            .extend((self.before == Before::Space).then(|| json!({ "type": "Prepend", "prepend": " " })));
        let normalizer = match normalizers.len() {
            0 => Value::Null,
            1 => normalizers.remove(0),
            _ => json!({ "type": "Sequence", "normalizers": normalizers }),
        };
        let mut decoders = vec![json!({ "type": "ByteFallback" }), json!({ "type": "Fuse" })];
        let pre_tokenizer = match marked {
            true => {
                decoders
                    .insert(0, json!({ "type": "Replace", "pattern": { "String": SPACE }, "content": " " }));
                let scheme = if self.before == Before::SpaceIfNone { "always" } else { "never" };
                json!({ "type": "Metaspace", "replacement": SPACE, "prepend_scheme": scheme,
                        "split": self.cut == Cut::Spaces })
            }
            false => json!({ "type": "Split", "pattern": { "Regex": cut::pattern(self.cut) },
                             "behavior": "Isolated", "invert": false }),
        };
        if self.has_space_before() {
            decoders.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
        }
        let model = match &self.rules {
            Rules::Bpe { merges, .. } => {
                let all = SPECIALS.iter().map(|name| (*name).to_owned());
                let all = all.chain(self.pieces.iter().map(|piece| name(piece)));
                let vocab: Map<String, Value> = all.zip(0..).map(|(piece, id)| (piece, id.into())).collect();
                let pair = |pair: &[u32; 2]| pair.map(|piece| name(&self.pieces[piece as usize]));
                let merges: Vec<[String; 2]> = merges.iter().map(pair).collect();
                json!({ "type": "BPE", "dropout": null, "unk_token": "<UNK>", "continuing_subword_prefix": null,
                        "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": true,
                        "ignore_merges": false, "vocab": vocab, "merges": merges })
            }
            Rules::Unigram { scores, .. } => {
                let specials = SPECIALS.iter().map(|name| json!([name, 0.0]));
                let pieces = self.pieces.iter().zip(scores).map(|(piece, score)| json!([name(piece), score]));
                let vocab: Vec<Value> = specials.chain(pieces).collect();
                json!({ "type": "Unigram", "unk_id": UNK, "vocab": vocab, "byte_fallback": true })
            }
        };
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": null,
            "added_tokens": SPECIALS.into_iter().enumerate().map(special).collect::<Vec<_>>(),
            "normalizer": normalizer,
            "pre_tokenizer": pre_tokenizer,
            "post_processor": null,
            "decoder": { "type": "Sequence", "decoders": decoders },
            "model": model,
        });
        format!("{file:#}\n")
    }

    /// The pieces of a `tokenizer.json`, and how it prepares texts. Its special tokens are left out: text that spells one is cut like any
    /// other. The pieces of bytes that it lacks are added, so that nothing is unknown. Errors, with `name`: what is no such file, and a file
    /// with something in it that is not as here, named.
    pub fn of_tokenizer_json(name: &str, bytes: &[u8]) -> Result<(Self, Tokenizer)> {
        let refused = |problem: String| Error::Data(format!("{name}: {problem}"));
        let file =
            crate::json::read(bytes).map_err(|error| refused(format!("is no tokenizer.json: {error}")))?;
        Reading::default().file(&file).map_err(refused)
    }
}

/// What was found so far.
struct Reading {
    tokenizer: Tokenizer,
    cut: Cut,
    before: Before,
    marked: bool,
}

impl Default for Reading {
    fn default() -> Self {
        let tokenizer = Tokenizer::new(TokenUnit::Characters);
        Self { tokenizer, cut: Cut::None, before: Before::Nothing, marked: false }
    }
}

/// The type of a part of the file.
fn kind(part: &Value) -> &str {
    part["type"].as_str().unwrap_or("without a type")
}

fn list<'a>(part: &'a Value, name: &str) -> Result<&'a [Value], String> {
    part[name].as_array().map(Vec::as_slice).ok_or_else(|| format!("its {name} are no list"))
}

impl Reading {
    fn file(mut self, file: &Value) -> Result<(WordPieces, Tokenizer), String> {
        if !file["model"].is_object() {
            return Err("has no model, as a tokenizer.json has".into());
        }
        self.normalizer(&file["normalizer"])?;
        self.pre_tokenizer(&file["pre_tokenizer"])?;
        let entries = |name: &str| {
            let part = &file["model"][name];
            part.as_array().map_or(0, Vec::len).max(part.as_object().map_or(0, Map::len))
        };
        if let Some(name) = ["vocab", "merges"].into_iter().find(|name| entries(name) > MOST_PIECES) {
            return Err(format!("its {name} have {} entries, of {MOST_PIECES} at most", entries(name)));
        }
        let mut special = HashSet::new();
        for token in file["added_tokens"].as_array().into_iter().flatten() {
            let content = token["content"].as_str().unwrap_or_default();
            if token["special"] != true {
                return Err(format!("the added token {content:?} is not special; such tokens are not read"));
            }
            special.insert(content);
        }
        let stored = match kind(&file["model"]) {
            "BPE" => self.bpe(&file["model"], &special)?,
            "Unigram" => self.unigram(&file["model"], &special)?,
            other => return Err(format!("its model is {other}; BPE and Unigram are read")),
        };
        let mut learnt = stored.pieces.iter().skip(BYTES);
        if !self.marked && self.cut != Cut::Classes && learnt.any(|piece| piece.contains(SPACE)) {
            return Err(format!("its pieces have {SPACE}, but nothing puts it in the place of spaces"));
        }
        let tokenizer = self.tokenizer;
        let pieces = WordPieces::try_from(stored).map_err(|error| error.to_string())?;
        Ok((pieces, tokenizer))
    }

    fn normalizer(&mut self, part: &Value) -> Result<(), String> {
        match kind(part) {
            _ if part.is_null() => {}
            "Sequence" => {
                for part in list(part, "normalizers")? {
                    self.normalizer(part)?;
                }
            }
            "NFC" if !self.tokenizer.lowercase => self.tokenizer.nfc = true,
            "Lowercase" => self.tokenizer.lowercase = true,
            "Prepend" if part["prepend"] == " " || part["prepend"] == SPACE => self.before = Before::Space,
            "Replace" if part["pattern"]["String"] == " " && part["content"] == SPACE => self.marked = true,
            other => {
                return Err(format!(
                    "its normalizer {other} is not read; NFC and then Lowercase are, and what puts {SPACE} in the place of spaces"
                ));
            }
        }
        Ok(())
    }

    fn pre_tokenizer(&mut self, part: &Value) -> Result<(), String> {
        match kind(part) {
            _ if part.is_null() => {}
            "Metaspace" if part["replacement"] == SPACE => {
                self.marked = true;
                self.cut = if part["split"] == false { Cut::None } else { Cut::Spaces };
                let scheme = part["prepend_scheme"].as_str();
                let never =
                    scheme == Some("never") || (scheme.is_none() && part["add_prefix_space"] == false);
                let is_there = never || self.before == Before::Space;
                self.before = if is_there { self.before } else { Before::SpaceIfNone };
            }
            "Split"
                if part["pattern"]["Regex"] == cut::pattern(Cut::Classes)
                    && part["behavior"] == "Isolated"
                    && part["invert"] != true =>
            {
                self.cut = Cut::Classes;
            }
            other => {
                return Err(format!(
                    "its pre_tokenizer {other} is not read; Metaspace is, and Split as it is written here"
                ));
            }
        }
        Ok(())
    }

    /// The name of a piece here.
    fn name(&self, piece: &str) -> String {
        if self.marked { piece.replace(SPACE, " ") } else { piece.to_owned() }
    }

    fn bpe(&self, model: &Value, special: &HashSet<&str>) -> Result<Stored, String> {
        for name in ["dropout", "continuing_subword_prefix", "end_of_word_suffix"] {
            if !(model[name].is_null() || model[name] == "") {
                return Err(format!("its model has the {name} {}, which is not read", model[name]));
            }
        }
        if model["ignore_merges"] == true {
            return Err("its model has ignore_merges, which is not read".into());
        }
        let Some(vocab) = model["vocab"].as_object() else { return Err("its vocab is no table".into()) };
        let mut known: Vec<(u64, &str)> = Vec::with_capacity(vocab.len());
        for (piece, id) in vocab.iter().filter(|(piece, _)| !special.contains(piece.as_str())) {
            let id = id.as_u64().ok_or_else(|| format!("the id of {piece:?} is {id}"))?;
            known.push((id, piece));
        }
        known.sort_unstable();
        let unknown = model["unk_token"].as_str();
        let known = known.iter().map(|(_, piece)| *piece).filter(|piece| Some(*piece) != unknown);
        let pieces = with_bytes(known.map(|piece| self.name(piece)));
        let ids: HashMap<&str, u32> = pieces.iter().map(String::as_str).zip(0..).collect();
        let pair = |pair: &Value| {
            let two = match pair {
                Value::String(two) => two.split_once(' '),
                other => other[0].as_str().zip(other[1].as_str()),
            };
            let id = |piece: &str| ids.get(self.name(piece).as_str()).copied();
            let two = two.and_then(|(left, right)| Some([id(left)?, id(right)?]));
            two.ok_or_else(|| format!("its merges have {pair}, which are no two pieces"))
        };
        let merges = list(model, "merges")?.iter().map(pair).collect::<Result<_, _>>()?;
        Ok(Stored { merges: Some(merges), cut: self.cut, before: self.before, pieces, scores: None })
    }

    fn unigram(&self, model: &Value, special: &HashSet<&str>) -> Result<Stored, String> {
        let unknown = model["unk_id"].as_u64();
        let mut scored = Vec::new();
        for (id, entry) in (0..).zip(list(model, "vocab")?) {
            let (Some(piece), Some(score)) = (entry[0].as_str(), entry[1].as_f64()) else {
                return Err(format!("its vocab has {entry}, which is no piece with its score"));
            };
            if Some(id) != unknown && !special.contains(piece) {
                scored.push((self.name(piece), score));
            }
        }
        let least = scored.iter().map(|(_, score)| *score).fold(0.0, f64::min);
        let pieces = with_bytes(scored.iter().map(|(piece, _)| piece.clone()));
        let of_pieces = scored.iter().filter(|(piece, _)| !is_byte(piece)).map(|(_, score)| *score);
        let scores = std::iter::repeat_n(least, BYTES).chain(of_pieces).collect();
        Ok(Stored { scores: Some(scores), cut: self.cut, before: self.before, pieces, merges: None })
    }
}

/// The pieces behind those of all bytes.
fn with_bytes(pieces: impl Iterator<Item = String>) -> Vec<String> {
    (0..=u8::MAX).map(byte_piece).chain(pieces.filter(|piece| !is_byte(piece))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::word_pieces::PieceKind;
    use super::*;

    fn learnt(kind: PieceKind) -> WordPieces {
        let texts = [
            "the lower the tower, the lower the flower\n",
            "물은 낮은 곳으로 흐른다. 물은 낮은 곳에 고인다.\n",
        ];
        WordPieces::learn(kind, texts, 330, 1).unwrap()
    }

    #[test]
    fn a_tokenizer_json_comes_back() {
        let tokenizer = Tokenizer::new(TokenUnit::Characters);
        for kind in [PieceKind::Bpe, PieceKind::Unigram] {
            for tokenizer in [tokenizer, tokenizer.nfc(true), tokenizer.nfc(true).lowercase(true)] {
                for pieces in [learnt(kind), learnt(kind).with_space_before()] {
                    let text = pieces.to_tokenizer_json(tokenizer);
                    let found = WordPieces::of_tokenizer_json("t.json", text.as_bytes()).unwrap();
                    assert_eq!(found, (pieces, tokenizer));
                }
            }
        }
    }

    /// As SentencePiece's files look when they were converted.
    #[test]
    fn a_tokenizer_json_with_marks_for_spaces() {
        let text = r#"{"added_tokens":[{"id":0,"content":"<unk>","special":true}],"normalizer":null,
            "pre_tokenizer":{"type":"Metaspace","replacement":"▁","add_prefix_space":true},
            "model":{"type":"Unigram","unk_id":0,
                     "vocab":[["<unk>",0.0],["▁",-3.0],["▁a",-2.0],["b",-2.5],["ab",-2.0],["▁ab",-5.0]]}}"#;
        let (pieces, _) = WordPieces::of_tokenizer_json("t.json", text.as_bytes()).unwrap();
        assert_eq!(pieces.tokens("ab abé"), [" a", "b", " a", "b", "<0xC3>", "<0xA9>"]);
        assert_eq!(pieces.join(&pieces.tokens("ab  b")), "ab  b");
        let again = pieces.to_tokenizer_json(Tokenizer::new(TokenUnit::Characters));
        assert_eq!(WordPieces::of_tokenizer_json("t.json", again.as_bytes()).unwrap().0, pieces);
        let text = r#"{"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
            {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},"pre_tokenizer":null,
            "model":{"type":"BPE","unk_token":"<unk>","byte_fallback":true,
                     "vocab":{"<unk>":0,"a":1,"b":2,"▁":3,"ab":4,"▁ab":5},"merges":["a b","▁ ab"]}}"#;
        let (pieces, _) = WordPieces::of_tokenizer_json("t.json", text.as_bytes()).unwrap();
        assert_eq!(pieces.tokens("ab ba"), [" ab", " ", "b", "a"]);
    }

    #[test]
    fn a_tokenizer_json_of_another_kind_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = WordPieces::of_tokenizer_json("t.json", text.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("t.json: {expected}"));
        };
        check("{}", "has no model, as a tokenizer.json has");
        check(r#"{"model":{"type":"WordPiece"}}"#, "its model is WordPiece; BPE and Unigram are read");
        check(
            r#"{"model":{"type":"BPE"},"pre_tokenizer":{"type":"ByteLevel"}}"#,
            "its pre_tokenizer ByteLevel is not read; Metaspace is, and Split as it is written here",
        );
        check(
            r#"{"model":{"type":"BPE"},"normalizer":{"type":"NFKC"}}"#,
            "its normalizer NFKC is not read; NFC and then Lowercase are, and what puts ▁ in the place of spaces",
        );
        check(
            r#"{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}"#,
            "its merges have \"a b\", which are no two pieces",
        );
        check(
            r#"{"model":{"type":"BPE","end_of_word_suffix":"</w>"}}"#,
            "its model has the end_of_word_suffix \"</w>\", which is not read",
        );
        check(
            r#"{"model":{"type":"BPE"},"added_tokens":[{"content":"URL","special":false}]}"#,
            "the added token \"URL\" is not special; such tokens are not read",
        );
        check(
            r#"{"model":{"type":"Unigram","vocab":[["a"]]}}"#,
            "its vocab has [\"a\"], which is no piece with its score",
        );
    }
}
