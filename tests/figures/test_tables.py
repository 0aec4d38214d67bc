"""Figures of rows that are no images, and of data, clusters and partitions."""

import numpy as np
import pytest
from shown import SHAPE, drawn

import bitmix
from bitmix import figures, partitions, study
from bitmix.data import Dataset
from bitmix.figures.consensus import (
    _companions,
    _weighted_means,
)
from bitmix.figures.data import _first, _shares, frequencies, rows
from bitmix.figures.parts import MOST_POINTS, block_means
from bitmix.partitions import consensus
from bitmix.predict import feature_means


def test_many_images_go_on_below(dataset):
    queries = dataset.take(slice(30))
    figure = figures.predictions(queries, study.top_half(SHAPE), queries.x, queries.x)
    places = [image.get_extent() for image in figure.axes[0].images]
    lefts, tops = {place[0] for place in places}, {place[3] for place in places}
    assert len(places) == len({(place[0], place[3]) for place in places}) == 120
    assert len(lefts) == 12
    assert len(tops) == 3 * 4
    few = queries.take(slice(8))
    few = figures.predictions(few, study.top_half(SHAPE), few.x, few.x)
    assert few.get_figwidth() < figure.get_figwidth() == 13


@pytest.mark.parametrize("scaled", [False, True])
def test_clusters_as_rows(latents, scaled):
    latent = latents[0]
    figure = figures.clusters(latent, None, scale_by_size=scaled)
    axes = figure.axes[0]
    (mesh,) = axes.collections
    order = np.argsort(-latent.sizes, kind="stable")
    np.testing.assert_allclose(mesh.get_array(), feature_means(latent)[order])
    heights = np.diff(mesh.get_coordinates()[:, 0, 1])
    np.testing.assert_array_equal(heights, latent.sizes[order] if scaled else 1)
    shown = [int(label.get_text()) for label in axes.get_yticklabels()]
    assert shown == latent.sizes[order].tolist()[: len(shown)]
    assert axes.yaxis_inverted()


def test_predictions_as_rows(dataset):
    known, observed = np.ones((3, 24), bool), np.arange(24) < 12
    known[1, 20] = False
    queries = Dataset(dataset.x[:3] * known, observed=known)
    guess = np.full(known.shape, 0.25)
    figure = figures.predictions(queries, observed, guess, guess / 2)
    seen, sampled, exact, truth = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_array_equal(np.ma.getmaskarray(seen), ~np.broadcast_to(observed, (3, 24)))
    np.testing.assert_array_equal(sampled, guess)
    np.testing.assert_array_equal(exact, guess / 2)
    np.testing.assert_array_equal(np.ma.getmaskarray(truth), ~known)
    assert "first half" in figure.get_suptitle()


def test_completions_as_rows(dataset):
    queries, observed = Dataset(dataset.x[:3]), np.arange(24) < 12
    by_chain, samples = np.full((2, 3, 24), 0.5), np.stack([queries.x, queries.x], axis=1)
    figure = figures.completions(queries, observed, by_chain, samples, title="A title")
    assert len(figure.axes) == 7
    assert figure.get_suptitle() == "A title"


def test_rows_without_image_shape(dataset):
    shown = drawn(rows(dataset.x[:5], "t"))
    np.testing.assert_array_equal(shown, dataset.x[:5])


def test_frequencies_as_image_and_as_bars():
    shares = np.linspace(0, 1, 24)
    mesh = frequencies(shares, SHAPE, "t").axes[0].collections[0]
    np.testing.assert_array_equal(mesh.get_array().ravel(), shares)
    assert mesh.get_clim() == (0, 1)
    (bars,) = frequencies(shares, None, "t").axes[0].patches
    np.testing.assert_array_equal(bars.get_data().values, shares)


def test_means_of_many_sweeps():
    sweeps, means = block_means(np.arange(1001.0))
    assert len(means) == 200 <= MOST_POINTS  # blocks of 5; the last value does not fill one
    assert (sweeps[0], means[0]) == (3.0, 2.0)
    assert (sweeps[-1], means[-1]) == (998.0, 997.0)
    few = block_means(np.array([4.0, 5.0]))
    assert [list(values) for values in few] == [[1, 2], [4, 5]]


# Of domain objects -------------------------------------------------------------------------------


@pytest.fixture
def incomplete(dataset):
    """Return the data without labels and image shape; features are missing, the last always."""
    observed = np.arange(90 * 24).reshape(90, 24) % 7 > 0
    observed[:, -1] = False
    return Dataset(dataset.x * observed, observed=observed)


@pytest.fixture(scope="module")
def assignments():
    return np.array([np.arange(90) % 3, np.arange(90) % 2, np.arange(90) % 3])


