"""Holds the folder that `sumun export RUN --to onnx` writes against `sumun predict`, task by task.

    pip install numpy onnxruntime
    cargo build
    python benches/run_folder.py                  # exits with 1 where a difference is over 1e-5

Small runs are trained on the bundled data, written as folders, and used by their predict.py in a Python of its own. Every
number must be that of `sumun predict --json`, relative to 1 or to its own size, and every text the same. `SUMUN` names the
program, target/debug/sumun where it is not set.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUMUN = os.environ.get("SUMUN", str(ROOT / "target/debug/sumun"))
DATA = ROOT / "data"
TOLERANCE = 1e-5
SHORT = ["--epochs", "2", "--quiet"]

# Texts that cut words in every way that Unicode's rules know.
ODD = [
    "It's 3.5 °C, naïve 친구야! 1,024.5 a:b a.b. «quoted» don’t",
    "été e\u0301te\u0301 \u1112\u1161\u11ab 한국어 日本語 カタカナー ｶﾀｶﾅ ひらがな",
    "👨‍👩‍👧 🇩🇪🇫🇷🇰 ☃\ufe0f a\u200db ⓂⒶ ℹ x_y_1 a''b \"q\" א\"ב א'ב 3'4 a\u00adb",
    "Ünï\u3000code\u2003spaces\u00a0here\u1680and\u2028there\x1cend \t tab",
    "ΣΑΣ İstanbul ǅ ﬁ 12٣٤ 1_000 __ _a a_ .5 5. a..b 1,,2 1.,2 ::a",
]


def sumun(*arguments):
    done = subprocess.run([SUMUN, *map(str, arguments)], capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"sumun {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def difference(one, other, where=""):
    """The largest difference between two values of JSON; infinite where they differ in more than numbers."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)) and not isinstance(one, bool):
        return abs(one - other) / max(1.0, abs(one))
    if type(one) is not type(other) or (isinstance(one, (list, dict)) and len(one) != len(other)):
        print(f"  {where}: {str(one)[:200]} and {str(other)[:200]}")
        return float("inf")
    if isinstance(one, dict):
        return max((difference(one[key], other.get(key), f"{where}.{key}") for key in one), default=0.0)
    if isinstance(one, list):
        return max((difference(a, b, f"{where}[{k}]") for k, (a, b) in enumerate(zip(one, other))), default=0.0)
    if one != other:
        print(f"  {where}: {one!r} and {other!r}")
    return 0.0 if one == other else float("inf")


def check(name, folder, train, files):
    """Trains, exports, and compares the predictions for each file, given for both programs."""
    run, out = folder / f"{name}-run", folder / name
    sumun("train", *train, "--out", run, *SHORT)
    sumun("export", run, "--to", "onnx", "--out", out)
    worst = 0.0
    for mine, theirs in files:
        wanted = json.loads(sumun("predict", run, mine, "--json", "--quiet"))
        done = subprocess.run(
            [sys.executable, str(out / "predict.py"), str(theirs)], capture_output=True, text=True, encoding="utf-8"
        )
        if done.returncode != 0:
            print(f"{name}: {done.stderr}")
            return False
        found = json.loads(done.stdout)
        worst = max(worst, *(difference(wanted[key], found[key], key) for key in found if key != "task"))
    print(f"{name:28} {worst:.1e}")
    return worst <= TOLERANCE


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def sentences(generator, count):
    """Tagged sentences in two columns: numbers, names and other words."""
    words = {"N": ["12", "3.5", "1,000"], "P": ["Anna", "서울", "Ö-Stadt"], "O": ["go", "to", "the", "it's", "!"]}
    lines = []
    for _ in range(count):
        for _ in range(generator.randint(3, 9)):
            tag = generator.choice("NPOOO")
            lines.append(f"{generator.choice(words[tag])}\t{tag}")
        lines.append("")
    return "\n".join(lines) + "\n"


