

def read(file):
    """Sentences of tokens. FILE has a JSON object with the list of tokens in every line (.jsonl), or else a token in every
    line, in the column that preprocessing.json names, and a blank line after each sentence."""
    if str(file).endswith(".jsonl"):
        return [row[HOW["field"]] for row in json_lines(file)]
    sentences = [[]]
    for line in lines(file):
        cells = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            sentences.append([])
        else:
            sentences[-1].append(stripped(cells[HOW["column"]] if len(cells) > 1 else cells[0]))
    return [sentence for sentence in sentences if sentence]


def log_sum(values, axis):
    largest = values.max(axis=axis, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - largest).sum(axis=axis)) + largest.squeeze(axis)


def together(rows, start, transitions, end):
    """The tags with the highest score together (Viterbi), and how probable each is given the whole sentence. Where the rules
    leave no tags at all, None."""
    score, origins = start + rows[0], []
    before, after = [score], [end]
    for row in rows[1:]:
        every = score[:, None] + transitions
        origins.append(every.argmax(axis=0))
        score = every.max(axis=0) + row
        before.append(log_sum(before[-1][:, None] + transitions, 0) + row)
    if not np.isfinite((score + end).max()):
        return None
    best = [int((score + end).argmax())]
    for origin in reversed(origins):
        best.append(int(origin[best[-1]]))
    for row in rows[:0:-1]:
        after.append(log_sum(transitions + row + after[-1], 1))
    both = np.array(before) + np.array(after[::-1])
    return np.array(best[::-1]), np.exp(both - log_sum(both, 1)[:, None])


def chosen(rows):
    """The tags of a sentence, and how probable every tag is, by the rows of the network's output."""
    crf = HOW["returns"].get("crf")
    if crf is None:
        return rows.argmax(axis=1), softmax(rows)
    names, rows = ["start", "transitions", "end"], rows.astype(np.float64)
    free = [np.array(crf[name], np.float64) for name in names]
    if crf["rules"] is not None:
        ruled = [np.array([list(row) for row in crf["rules"][name]]) == "1" for name in names]
        found = together(rows, *[np.where(may.reshape(w.shape), w, -np.inf) for may, w in zip(ruled, free)])
        if found is not None:
            return found
    return together(rows, *free)


def predict(file):
    predictions, tags = [], HOW["returns"]["classes"]
    for sentence in read(file):
        found = read_by_network([prepared(token) for token in sentence])
        best, shares = chosen(run(input=found)["output"][0])
        shares = shares[np.arange(len(best)), best]
        predictions.append({"tags": [tags[tag] for tag in best], "probabilities": shares.tolist()})
    return {"task": HOW["task"], "predictions": predictions}
