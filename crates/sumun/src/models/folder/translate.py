

ENCODER, DECODER, OUTPUT = network("encoder.onnx"), network("decoder.onnx"), network("output.onnx")
ATTENTION = dict(np.load(FOLDER / "attention.npz")) if HOW["attention"]["weights"] else {}
# The token that begins and ends what is written is the one behind the vocabulary.
VOCABULARY = HOW["writes"]["vocabulary"]
END = len(VOCABULARY)
# What the last network reads, and how many features that has.
GIVEN = {one.name: one.shape[-1] for one in OUTPUT.get_inputs()}


def read(file):
    """The sources. FILE has a JSON object in every line (.jsonl), or is a table with a header, of tabs (.tsv) or commas (.csv);
    the field that is read is named in preprocessing.json."""
    field, name = HOW["field"], str(file)
    if name.endswith((".csv", ".tsv")):
        with open(file, encoding="utf-8-sig", newline="") as table:
            rows = list(csv.DictReader(table, delimiter="\t" if name.endswith(".tsv") else ","))
    else:
        rows = json_lines(file)
    for number, row in enumerate(rows, 1):
        if field not in row:
            stop(f"{file}: record {number} has no {field}")
        if not isinstance(row[field], str) or not stripped(row[field]):
            stop(f"{file}: record {number} has a {field} that is empty or no text")
    return [stripped(row[field]) for row in rows]


def encoded(found):
    """What the encoder makes of ids: a row for each, [T, F], and the states that the decoder begins with, [L, 1, H]."""
    width = GIVEN["attention"]
    begun = {one.name: zeros(one) for one in DECODER.get_inputs() if one.name != "target"}
    if not found:
        return np.zeros((0, width), np.float32), begun
    before = {one.name: zeros(one) for one in ENCODER.get_inputs() if one.name != "source"}
    arrays = outputs(ENCODER, {"source": np.array([found], np.int64), **before})
    after = {name: name.replace("_0", "_n", 1) for name in begun}
    states = {name: arrays[last if last in arrays else f"{last}.encoder"] for name, last in after.items()}
    return arrays["output"][0], states


def zeros(state):
    """A state of one sequence before its first step."""
    return np.zeros([length if isinstance(length, int) else 1 for length in state.shape], np.float32)


def keys_of(memory):
    """What rows of the decoder are compared with."""
    return memory @ ATTENTION["weight_memory"].T if "weight_memory" in ATTENTION else memory


def attended(rows, keys, memory):
    """The mean of the encoder's rows that each row of the decoder reads: by the shares of how well they go together."""
    if not len(memory):
        return np.zeros((len(rows), memory.shape[1]), np.float32)
    if "weight_query" in ATTENTION:
        rows = rows @ ATTENTION["weight_query"].T
    if HOW["attention"]["score"] == "additive":
        scores = np.tanh(rows[:, None] + ATTENTION["bias"] + keys[None]) @ ATTENTION["context"]
    else:
        scores = rows @ keys.T
    if HOW["attention"]["scaled"]:
        scores = scores / math.sqrt(keys.shape[1])
    return (softmax(scores) @ memory).astype(np.float32)


def next_logits(ids, states, keys, memory):
    """The logits of the next token, [M, V], behind M hypotheses by the last token of each, and the states after these."""
    arrays = outputs(DECODER, {"target": np.array(ids, np.int64)[:, None], **states})
    rows = arrays["output"]
    given = {"attention": attended(rows[:, 0], keys, memory)[:, None], "decoder": rows}
    logits = outputs(OUTPUT, {name: given[name] for name in GIVEN})["output"][:, 0]
    return logits, {name: arrays[name.replace("_0", "_n", 1)] for name in states}


