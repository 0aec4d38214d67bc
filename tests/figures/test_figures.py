"""The figures: what they show, and how they are saved."""

import base64

import numpy as np
import pytest
from PIL import Image
from shown import SHAPE, drawn

import bitmix
from bitmix import figures, study
from bitmix.data import Dataset
from bitmix.figures.chains import shrink
from bitmix.figures.consensus import (
    certain_rows,
    coclustering_blocks,
    consensus_clusters,
)
from bitmix.figures.data import binary_image, grey_image
from bitmix.predict import feature_means


def images_of(figure, panels):
    """Return the images of a grid as a masked array, shape (panels, M, rows, columns)."""
    (axes,) = figure.axes
    arrays = [image.get_array() for image in axes.images]
    return np.ma.stack(arrays).reshape(panels, -1, *arrays[0].shape)


def test_files(tmp_path, dataset):
    figure = binary_image(dataset.x[0], SHAPE, "What it shows, in an écriture")
    figures.save(figure, tmp_path, "sub/digit")
    shown = "What it shows, in an écriture: on is black, off white, missing blue."
    names = sorted(path.name for path in (tmp_path / "sub").iterdir())
    assert names == ["digit.alt.txt", "digit.png", "digit.svg"]
    alt = (tmp_path / "sub/digit.alt.txt").read_text(encoding="utf-8")
    assert alt == f"{shown}\n"
    with Image.open(tmp_path / "sub/digit.png") as image:
        assert image.info["Description"] == shown
        assert image.size == (720, 760)
    assert "What it shows" in (tmp_path / "sub/digit.svg").read_text(encoding="utf-8")


