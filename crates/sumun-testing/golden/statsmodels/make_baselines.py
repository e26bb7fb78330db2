"""Golden cases for the baselines of the forecaster: exponential smoothing and the Theta method, by statsmodels.

    python3 -m venv venv && venv/bin/pip install numpy pandas safetensors statsmodels==0.15.0
    venv/bin/python make_baselines.py        # writes *.safetensors next to itself

Tensors, float64: y [n]; for `smoothing` the first state level [1], slope [1], season [period] (before the first row),
errors [n] one step ahead and forecast [12] after the end, all with the constants of the case; for `fit` squares [1], the
least sum of squared errors one step ahead that statsmodels found with states of its own; for `theta` forecast [12].
Metadata `case`: kind, and the constants. The recursions agree to rounding.
"""
import json, os, warnings
import numpy as np, pandas as pd
from safetensors.numpy import save_file
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel

warnings.filterwarnings("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "..", "..", "data")
airline = pd.read_csv(os.path.join(DATA, "airline.csv"))["value"].to_numpy(float)
nino = pd.read_csv(os.path.join(DATA, "elnino.csv"))["value"].to_numpy(float)[:240]


def save(name, case, **tensors):
    tensors = {k: np.atleast_1d(np.asarray(v, np.float64)).copy() for k, v in tensors.items()}
    save_file(tensors, os.path.join(HERE, name + ".safetensors"), {"case": json.dumps(case)})


def model(y, trend, damped, period, **known):
    return ETSModel(y, error="add", trend="add" if trend else None, damped_trend=damped,
                    seasonal="add" if period > 1 else None, seasonal_periods=period if period > 1 else None, **known)


def smoothing(name, y, alpha, beta, phi, gamma, period, level, slope, season):
    """`season` is that of the first rows in their order; statsmodels has the newest first."""
    trend, damped = phi > 0, 0 < phi < 1
    m = model(y, trend, damped, period)
    names = dict(smoothing_level=alpha, smoothing_trend=beta, smoothing_seasonal=gamma, damping_trend=phi,
                 initial_level=level, initial_trend=slope)
    names |= {f"initial_seasonal.{i}": season[(-1 - i) % period] for i in range(period)} if period > 1 else {}
    result = m.smooth(np.array([names[n] for n in m.param_names]))
    save(name, dict(kind="smoothing", alpha=alpha, beta=beta, phi=phi, gamma=gamma, period=period), y=y, level=level,
         slope=slope, season=season, errors=y - result.fittedvalues, forecast=result.forecast(12))


def fit(name, y, trend, damped, period):
    result = model(y, trend, damped, period).fit(disp=False, maxiter=2000)
    save(name, dict(kind="fit", trend="damped" if damped else "straight" if trend else "none", period=period), y=y,
         squares=result.sse)
    print(name, result.sse, dict(zip(result.model.param_names, result.params)))


def theta(name, y, period, method):
    result = ThetaModel(y, period=max(period, 2), deseasonalize=period > 1, use_test=False, method=method).fit()
    save(name, dict(kind="theta", alpha=float(result.params["alpha"]), drift=float(result.params["b0"]) / 2,
                    period=period, multiplied=method[:3] == "mul"), y=y, forecast=result.forecast(12, theta=2))
    print(name, result.params.to_dict())


season = np.array([-20.0, -15, 5, 0, 2, 20, 40, 35, 10, -10, -35, -32])
smoothing("smoothing_level", nino, .6, 0, 0, 0, 1, 25.0, 0, [0.0])
smoothing("smoothing_straight", airline, .4, .1, 1, 0, 1, 110.0, 2, [0.0])
smoothing("smoothing_damped", airline, .5, .2, .9, 0, 1, 110.0, 3, [0.0])
smoothing("smoothing_seasonal", airline, .3, .05, .95, .4, 12, 120.0, 1, season)
smoothing("smoothing_no_trend", airline, .3, 0, 0, .2, 12, 120.0, 0, season)
fit("fit_level", nino, False, False, 1)
fit("fit_straight", airline, True, False, 1)
fit("fit_damped", airline, True, True, 1)
fit("fit_seasonal", airline, True, True, 12)
fit("fit_no_trend", nino, False, False, 12)
theta("theta", airline, 1, "multiplicative")
theta("theta_multiplied", airline, 12, "multiplicative")
theta("theta_added", nino, 12, "additive")
