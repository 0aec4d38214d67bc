"""The evaluation: its split, its scores compared with the queries of `bitmix`, other models."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import bitmix
from bitmix import evaluation, figures, study
from bitmix.data import Dataset
from bitmix.evaluation import models, scores
from bitmix.io import read_sealed_json
from bitmix.predict import Mixture

CHAINS = {"initial_clusters": 15, "sweeps": 4, "seed": 3}
SETTINGS = CHAINS | {"initial": "seeded", "moves": ("pixel_priors", "assign")}


@pytest.fixture(scope="module")
def task(mnist):
    train, held_out = mnist.take(slice(300)), mnist.take(slice(300, 400))
    return evaluation.Task(train, held_out, study.top_half(mnist.image_shape))


@pytest.fixture(scope="module")
def latents(task):
    return bitmix.sample(task.train.x, chains=3, progress=False, **SETTINGS)


@pytest.fixture(scope="module")
def evaluated(task):
    members = evaluation.chains(task.train.x, 3, **CHAINS)
    return evaluation.evaluate(task, "bitmix", members, report=[1])


# The task


def test_the_split_is_that_of_the_reference_figures(mnist):
    ordered = evaluation.unshuffle(mnist, seed=0)
    np.testing.assert_array_equal(ordered.x, bitmix.load_mnist().x)
    order = np.random.RandomState(0).permutation(14131)
    train, held_out = evaluation.split(ordered, 10_000)
    np.testing.assert_array_equal(train.x, ordered.x[order[:10_000]])
    np.testing.assert_array_equal(held_out.x, ordered.x[order[10_000:]])
    np.testing.assert_array_equal(held_out.labels, ordered.labels[order[10_000:]])
    assert held_out.sha256.startswith("287ecbcd5cf3b297")


def test_a_split_of_seven_in_ten(mnist):
    train, held_out = evaluation.split(mnist.take(slice(20)), None)
    assert (len(train.x), len(held_out.x)) == (14, 6)


@pytest.mark.parametrize("train", [0, 20, 21])
def test_a_split_that_leaves_nothing(mnist, train):
    with pytest.raises(ValueError, match=f"train is {train}, but must be from 1 to 19"):
        evaluation.split(mnist.take(slice(20)), train)


def test_missing_features_are_refused():
    x, observed = np.zeros((4, 2), np.uint8), np.array([[True, False]] * 4)
    whole, holed = Dataset(x), Dataset(x, observed=observed)
    with pytest.raises(ValueError, match="needs complete rows"):
        evaluation.Task(whole, holed, np.array([True, False]))


# Scores


def test_densities_are_those_of_log_predictive(task, latents, evaluated):
    for row, used in zip(evaluated[0], (latents[:1], latents), strict=True):
        full = bitmix.log_predictive(used, task.held_out.x)
        seen = bitmix.log_predictive(used, task.held_out.x, task.observed)
        assert row["held_out"] == pytest.approx(full.mean(), rel=1e-12)
        assert row["missing"] == pytest.approx((full - seen).mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("attribute", "score", "chain_weights"),
    [("completions", "brier", "evidence"), ("completions_equal", "brier_equal", "equal")],
)
def test_completions_are_those_of_complete(
    task, latents, evaluated, attribute, score, chain_weights
):
    rows, average = evaluated
    expected = bitmix.complete(latents, task.held_out.x, task.observed, chain_weights=chain_weights)
    found = getattr(average, attribute)
    np.testing.assert_allclose(found, expected[:, ~task.observed], rtol=1e-7)
    errors = (expected - task.held_out.x)[:, ~task.observed]
    assert rows[-1][score] == pytest.approx((errors**2).mean())


def test_labels_are_those_of_label_probabilities(task, latents, evaluated):
    for score, mask in (("accuracy", None), ("accuracy_observed", task.observed)):
        probabilities, classes = bitmix.label_probabilities(
            latents, task.train.labels, task.held_out.x, mask, chain_weights="evidence"
        )
        right = classes[probabilities.argmax(axis=1)] == task.held_out.labels
        assert evaluated[0][-1][score] == pytest.approx(right.mean())


def test_agreement_is_the_mean_over_the_chains(task, latents, evaluated):
    measures = {"nmi": normalized_mutual_info_score, "ari": adjusted_rand_score}
    for score, measure in measures.items():
        values = [
            measure(
                task.held_out.labels,
                bitmix.responsibilities(latent, task.held_out.x).argmax(axis=1),
            )
            for latent in latents
        ]
        assert evaluated[0][-1][score] == pytest.approx(np.mean(values))


def test_rows_tell_how_many_and_how_long(latents, evaluated):
    first, last = evaluated[0]
    assert (first["members"], last["members"]) == (1, 3)
    assert last["clusters"] == sum(len(latent.sizes) + 1 for latent in latents)
    assert last["cpu_seconds"] >= first["cpu_seconds"] >= 0


def test_a_row_is_not_given_twice(task):
    rows, _ = evaluation.evaluate(task, "m", evaluation.independent_features(task.train.x), [1])
    assert [row["members"] for row in rows] == [1]


def test_members_come_one_by_one(task):
    """Each member is scored before the next is made, so any number fits in memory."""
    scored = []

    class Watched(evaluation.Average):
        def add(self, mixture):
            super().add(mixture)
            scored.append(self.members)

    def members():
        for number in range(3):
            assert len(scored) == number
            yield from evaluation.independent_features(task.train.x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "Average", Watched)
        evaluation.evaluate(task, "m", members())
    assert scored == [1, 2, 3]


def test_a_feature_of_which_the_prior_rounds_to_certainty():
    mixture = Mixture(
        np.ones(1), np.array([[1.0, 1e-40]]), np.array([[1e-40, 1.0]]), np.zeros(1, int)
    )
    assert mixture.means.tolist() == [[1, 1e-40]]
    expected = np.log(1e-40)
    assert mixture.log_likelihood(np.array([[0.0, 0.0]])) == pytest.approx(expected)


def test_without_labels_there_are_no_scores_of_labels(task):
    bare = evaluation.Task(Dataset(task.train.x), Dataset(task.held_out.x), task.observed)
    (row,), _ = evaluation.evaluate(bare, "m", evaluation.independent_features(bare.train.x))
    assert {"held_out", "missing", "brier", "brier_equal"} == row.keys() & evaluation.SCORES.keys()


# Other models


def test_independent_pixels_are_bernoulli(task):
    (row,), average = evaluation.evaluate(task, "m", evaluation.independent_features(task.train.x))
    p = (task.train.x.sum(axis=0) + 0.1) / (300 + 0.2)
    x = task.held_out.x
    log_p = np.where(x, np.log(p), np.log(1 - p))
    assert row["held_out"] == pytest.approx(log_p.sum(axis=1).mean())
    assert row["missing"] == pytest.approx(log_p[:, ~task.observed].sum(axis=1).mean())
    np.testing.assert_allclose(average.completions[0], p[~task.observed])


def test_em_finds_two_kinds():
    rng = np.random.default_rng(0)
    kind = np.arange(400) % 4 == 0
    x = (rng.random((400, 60)) < np.where(kind[:, None], 0.9, 0.2)).astype(np.uint8)
    # All centres may come from one cluster. At least one of a few starts has better centres.
    fits = list(evaluation.expectation_maximisation(x, 2, fits=4, seed=1))
    best = max(fits, key=lambda fit: np.ptp(fit.means.mean(axis=1)))
    order = best.means[:, 0].argsort()
    np.testing.assert_allclose(best.weights[order], [0.75, 0.25], atol=0.01)
    np.testing.assert_allclose(best.means[order].mean(axis=1), [0.2, 0.9], atol=0.02)
    assert len({tuple(map(tuple, fit.on.round(3))) for fit in fits}) > 1  # own random streams


def test_em_never_loses_likelihood(task):
    x = task.train.x
    found = []
    for iterations in (1, 3, 10):
        (fit,) = evaluation.expectation_maximisation(x, 8, iterations=iterations)
        joint = np.log(fit.weights) + fit.log_likelihood(x.astype(float))
        prior = models.PSEUDOCOUNT * (np.log(fit.means) + np.log1p(-fit.means)).sum()
        prior += models.PSEUDOCOUNT * np.log(fit.weights).sum()
        found.append(np.logaddexp.reduce(joint, axis=1).sum() + prior)
    assert found == sorted(found)
    assert found[-1] > found[0] + 1


def test_stepmix_is_scored_as_it_scores_itself(task):
    from stepmix import StepMix

    (mixture,) = evaluation.stepmix(task.train.x, 3, seed=0)
    model = StepMix(3, measurement="binary", random_state=0, progress_bar=0).fit(task.train.x)
    weights, pis = (model.get_parameters()[key] for key in ("weights", "measurement"))
    np.testing.assert_allclose(mixture.weights, weights)
    np.testing.assert_allclose(mixture.means, pis["pis"], atol=models.STEPMIX_FLOOR)
    joint = np.log(mixture.weights) + mixture.log_likelihood(task.train.x.astype(float))
    found = np.logaddexp.reduce(joint, axis=1).mean()
    assert found == pytest.approx(model.score(task.train.x), abs=2)  # the floor changes the score
    assert (mixture.assignments == joint.argmax(axis=1)).mean() > 0.98


def test_neighbours_are_the_nearest_in_what_is_observed(task):
    seen = task.observed
    found = evaluation.neighbours(task, number=1)
    distances = (task.held_out.x[:, None, seen] != task.train.x[None, :, seen]).sum(axis=2)
    for completion, row in zip(found, distances, strict=True):
        nearest = task.train.x[row == row.min()][:, ~seen]
        assert (nearest == completion).all(axis=1).any()


def test_logistic_regression_learns_each_feature():
    """More outputs than a byte can count work too."""
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2, (300, 10), dtype=np.uint8)
    data = Dataset(np.hstack([inputs] * 14 + [1 - inputs] * 14))
    task = evaluation.Task(data, data.take(slice(50)), np.arange(280) < 10)
    completions = evaluation.logistic_regression(task, 400)
    errors = (completions - task.held_out.x[:, 10:]) ** 2
    assert errors.mean(axis=0).max() < 0.2  # chance is 0.25


def test_completions_are_scored_as_independent_features(task):
    truth = task.held_out.x[:, ~task.observed]
    row = evaluation.evaluate_completions(task, "m", lambda _: np.where(truth, 0.8, 0.1))
    on = truth.mean()
    assert row["brier"] == pytest.approx(0.04 * on + 0.01 * (1 - on))
    expected = truth.shape[1] * (on * np.log(0.8) + (1 - on) * np.log(0.9))
    assert row["missing"] == pytest.approx(expected)
    assert "missing" not in evaluation.evaluate_completions(task, "m", lambda _: 1.0 - truth)


# Calibration, and the file


def test_right_probabilities_are_on_the_diagonal(task):
    x = np.zeros((1000, 4), np.uint8)
    x[:700, 2] = x[:250, 3] = 1
    data = Dataset(x)
    task = evaluation.Task(data, data, np.array([True, True, False, False]))
    curve = evaluation.reliability(task, np.tile([0.7, 0.25], (1000, 1)))
    np.testing.assert_allclose(curve["predicted"], [0.25, 0.7])
    np.testing.assert_allclose(curve["on"], [0.25, 0.7])
    assert curve["pixels"] == [1000, 1000]
    certain = evaluation.reliability(task, x[:, 2:].astype(float))
    assert (certain["on"], certain["pixels"]) == ([0, 1], [1050, 950])


def test_the_file_and_its_table(tmp_path, task, evaluated):
    rows = [*evaluated[0], evaluation.evaluate_completions(task, "nn", evaluation.neighbours)]
    curve = evaluation.reliability(task, evaluated[1].completions)
    path = tmp_path / "evaluation.json"
    evaluation.write_evaluation(path, task, rows, rows[:1], {"bitmix": curve})
    written = read_sealed_json(path)
    assert written["models"] == rows
    assert written["data"]["held_out"] == {"sha256": task.held_out.sha256, "shape": [100, 784]}
    assert {"bitmix", "numpy", "scikit-learn", "stepmix"} <= written["versions"].keys()
    lines = evaluation.results_table(written).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(rows)
    assert f"{rows[0]['brier']:.4f}" in lines[2]
    assert [cell.strip() for cell in lines[-1].split("|")][1:4] == ["nn", "", ""]


# Figures


def test_scores_are_drawn_with_their_names():
    row = {"held_out": -9.0, "missing": -4.0, "brier": 0.1, "brier_equal": 0.09, "members": 1}
    rows = [{**row, "s": 1.0}, {**row, "s": 2.0, "members": 2, "brier_equal": 0.08}]
    point = {"model": "others", "s": 0.5, "brier": 0.2}
    figure = figures.scores({"bitmix": rows}, [point], by="s", label="x", title="A title")
    held_out, missing, brier = figure.axes
    assert [line.get_ydata().tolist() for line in held_out.lines] == [[-9, -9]]
    assert [line.get_ydata().tolist() for line in missing.lines] == [[-4, -4]]
    assert [list(line.get_ydata()) for line in brier.lines] == [[0.1, 0.1], [0.09, 0.08], [0.2]]
    assert all(line.get_xdata().tolist() == [1, 2] for line in held_out.lines + brier.lines[:2])
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["bitmix", "bitmix, plain average", "1  others"]


def test_reliability_is_drawn_with_its_pixels():
    curve = {"predicted": [0.2, 0.7], "on": [0.3, 0.6], "pixels": [50, 10]}
    above, below = figures.reliability({"a": curve, "b": curve}).axes
    assert [list(line.get_ydata()) for line in above.lines] == [[0, 1], [0.3, 0.6], [0.3, 0.6]]
    assert [list(line.get_ydata()) for line in below.lines] == [[50, 10]] * 2
