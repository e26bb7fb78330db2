"""The forecaster beside ETS, Theta and ARIMA of statsmodels, at the same origins of the same files.

    python benches/forecast_classical.py FOLDER --sumun target/release/sumun --origins 20

FOLDER has CSV files with the columns date and value. `sumun train forecast FILE --target value` trains on each with its defaults; the
origins are spread evenly over its test part, the last fifth of the rows. At each, every forecaster is given the rows up to it and
nothing else (of ETS and ARIMA at most the last 1,000), and all have the horizon and the season that the training chose. ETS (with and
without damped trend and additive or multiplicative season, by AICc) is fitted anew at each origin, Theta too; the order of ARIMA is chosen on the
training part by AICc among p, q ≤ 2, d ≤ 1 and, where the season is at most 24, three seasonal parts, and its constants are those
of the training part. Needs statsmodels and numpy. Prints the mean absolute errors, and the ratio of ours to the best of the three.
"""

import argparse
import csv
import itertools
import json
import math
import pathlib
import subprocess
import tempfile
import warnings

import numpy as np
import statsmodels
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.sarimax import SARIMAX

warnings.filterwarnings("ignore")
MOST = 1000


def ets(history, season, horizon):
    history = history[-MOST:]
    best = None
    positive = history.min() > 0
    kinds = [None] + (["add"] + ["mul"] * bool(positive) if 1 < season <= 24 else [])
    for trend, seasonal in itertools.product([None, "add"], kinds):
        try:
            model = ETSModel(history, error="mul" if seasonal == "mul" else "add", trend=trend,
                             damped_trend=trend is not None, seasonal=seasonal,
                             seasonal_periods=season if seasonal else None)
            fitted = model.fit(disp=False, maxiter=200)
            if np.isfinite(fitted.aicc) and (best is None or fitted.aicc < best.aicc):
                best = fitted
        except Exception:
            continue
    return np.asarray(best.forecast(horizon))


def theta(history, season, horizon):
    seasonal = 1 < season and len(history) >= 2 * season
    model = ThetaModel(history, period=season if seasonal else 1, deseasonalize=seasonal, method="auto")
    return np.asarray(model.fit().forecast(horizon))


def arima_order(train, season):
    train = train[-MOST:]
    parts = [(0, 0, 0, 0)]
    if 1 < season <= 24:
        parts += [(1, 0, 0, season), (0, 1, 1, season), (1, 0, 1, season)]
    best = None
    for p, d, q in itertools.product(range(3), range(2), range(3)):
        for seasonal in parts:
            try:
                fitted = SARIMAX(train, order=(p, d, q), seasonal_order=seasonal, trend="c" if d + seasonal[1] == 0 else None,
                                 enforce_stationarity=False, enforce_invertibility=False).fit(disp=False, maxiter=40)
            except Exception:
                continue
            # Differences leave fewer values: criteria of the same differences alone compare, so the orders of one are compared a value.
            score = fitted.aicc / max(1, fitted.nobs_effective - d - seasonal[1] * seasonal[3])
            if np.isfinite(score) and (best is None or score < best[0]):
                best = (score, (p, d, q), seasonal, fitted.params)
    return best


def arima(history, chosen, horizon):
    _, order, seasonal, params = chosen
    model = SARIMAX(history[-MOST:], order=order, seasonal_order=seasonal, trend="c" if order[1] + seasonal[1] == 0 else None,
                    enforce_stationarity=False, enforce_invertibility=False)
    return np.asarray(model.filter(params).forecast(horizon))


def ours(sumun, run, lines, origin, horizon, folder):
    part = folder / "part.csv"
    part.write_text("\n".join(lines[: origin + 2]) + "\n")
    answer = subprocess.run([sumun, "predict", run, str(part), "--json", "--quiet"], capture_output=True, text=True, check=True)
    return np.array(json.loads(answer.stdout)["forecast"]["value"][:horizon])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--sumun", default="target/release/sumun")
    parser.add_argument("--origins", type=int, default=20)
    arguments = parser.parse_args()
    print(f"statsmodels {statsmodels.__version__}")
    ratios = []
    for file in sorted(pathlib.Path(arguments.folder).glob("*.csv")):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run = str(folder / "run")
            command = [arguments.sumun, "train", "forecast", str(file), "--target", "value", "--out", run, "--json", "--quiet",
                       "--missing", "interpolate"]
            trained = subprocess.run(command, capture_output=True, text=True)
            if trained.returncode != 0:
                print(f"{file.stem}: {trained.stderr.strip()}")
                continue
            text = (folder / "run" / "config.toml").read_text()
            value = {}
            for line in text.splitlines():
                key, _, rest = line.partition(" = ")
                value[key.strip()] = rest.strip().strip('"')
            horizon = int(value["horizon"])
            season = 1 if value["season"] == "none" else int(value["season"])
            lines = file.read_text().splitlines()
            values = np.array([float(row["value"] or "nan") for row in csv.DictReader(lines)])
            known = np.isfinite(values)
            values = np.interp(np.arange(len(values)), np.flatnonzero(known), values[known])
            test = len(values) - round(float(value.get("test", 0.2)) * len(values))
            origins = np.unique(np.linspace(test - 1, len(values) - 1 - horizon, arguments.origins).astype(int))
            chosen = arima_order(values[:test], season)
            errors = {"sumun": [], "ETS": [], "Theta": [], "ARIMA": []}
            for origin in origins:
                history, truth = values[: origin + 1], values[origin + 1 : origin + 1 + horizon]
                said = {
                    "sumun": ours(arguments.sumun, run, lines, origin, horizon, folder),
                    "ETS": ets(history, season, horizon),
                    "Theta": theta(history, season, horizon),
                    "ARIMA": arima(history, chosen, horizon),
                }
                for key, forecast in said.items():
                    # What was filled in is no truth.
                    errors[key].extend(np.abs(truth - forecast)[known[origin + 1 : origin + 1 + horizon]])
            mae = {key: float(np.mean(all_of)) for key, all_of in errors.items()}
            best = min(mae[key] for key in ("ETS", "Theta", "ARIMA"))
            ratios.append(mae["sumun"] / best)
            print(f"{file.stem:32} horizon {horizon:3} season {season:3} " + " ".join(f"{k} {v:9.4g}" for k, v in mae.items())
                  + f"  ARIMA{chosen[1]}{chosen[2]}  ratio {ratios[-1]:.3f}", flush=True)
    print(f"geometric mean of {len(ratios)} ratios {math.exp(np.mean(np.log(ratios))):.3f}, worst {max(ratios):.3f}")


main()
