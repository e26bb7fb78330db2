

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


def predict(file):
    predictions, tags = [], HOW["returns"]["classes"]
    for sentence in read(file):
        found = ids([prepared(token) for token in sentence])
        rows = run(input=np.array([found], np.int64))["output"][0]
        best = rows.argmax(axis=1)
        shares = softmax(rows)[np.arange(len(best)), best]
        predictions.append({"tags": [tags[tag] for tag in best], "probabilities": shares.tolist()})
    return {"task": HOW["task"], "predictions": predictions}