@pytest.mark.parametrize("complete", [True, False])
def test_every_figure_has_a_title_and_says_numbers(dataset, incomplete, assignments, complete):
    data = dataset if complete else incomplete
    latents = bitmix.sample(data.x, observed=data.observed, chains=2, sweeps=9, progress=False)
    diagnosis = bitmix.diagnose(latents, data.x, data.observed)
    found = consensus(assignments)
    drawn = [
        figures.example(data, None),
        figures.binary(data),
        figures.traces(latents),
        figures.clusters(latents[0], data.image_shape),
        figures.clusters(latents[0], data.image_shape, scale_by_size=True),
        figures.diagnosis_traces(latents, diagnosis),
        figures.ranks(diagnosis.draws(), diagnosis.verdict),
        figures.consensus(data, found),
        figures.coclustering(assignments, found),
        figures.certainty(data, assignments, found),
    ]
    for figure in drawn:
        titles = [figure.get_suptitle(), *(axes.get_title(loc="left") for axes in figure.axes)]
        texts = [text.get_text() for text in figure.texts]
        texts += [text.get_text() for axes in figure.axes for text in axes.texts]
        assert any(titles) or any(len(text.split()) > 2 for text in texts)
        assert len(figure.alt.split()) > 6
        assert not figure.alt[0].islower() and figure.alt.endswith(".")


def test_a_row_is_an_image_only_if_it_has_a_shape(dataset):
    assert _first(dataset) == "An image labelled 0"
    assert _first(Dataset(dataset.x)) == "A row"


def test_shares_are_of_the_features_observed(dataset, incomplete):
    np.testing.assert_allclose(_shares(dataset), dataset.x.mean(axis=0))
    expected = np.append(np.nanmean(incomplete.values[:, :-1], axis=0), np.nan)
    np.testing.assert_allclose(_shares(incomplete), expected)


def test_means_of_clusters_are_the_shares_in_them(dataset, incomplete, assignments):
    for data in (dataset, incomplete):
        means = _weighted_means(data, np.arange(2)[:, None] == assignments[0])
        for cluster in range(2):
            expected = _shares(data.take(assignments[0] == cluster))
            np.testing.assert_allclose(means[cluster], expected, rtol=1e-6)


def test_companions_are_weighted_by_how_often_they_share_a_cluster(dataset, incomplete):
    partitions = np.array([np.arange(90) % 3, np.arange(90) % 2, np.arange(90)])
    for data in (dataset, incomplete):
        (found,) = _companions(data, partitions, np.array([4]))
        together = (partitions == partitions[:, [4]]).sum(axis=0)
        others = np.repeat(np.arange(90), np.where(np.arange(90) == 4, 0, together))
        np.testing.assert_allclose(found, _shares(data.take(others)), rtol=1e-6)
    assert np.isnan(_companions(dataset, partitions[2:], np.array([4]))).all()


# Densities ---------------------------------------------------------------------------------------


def test_densities_by_seconds():
    def result(*tests):
        curve = [{"seconds": 2.0 * i + 1, "test": test} for i, test in enumerate(tests)]
        return {"test": tests[-1], "curve": curve}

    sets = {
        name: {"averages": {"independent": result(-8.0, -7.5), "trees": result(-7.0, -6.5)},
               "best": "trees"}
        for name in ("plants", "dna")
    }  # fmt: skip
    published = {"Old": {"plants": -9.0}, "New": {"plants": -7.25}}
    figure = figures.densities(sets, published)
    plants, dna = figure.axes
    four = figures.densities({str(i): sets["dna"] for i in range(4)}, {})
    assert [axes.axison for axes in four.axes] == 4 * [True] + 2 * [False]
    lines = [line.get_xydata().tolist() for line in plants.lines]
    assert lines[:2] == [[[1, -8], [3, -7.5]], [[1, -7], [3, -6.5]]]
    assert [line[0][1] for line in lines[2:]] == [-9, -7.25]
    assert len(dna.lines) == 2  # nothing is published
    assert [text.get_text() for text in plants.texts] == ["New -7.25"]
    assert "plants -6.50; dna -6.50" in figure.alt


# Names of features -------------------------------------------------------------------------------


def test_features_have_their_names_if_they_are_not_too_many():
    x = np.random.default_rng(0).integers(0, 2, (20, 4), np.uint8)
    names = ("smokes", "drinks", "walks", "a question that is asked in very many words")
    for draw in (lambda data: figures.example(data, None), figures.binary):
        (axes,) = draw(Dataset(x, feature_names=names)).axes
        shown = [label.get_text() for label in axes.get_xticklabels()]
        assert shown == [*names[:3], "a question that is asked in v…"]
        (axes,) = draw(Dataset(np.tile(x, 20), feature_names=map(str, range(80)))).axes
        assert axes.get_xlabel() == "feature"


def test_clusters_have_the_names_of_the_features(latents):
    names = [f"f{d}" for d in range(24)]
    figure = figures.clusters(latents[0], None, names)
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == names


def test_rows_have_their_ids(dataset, assignments):
    ids = np.array([f"person {i}" for i in range(90)])
    data = Dataset(dataset.x, row_ids=ids)
    (axes,) = figures.binary(data).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ids[:40].tolist()
    found = consensus(assignments)
    most, least = partitions.extremes(found)
    certain, companions, uncertain, _ = figures.certainty(data, assignments, found).axes
    for axes, shown in ((certain, most), (uncertain, least)):
        assert [label.get_text() for label in axes.get_yticklabels()] == ids[shown].tolist()
    assert len(companions.get_yticklabels()) == 0
