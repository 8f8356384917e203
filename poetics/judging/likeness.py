"""How like real verse a text is: a logistic regression of the features of samples against those of real verse.

Where nobody can tell, the area under the curve is 0.5 (a classifier two-sample test: Lopez-Paz and Oquab, 2017).
"""

from typing import NamedTuple

import numpy as np

PENALTY = 1.0  # on the squares of the weights of standardised features
STEPS = 25
FOLDS = 5


class Likeness(NamedTuple):
    """A fitted regression.

    Attributes:
      mean, spread: of each feature in the texts that it was fitted to, [n_features].
      weights: of the standardised features, [n_features].
      bias: what stands without them.
    """

    mean: np.ndarray
    spread: np.ndarray
    weights: np.ndarray
    bias: float

    def log_odds(self, features: np.ndarray) -> np.ndarray:
        """How much likelier each text [n_texts, n_features] is real verse, as a natural logarithm: [n_texts]."""
        return self.terms(features).sum(-1) + self.bias

    def terms(self, features: np.ndarray) -> np.ndarray:
        """What each feature adds to the log-odds: [n_texts, n_features]."""
        return (features - self.mean) / self.spread * self.weights


def fit(real: np.ndarray, samples: np.ndarray) -> Likeness:
    """Fits to the features of real verse and of samples, each [n_texts, n_features]; both sides count the same."""
    features = np.concatenate([real, samples])
    mean, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 0, spread, 1)
    x = np.column_stack([(features - mean) / spread, np.ones(len(features))])
    y = np.repeat([1.0, 0.0], [len(real), len(samples)])
    weight = np.where(y > 0, len(x) / (2 * len(real)), len(x) / (2 * len(samples)))
    penalty = np.append(np.full(features.shape[1], PENALTY), 1e-9)
    theta = np.zeros(x.shape[1])
    for _ in range(STEPS):  # Newton's method
        p = 1 / (1 + np.exp(-np.clip(x @ theta, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + penalty * theta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        theta = theta - np.linalg.solve(hessian, gradient)
    return Likeness(mean, spread, theta[:-1], float(theta[-1]))


def cross_fitted(real: np.ndarray, samples: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The log-odds of each text by a regression that has not seen it: those of real verse, and of samples.

    Raises:
      ValueError: fewer texts than folds on a side.
    """
    if min(len(real), len(samples)) < FOLDS:
        raise ValueError(f"{len(real)} real texts and {len(samples)} samples, expected at least {FOLDS} of each")
    rng = np.random.default_rng(seed)
    folds = [rng.permutation(len(side)) % FOLDS for side in (real, samples)]
    odds = [np.zeros(len(side)) for side in (real, samples)]
    for fold in range(FOLDS):
        fitted = fit(real[folds[0] != fold], samples[folds[1] != fold])
        for side, of_side, found in zip((real, samples), folds, odds, strict=True):
            found[of_side == fold] = fitted.log_odds(side[of_side == fold])
    return odds[0], odds[1]


def area_under_curve(real: np.ndarray, samples: np.ndarray) -> float:
    """The chance that a real text has more than a sample, a tie counting half."""
    order = np.sort(samples)
    ranks = np.searchsorted(order, real) + np.searchsorted(order, real, side="right")
    return float(ranks.mean() / 2 / len(samples))


def told_apart(real: np.ndarray, samples: np.ndarray) -> float:
    """How surely samples are told from real verse by their features: 1 always, 0.5 never."""
    return area_under_curve(*cross_fitted(real, samples))