@pytest.fixture
def displayed(monkeypatch):
    """Return the list of what a notebook would display: data and metadata."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, metadata, raw: shown.append((data, metadata))
    )
    return shown


def test_show_displays_the_file_that_it_writes(tmp_path, displayed, dataset):
    figure = figures.binary(dataset)
    figures.show(figure, tmp_path, "sub/digit")
    ((data, metadata),) = displayed
    assert base64.b64decode(data["image/png"]) == (tmp_path / "sub/digit.png").read_bytes()
    assert data["text/plain"] == figure.alt == metadata["image/png"]["alt"]
    assert metadata["image/png"]["width"] == 360  # of 720 pixels
    assert figure._repr_mimebundle_() == (data, metadata)
    assert (tmp_path / "sub/digit.svg").exists()


def test_show_without_a_folder_writes_nothing(tmp_path, monkeypatch, displayed, dataset):
    monkeypatch.chdir(tmp_path)
    figures.show(figures.binary(dataset))
    assert len(displayed) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_same_figure_gives_the_same_files(tmp_path, latents):
    for folder in ("a", "b"):
        figures.save(figures.traces(latents), tmp_path / folder, "trace")
    for name in ("trace.png", "trace.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_binary_image_shows_the_pixels(dataset):
    shown = drawn(binary_image(dataset.x[0], SHAPE, "t"))
    np.testing.assert_array_equal(shown, dataset.x[0].reshape(SHAPE))


def test_clusters_show_the_means_largest_first(latents):
    latent = latents[0]
    figure = figures.clusters(latent, SHAPE)
    canvas = drawn(figure)
    largest = latent.sizes.argmax()
    np.testing.assert_allclose(canvas[:6, :4], feature_means(latent)[largest].reshape(SHAPE))
    numbers = [text.get_text() for text in figure.axes[0].texts[:-1]]
    assert [int(number) for number in numbers] == sorted(latent.sizes.tolist(), reverse=True)
    assert f"{len(latent.sizes)} clusters" in figure.axes[0].texts[-1].get_text()


@pytest.mark.parametrize("shape", [SHAPE, None])
def test_clusters_left_out_are_counted(latents, monkeypatch, shape):
    latent = latents[0]
    monkeypatch.setattr(figures.chains, "MOST_CLUSTERS", 2)
    figure = figures.clusters(latent, shape)
    share = np.sort(latent.sizes)[-2:].sum() / latent.sizes.sum()
    left_out = f"the largest 2 of {len(latent.sizes)} clusters, {share:.1%} of"
    axes = figure.axes[0]
    title = axes.get_title(loc="left") if shape is None else axes.texts[-1].get_text()
    assert left_out in title and left_out in figure.alt
    assert len(latent.sizes) > 2
    if shape is not None:
        assert len(axes.texts) == 3  # two captions and the title


def test_clusters_have_twelve_a_row(latents):
    latent = latents[0]
    heights = {
        text.get_position()[1] for text in figures.clusters(latent, SHAPE).axes[0].texts[:-1]
    }
    assert len(heights) == -(-len(latent.sizes) // 12)


def test_scaled_clusters_keep_the_largest(latents):
    plain = drawn(figures.clusters(latents[0], SHAPE))
    scaled = drawn(figures.clusters(latents[0], SHAPE, scale_by_size=True))
    assert plain.shape == scaled.shape
    np.testing.assert_allclose(scaled[:6, :4], plain[:6, :4], rtol=1e-6)
    assert scaled.sum() < plain.sum()


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.3, 1e-9])
def test_shrink_centres_and_keeps_the_mean(scale):
    image = np.full((28, 20), 0.5)
    small = shrink(image, scale)
    height, width = max(1, round(28 * scale)), max(1, round(20 * scale))
    assert small.shape == (28, 20)
    assert np.count_nonzero(small) == height * width
    assert small[small > 0] == pytest.approx(0.5)
    rows, columns = np.nonzero(small)
    assert abs(rows.mean() - 13.5) <= 0.5
    assert abs(columns.mean() - 9.5) <= 0.5


def test_traces_draw_every_sweep_of_every_chain(latents):
    left, right = figures.traces(latents).axes
    for axes, key in ((left, "log_joint"), (right, "clusters")):
        assert len(axes.lines) == len(latents)
        for line, latent in zip(axes.lines, latents, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            np.testing.assert_array_equal(line.get_ydata(), latent.trace[key])


def test_traces_are_named(latents):
    def legend(figure):
        return [text.get_text() for text in figure.axes[1].get_legend().get_texts()]

    assert legend(figures.traces(latents[:2])) == ["chain 0", "chain 1"]
    assert legend(figures.traces(latents[:2], names=["this", "that"])) == ["this", "that"]


def test_traces_can_be_told_apart_without_colour(latents):
    lines = figures.traces(latents).axes[0].lines
    looks = {(line.get_linestyle(), line.get_marker()) for line in lines}
    assert len(looks) == len(latents)


@pytest.mark.parametrize("warmup", [0, 1])
def test_traces_of_any_quantities(latents, warmup):
    quantities = {"entropy": "entropy", "largest": "largest cluster", "log_joint": "log joint"}
    figure = figures.traces(latents, quantities=quantities, warmup=warmup)
    assert len(figure.axes) == 3
    for axes, (name, label) in zip(figure.axes, quantities.items(), strict=True):
        assert axes.get_ylabel() == label
        for line, latent in zip(axes.lines, latents, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), latent.trace[name])
        spans = [patch.get_x() + patch.get_width() for patch in axes.patches]
        assert spans == [1.5] * warmup


def test_ranks_are_level_where_chains_agree():
    same = np.arange(12) % 4
    apart = np.array([[1, 2, 3, 3], [4, 5, 6, 7.0]])
    level, hills = figures.ranks({"same": same.reshape(3, 4), "apart": apart}).axes
    assert [axes.get_title("left") for axes in (level, hills)] == ["same", "apart"]
    for line in level.lines:
        np.testing.assert_allclose(line.get_ydata(), 0, atol=1e-12)
    low, high, _ = (line.get_xydata() for line in hills.lines)
    np.testing.assert_allclose(low[:, 1], -high[:, 1], atol=1e-12)
    assert tuple(low[low[:, 1].argmax()]) == (0.5, 0.5)
    assert (low[0].tolist(), low[-1].tolist()) == ([0, 0], [1, 0])


def test_autocorrelations_are_drawn_by_lag():
    values = np.array([[1, 0.5, 0.2], [1, np.nan, np.nan]])
    (axes,) = figures.autocorrelations({"log joint": values}).axes
    _, *lines = axes.lines
    for line, chain in zip(lines, values, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [0, 1, 2])
        np.testing.assert_array_equal(line.get_ydata(), chain)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["chain 0", "chain 1"]


def test_nothing_to_compare_is_an_empty_figure(tmp_path):
    for i, figure in enumerate([figures.ranks({}), figures.autocorrelations({})]):
        assert figure.axes == []
        figures.save(figure, tmp_path, str(i))
        assert "nothing" in figure.alt


def test_predictions_are_above_the_truth(dataset):
    queries, observed = dataset.take(slice(3)), study.top_half(SHAPE)
    guess = np.full(queries.x.shape, 0.25)
    figure = figures.predictions(queries, observed, guess, guess / 2)
    grid = images_of(figure, 4)
    for column in range(3):
        seen, sampled, exact, truth = grid[:, column]
        np.testing.assert_array_equal(np.ma.getmaskarray(seen).ravel(), ~observed)
        assert sampled.min() == sampled.max() == 0.25
        assert exact.min() == exact.max() == 0.125
        np.testing.assert_array_equal(truth.ravel(), queries.x[column])


def test_responsible_clusters_come_with_their_probabilities(dataset, latents):
    queries, observed = dataset.take(slice(3)), study.top_half(SHAPE)
    figure = figures.responsible(latents[0], queries, observed, clusters=2)
    weights = bitmix.responsibilities(latents[0], queries.x, observed)
    grid = images_of(figure, 4)
    notes = [text.get_text() for text in figure.axes[0].texts]
    for column, row in enumerate(weights):
        best, second = np.argsort(-row, kind="stable")[:2]
        means = np.vstack([feature_means(latents[0]), prior_means(latents[0])])
        np.testing.assert_allclose(grid[1, column].ravel(), means[best])
        np.testing.assert_allclose(grid[2, column].ravel(), means[second])
        assert {f"{row[best]:.0%}", f"{row[second]:.0%}"} <= set(notes)
    bare = Dataset(queries.x)
    assert len(figures.responsible(latents[0], bare, observed, clusters=99).axes) == (
        2 + weights.shape[1]
    )


def prior_means(latent):
    return latent.alpha / (latent.alpha + latent.beta)


def test_completions_show_every_chain_and_sample(dataset):
    queries, observed = dataset.take(slice(3)), np.arange(72).reshape(3, 24) % 5 > 0
    by_chain = np.full((2, 3, 24), 0.25) + np.array([0, 0.5])[:, None, None]
    samples = np.stack([queries.x, 1 - queries.x], axis=1)
    figure = figures.completions(queries, observed, by_chain, samples, title="A title")
    grid = images_of(figure, 7)
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names == ["seen", "chain 0", "chain 1", "average", "sample 0", "sample 1", "truth"]
    for column, query in enumerate(queries.x):
        seen, *shown = (image.ravel() for image in grid[:, column])
        np.testing.assert_array_equal(np.ma.getmaskarray(seen), ~observed[column])
        expected = [np.full(24, 0.25), np.full(24, 0.75), np.full(24, 0.5), query, 1 - query, query]
        np.testing.assert_array_equal(shown, expected)


def test_the_heatmap_is_in_grey_levels():
    figure = grey_image(np.arange(24, dtype=np.uint8).reshape(SHAPE), "A title")
    assert figure.axes[0].get_title(loc="left") == "A title"
    assert figure.axes[0].collections[0].get_clim() == (0, 255)


# Of partitions ------------------------------------------------------------------------------------


def test_consensus_clusters_tell_size_and_certainty(dataset):
    sizes, certainty = np.array([1234, 7, 2]), np.array([0.496, 1, 0])
    figure = consensus_clusters(dataset.x[:3], sizes, certainty, SHAPE, "A title")
    np.testing.assert_array_equal(drawn(figure)[:6, :4], dataset.x[0].reshape(SHAPE))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1,234 · 50%", "7 · 100%", "2 · 0%", "A title"]
    rows = consensus_clusters(dataset.x[:3], sizes, certainty, None, "A title")
    assert [label.get_text() for label in rows.axes[0].get_yticklabels()] == texts[:3]


def test_coclustering_has_a_block_for_each_cluster():
    probabilities = np.linspace(0, 1, 36).reshape(6, 6)
    figure = coclustering_blocks(probabilities, np.array([0, 0, 0, 4, 4, 2]))
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), probabilities)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "4", "2"]
    np.testing.assert_array_equal(axes.get_xticks(), [1, 3.5, 5])
    assert sorted(line.get_ydata()[0] for line in axes.lines[:2]) == [2.5, 4.5]


def test_agreement_leaves_out_what_is_not_known():
    vi, ari = np.array([[np.nan, 1.25], [1.25, 0.5]]), np.array([[np.nan, 0.25], [0.25, 0.75]])
    left, right = figures.agreement(vi, ari).axes[:2]
    for axes, means in ((left, vi), (right, ari)):
        shown = axes.images[0].get_array()
        np.testing.assert_array_equal(np.ma.getmaskarray(shown), np.isnan(means))
        np.testing.assert_array_equal(shown.compressed(), means[~np.isnan(means)])
    assert [text.get_text() for text in left.texts] == ["1.25", "1.25", "0.50"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("chains", [1, 13])
def test_agreement_of_one_chain_and_of_many(tmp_path, chains):
    means = np.full((chains, chains), np.nan if chains == 1 else 0.5)
    figure = figures.agreement(means, means)
    assert not figure.axes[0].texts
    figures.save(figure, tmp_path, "agreement")
    assert f"{chains} chains" in figure.alt


def test_the_certain_are_above_the_uncertain(dataset):
    most, least = (dataset.x[:3], np.full((3, 24), 0.2)), (dataset.x[3:5], np.full((2, 24), 0.6))
    figure = certain_rows(most, least, None, "alt")
    panels = [axes.images[0].get_array() for axes in figure.axes]
    for panel, expected in zip(panels, (*most, *least), strict=True):
        np.testing.assert_array_equal(panel, expected)
    assert len(certain_rows(most, most, SHAPE, "alt").axes[0].images) == 12
