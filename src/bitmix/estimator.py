"""The mixture as a scikit-learn estimator, on top of `bitmix.sample` and the queries.

``import bitmix`` does not import this module, because scikit-learn is slow to import.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from bitmix import predict
from bitmix.chains import Latent
from bitmix.data import as_binary
from bitmix.data.frames import frame_numbers, is_frame
from bitmix.data.sparse import has_nan, is_sparse
from bitmix.sampling import sampler

if TYPE_CHECKING:
    import pandas as pd


class BernoulliDPMixture(TransformerMixin, ClusterMixin, BaseEstimator):
    """Dirichlet-process mixture of Bernoulli features, by collapsed Gibbs sampling.

    The number of clusters is inferred. `fit` samples several chains. Each ends in a mixture of its
    clusters and one new, empty cluster. Densities, completions, samples and `transform` use all
    chains. Clusters of different chains do not correspond to each other, so `labels_`, `predict`
    and `predict_proba` use one chain: the one with the highest log joint.

    NaN means missing, in `fit` and everywhere else. A missing feature is left out of counts and
    scores. The columns of a DataFrame may also hold two other levels, such as no and yes, with None
    or NA where missing.

    Parameters
    ----------
    n_chains : int, default=10
        The number of chains. Twice as many chains improve densities and completions more than twice
        as many sweeps.
    n_sweeps : int or "auto", default=10
        The number of sweeps of each chain. With "auto", chains are sampled until they have mixed
        or a limit is reached, see `bitmix.sample_until_mixed`; add "concentration" to the moves.
    initial : {"seeded", "random", "single"}, default="seeded"
        The first partition of a chain. "seeded" puts each sample with the nearest of
        `n_initial_clusters` samples drawn at random. "random" draws a cluster for each sample
        uniformly. "single" puts all samples in one cluster.
    n_initial_clusters : int or None, default=None
        The number of clusters of the first partition. None takes one for every ten samples, but at
        most 1000: if first clusters have only a few samples, the chains end in too few clusters.
    annealing : int, default=0
        The number of first sweeps that are annealed, below `n_sweeps`, see `bitmix.sample`. Use it
        with hundreds of sweeps, such as ``n_sweeps=1000, annealing=300``. With "auto", set 100.
    concentration : float, default=1.0
        The concentration of the Chinese restaurant process. A larger value gives more clusters.
    concentration_prior : (shape, rate), default=(1.0, 0.1)
        The Gamma hyperprior of the concentration, for the move `concentration`.
    partition_prior : {"dp", "mfm"}, default="dp"
        The prior of the assignments, see `bitmix.model.PARTITION_PRIORS`. With "mfm", leave
        "concentration" out of `moves`.
    hyperprior : {"exponential", "bda"}, default="exponential"
        The hyperprior of the Beta priors of the features, see `bitmix.model.HYPERPRIORS`.
    moves : sequence of str, default=("assign", "pixel_priors")
        The moves of a sweep, see `bitmix.sampling.Settings`.
    proposals : int or "auto", default="auto"
        The number of proposals of the move `split_merge` in a sweep. "auto" learns it.
    binarize : float or None, default=0.0
        A feature is 1 where it is greater than this threshold, else 0, as in
        `sklearn.naive_bayes.BernoulliNB`. With None the data must be zeros, ones and NaN, and
        anything else is an error.
    n_jobs : int, default=None
        The number of chains that run at once, in threads. None means 1 unless in a
        `joblib.parallel_config` context, -1 all cores. The result does not depend on it.
    random_state : int, RandomState instance or None, default=None
        An int gives the chains of ``bitmix.sample(..., seed=random_state)``.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    latents_ : list of Latent, of length n_chains
        The chains, which the functions of `bitmix` take.
    best_chain_ : int
        The chain with the highest log joint after the last sweep.
    log_joint_ : float
        That log joint, log p(X, clusters | priors of the features, concentration), in nats.
    labels_ : ndarray of int32, shape (n_samples,)
        The cluster, from 0, of each training sample in the best chain. It is one draw from the
        posterior, while `predict` gives the most probable cluster.
    n_clusters_ : int
        The number of clusters of the best chain.
    cluster_names_ : ndarray of str, shape (n_clusters + 1,)
        The names of the columns of `predict_proba`: "cluster0" and so on, "new" last.
    diagnosis_ : Diagnosis
        Whether the chains have mixed, only with ``n_sweeps="auto"``; see `bitmix.diagnose`.
    class_profiles_ : DataFrame
        The clusters that most chains have, largest first, with 95% intervals: see
        `bitmix.classes.class_table`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (n_features,)
        Only if all feature names of X are strings.

    Examples
    --------
    >>> import numpy as np
    >>> from bitmix import BernoulliDPMixture
    >>> X = np.repeat([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], 20, axis=0)
    >>> mixture = BernoulliDPMixture(random_state=0).fit(X)
    >>> mixture.n_clusters_
    2
    >>> mixture.inpaint([[1, np.nan, 1, 0, 0, np.nan]]).round()
    array([[1., 1., 1., 0., 0., 0.]])
    """

    def __init__(
        self,
        *,
        n_chains: int = 10,
        n_sweeps: int | str = 10,
        initial: str = "seeded",
        n_initial_clusters: int | None = None,
        annealing: int = 0,
        concentration: float = 1.0,
        concentration_prior: tuple[float, float] = (1.0, 0.1),
        partition_prior: str = "dp",
        hyperprior: str = "exponential",
        moves: Sequence[str] = ("assign", "pixel_priors"),
        proposals: int | str = "auto",
        binarize: float | None = 0.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool = False,
    ) -> None:
        self.n_chains = n_chains
        self.n_sweeps = n_sweeps
        self.initial = initial
        self.n_initial_clusters = n_initial_clusters
        self.annealing = annealing
        self.concentration = concentration
        self.concentration_prior = concentration_prior
        self.partition_prior = partition_prior
        self.hyperprior = hyperprior
        self.moves = moves
        self.proposals = proposals
        self.binarize = binarize
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X, y=None) -> BernoulliDPMixture:
        """Sample the chains.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X or a parameter is not allowed. Messages use the parameter names of `bitmix.sample`,
            without ``n_``.
        """
        x, observed = self._training = self._as_binary(X, reset=True)
        initial_clusters = self.n_initial_clusters
        if initial_clusters is None:
            initial_clusters = min(math.ceil(x.shape[0] / 10), 1000)
        self.latents_ = self._sample(
            x,
            observed=observed,
            chains=self.n_chains,
            seed=_seed(self.random_state),
            initial=self.initial,
            initial_clusters=initial_clusters,
            annealing=self.annealing,
            concentration=self.concentration,
            concentration_prior=self.concentration_prior,
            partition_prior=self.partition_prior,
            hyperprior=self.hyperprior,
            moves=self.moves,
            proposals=self.proposals,
            threads=effective_n_jobs(self.n_jobs),
            progress=bool(self.verbose),
        )
        log_joints = [latent.trace["log_joint"][-1] for latent in self.latents_]
        self.best_chain_ = int(np.argmax(log_joints))
        self.log_joint_ = float(log_joints[self.best_chain_])
        self.labels_ = self._best.assignments
        self.n_clusters_ = len(self._best.sizes)
        self.cluster_names_ = _cluster_names(self._best)
        return self

    def predict(self, X) -> np.ndarray:
        """Return the most probable cluster of the best chain, or -1 where that is a new cluster.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        labels : ndarray of int, shape (n_samples,)
            The column of `predict_proba` with the highest value; -1 for the last column.
        """
        label = self.predict_proba(X).argmax(axis=1)
        return np.where(label == self.n_clusters_, -1, label)

    def predict_proba(self, X) -> np.ndarray:
        """Return the responsibilities p(cluster | x) in the best chain.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        responsibilities : ndarray, shape (n_samples, n_clusters + 1)
            The columns are those of `cluster_names_`, a new cluster last. Rows add up to one.
        """
        x, observed = self._query(X)
        return predict.responsibilities(self._best, x, observed)

    def transform(self, X) -> np.ndarray:
        """Return p(chain, cluster | x), the responsibilities of the clusters of all chains.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        responsibilities : ndarray, shape (n_samples, clusters of all chains + n_chains)
            Chain after chain, in each the new cluster last. The chains are equally probable, and
            rows add up to one.
        """
        x, observed = self._query(X)
        return np.hstack(predict.mixture_posterior(self.latents_, x, observed))

    def score_samples(self, X) -> np.ndarray:
        """Return the log of the mean density over the chains for each sample, in nats.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing. The density is that of the features that are not missing.

        Returns
        -------
        log_density : ndarray, shape (n_samples,)
        """
        x, observed = self._query(X)
        return predict.log_predictive(self.latents_, x, observed)

    def score(self, X, y=None) -> float:
        """Return the mean of `score_samples`. Model selection maximises it; y is ignored."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1, random_state=None) -> np.ndarray:
        """Draw new samples, from each chain with the same probability.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        X : ndarray of uint8, shape (n_samples, n_features)
        """
        check_is_fitted(self)
        if not (isinstance(n_samples, Integral) and n_samples >= 1):
            raise ValueError(f"n_samples must be a whole number of at least 1, not {n_samples!r}")
        rng = check_random_state(random_state)
        nothing = np.zeros((1, self.n_features_in_), bool)
        (draws,) = predict.posterior_predictive(
            self.latents_,
            nothing,
            observed=nothing,
            samples_per_chain=math.ceil(n_samples / len(self.latents_)),
            seed=_seed(rng),
        )
        return rng.permutation(draws)[:n_samples]

    def inpaint(self, X) -> np.ndarray:
        """Fill in missing features with their expectations, averaged over the chains.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n_samples, n_features)
            NaN where missing.

        Returns
        -------
        X : ndarray of float64, shape (n_samples, n_features)
            The probability of 1 where X is missing, elsewhere the binarized X.
        """
        x, observed = self._query(X)
        return predict.complete(self.latents_, x, observed)

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the columns of `transform`, such as "chain0_cluster3".

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        names : ndarray of str
            Each chain ends with its new cluster, "chain0_new".
        """
        check_is_fitted(self)
        names = [
            f"chain{latent.chain}_{name}"
            for latent in self.latents_
            for name in _cluster_names(latent)
        ]
        return np.array(names, dtype=object)

    def _sample(self, x: np.ndarray, **settings) -> list[Latent]:
        if self.n_sweeps != "auto":
            return sampler.sample(x, sweeps=cast(int, self.n_sweeps), **settings)
        from bitmix.automatic.until import sample_until_mixed  # slow to import

        latents, self.diagnosis_ = sample_until_mixed(x, **settings)
        return latents

    @property
    def class_profiles_(self) -> pd.DataFrame:
        """The clusters that most chains have, a row each; see `bitmix.classes.class_table`."""
        from bitmix import classes  # imports pandas, which is slow

        check_is_fitted(self)
        found = classes.find_classes(self.latents_, *self._training)
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{feature}" for feature in range(self.n_features_in_)]
        return classes.class_table(found, classes.profiles(found), names)

    @property
    def _best(self) -> Latent:
        return self.latents_[self.best_chain_]

    def _query(self, X) -> tuple[Any, np.ndarray | None]:
        check_is_fitted(self)
        return self._as_binary(X, reset=False)

    def _as_binary(self, X, reset: bool) -> tuple[Any, np.ndarray | None]:
        """Return X as zeros and ones, and the mask of observed features, None if none is NaN."""
        if is_frame(X):
            X = frame_numbers(X)
        X = validate_data(self, X, reset=reset, ensure_all_finite="allow-nan", accept_sparse="csr")
        if is_sparse(X) and (has_nan(X) or (self.binarize is not None and self.binarize < 0)):
            X = X.toarray()  # the mask, or the zeros that become ones, would fill it anyway
        observed = ~np.isnan(X) if X.dtype.kind == "f" and not is_sparse(X) else None
        if self.binarize is not None:
            X = self.binarize < X
        return as_binary(X, observed)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def _cluster_names(latent: Latent) -> np.ndarray:
    names = [f"cluster{k}" for k in range(len(latent.sizes))]
    return np.array([*names, "new"], dtype=object)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