def main():
    generator = random.Random(7)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        # Forecasts: months with logarithms, hours with a calendar, columns beside the target, with and without one known ahead.
        rows = (DATA / "airline.csv").read_text(encoding="utf-8").splitlines()
        airline = write(folder / "airline.csv", "\n".join(rows[:-6]) + "\n")
        electricity = folder / "electricity.csv"
        write(electricity, "\n".join((DATA / "electricity.csv").read_text(encoding="utf-8").splitlines()[:1500]) + "\n")
        wide = ["t,y,z,k"]
        for t in range(400):
            y = 10 + 3 * ((t * 7) % 13) / 13 + generator.random()
            wide.append(f"{t},{y:.4f},{generator.random():.4f},{t % 5}")
        wide_known = wide + [f"{t},,,{t % 5}" for t in range(400, 408)]
        wide = write(folder / "wide.csv", "\n".join(wide) + "\n")
        wide_known = write(folder / "wide_known.csv", "\n".join(wide_known) + "\n")
        for name, data, more, file in [
            ("forecast, months", DATA / "airline.csv", ["value", "--horizon", 12], airline),
            ("forecast, hours", electricity, ["value", "--horizon", 24, "--hidden", 8], electricity),
            ("forecast, average", airline, ["value", "--horizon", 6, "--average", "on"], airline),
            ("forecast, last", airline, ["value", "--horizon", 6, "--difference", "last", "--log", "on"], airline),
            ("forecast, columns", wide, ["y", "--time", "none", "--horizon", 5, "--features", "z"], wide),
            ("forecast, known", wide, ["y", "--time", "none", "--horizon", 5, "--known", "k", "--cell", "gru"], wide_known),
        ]:
            good &= check(name, folder, ["forecast", data, "--target", *more], [(file, file)])

        # Simulations: of many series with columns that have one value a series, and of one of them.
        basins = DATA / "basins" / "basins.csv"
        asked = ["simulate", basins, "--target", "runoff", "--features", "rain,temperature"]
        many = [*asked, "--series", "basin", "--static", "area,slope"]
        good &= check("simulate, many", folder, many, [(basins, basins)])
        good &= check("simulate, one", folder, [*asked, "--series", "basin=B03", "--cell", "gru"], [(basins, basins)])

        # Texts and numbers with labels.
        odd = write(folder / "odd.csv", "text\n" + "".join('"' + text.replace('"', '""') + '"\n' for text in ODD))
        reviews = DATA / "reviews"
        for level in ["word", "space", "char", "jamo", "subword", "subword --pieces unigram"]:
            train = ["classify", reviews / "train.csv", "--test", reviews / "test.csv", "--level", *level.split()]
            files = [(reviews / "test.csv", reviews / "test.csv"), (odd, odd)]
            good &= check(f"classify, {level}", folder, train, files)
        train = ["classify", reviews / "train.csv", "--pool", "max", "--bidirectional", "--cell", "gru"]
        good &= check("classify, pooled", folder, train, [(reviews / "test.csv", reviews / "test.csv")])
        train = ["classify", reviews / "train.csv", "--pool", "attention"]
        good &= check("classify, attention", folder, train, [(reviews / "test.csv", reviews / "test.csv")])
        vowels = DATA / "japanese_vowels"
        train = ["classify", vowels / "train.jsonl"]
        good &= check("classify, numbers", folder, train, [(vowels / "test.jsonl",) * 2])
        records = []
        for line in (vowels / "train.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            flat = [number for channel in record["x"] for number in channel]
            records.append(json.dumps({"x": record["x"], "label": 100 * sum(flat) / len(flat)}))
        measured = write(folder / "measured.jsonl", "\n".join(records) + "\n")
        good &= check("regress", folder, ["regress", measured], [(measured, measured)])

        # Tags and running text.
        tagged = write(folder / "tagged.conll", sentences(generator, 120))
        good &= check("tag", folder, ["tag", tagged], [(tagged, tagged)])
        text = DATA / "korean_constitution.txt"
        other = write(folder / "other.txt", "\n".join(ODD) + "\n\n제1조 대한민국은 민주공화국이다.\n")
        for level in ["word", "char", "jamo", "subword", "subword --pieces unigram"]:
            good &= check(f"lm, {level}", folder, ["lm", text, "--level", *level.split()], [(other, other)])
    sys.exit(0 if good else 1)


main()