def ways_on(hypotheses, logits, beam):
    """The most probable ways to go on, the best first, as (place of the hypothesis, id, ln p): twice as many as are kept, so that
    as many are left where all of the first half end. Padding, what is unknown, and nothing at all are never written."""
    scores = logits.astype(np.float64)
    scores[:, :2] = -np.inf
    if not hypotheses[0][0]:
        scores[:, END] = -np.inf
    scores -= scores.max(axis=1, keepdims=True)
    scores -= np.log(np.exp(scores).sum(axis=1, keepdims=True))
    scores += np.array([[log_probability] for _, log_probability in hypotheses])
    best = np.argsort(-scores, axis=None, kind="stable")[: 2 * beam]
    found = [(int(at) // scores.shape[1], int(at) % scores.shape[1]) for at in best]
    return [(place, id, float(scores[place, id])) for place, id in found if scores[place, id] > -np.inf]


def search(memory, states, beam):
    """The ids that are written, the sum of their ln p, and whether they came to an end: after each step the most probable
    hypotheses go on, and the one with the highest mean ln p of a token is the result."""
    keys, done, hypotheses = keys_of(memory), [], [([], 0.0)]
    for step in range(HOW["longest"] + 1):
        last = [ids[-1] if ids else END for ids, _ in hypotheses]
        logits, states = next_logits(last, states, keys, memory)
        following, parents = [], []
        for rank, (place, id, log_probability) in enumerate(ways_on(hypotheses, logits, beam)):
            ids, before = hypotheses[place]
            if id == END:
                if rank < beam:
                    done.append((ids, log_probability, True))
            elif step == HOW["longest"]:
                done.append((ids, before, False))
            elif len(following) < beam:
                following.append((ids + [id], log_probability))
                parents.append(place)
        if len(done) >= beam or not following:
            break
        hypotheses, states = following, {name: state[:, parents] for name, state in states.items()}
    if not done:
        stop("the network writes nothing")
    return max(done, key=lambda one: (one[2], one[1] / max(1, len(one[0]) + one[2])))


# Marks that stand on the word before them, and on the one after them.
CLOSING, OPENING = ",.;:!?)]}…%’”»、。", "([{“‘«"


def written(ids):
    """A text of ids."""
    names, unit = [VOCABULARY[id] for id in ids], HOW["writes"]["unit"]
    if unit == "pieces":
        text = b"".join(as_written(name) for name in names).decode("utf-8", "replace")
        return text[1:] if HOW["writes"]["before"] != "nothing" and text.startswith(" ") else text
    if unit == "jamo":
        text = re.sub("([\u1100-\u1112])([\u1161-\u1175])([\u11a8-\u11c2]?)", syllable, "".join(names))
        # A consonant at the end only began a syllable.
        return re.sub(r"[\u1100-\u1112]\Z", "", text)
    if unit == "characters":
        return "".join(names)
    text, joined = "", True
    for name in names:
        marks = unit == "words"
        text += name if joined or (marks and set(name) <= set(CLOSING)) else " " + name
        joined = marks and set(name) <= set(OPENING)
    return text


def as_written(piece):
    """The bytes of a piece."""
    byte = re.fullmatch("<0x([0-9A-F]{2})>", piece)
    return bytes([int(byte[1], 16)]) if byte else piece.encode("utf-8")


def syllable(letters):
    first, vowel, last = letters.groups()
    last = ord(last) - 0x11A7 if last else 0
    return chr(0xAC00 + ((ord(first) - 0x1100) * 21 + ord(vowel) - 0x1161) * 28 + last)


def predict(file, beam):
    predictions = []
    for number, source in enumerate(read(file), 1):
        found = ids(tokens(source))
        if len(found) > HOW["max_tokens"]:
            stop(f"{file}: record {number} has {len(found)} tokens, more than the {HOW['max_tokens']} that are taken")
        best, log_probability, ended = search(*encoded(found), beam)
        told = {"source": source, "text": written(best), "probability": math.exp(log_probability), "ended": ended}
        predictions.append(told)
    return {"task": HOW["task"], "predictions": predictions}


if __name__ == "__main__":
    beam = sys.argv[2] if len(sys.argv) == 3 else str(HOW["beam"])
    if len(sys.argv) not in (2, 3) or not re.fullmatch("[0-9]{1,4}", beam) or not 1 <= int(beam) <= HOW["most_beam"]:
        stop(
            f"give the file with the sources, and perhaps how many hypotheses are kept, from 1 to {HOW['most_beam']}: "
            "python predict.py FILE [BEAM]"
        )
    try:
        print(json.dumps(predict(sys.argv[1], int(beam)), ensure_ascii=False))
    except (OSError, ValueError) as problem:
        stop(f"{sys.argv[1]}: {problem}")
