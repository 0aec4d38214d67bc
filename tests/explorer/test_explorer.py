"""The content of the explorer, its page and its widget."""

import base64
import gzip
import json
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import bitmix
from bitmix import explorer
from bitmix.explorer import steps as steps_module
from bitmix.explorer.packing import pack, pack_bits
from bitmix.predict import Mixture

content_module = sys.modules["bitmix.explorer.content"]  # the function has the same name


@pytest.fixture(scope="module")
def digits(mnist):
    dataset = mnist.first(600)
    return dataset, bitmix.sample(dataset.x, chains=2, seed=1, initial_clusters=30)


def unpack(packed, *shape):
    data = gzip.decompress(base64.b64decode(packed["gzip"]))
    return np.frombuffer(data, packed["type"]).reshape(shape)


def test_packed_arrays_keep_their_values():
    for array in (
        np.arange(300),
        np.array([[0, 1]], bool),
        np.array([0.1, 2.5]),
        np.array([], int),
    ):
        packed = pack(array)
        np.testing.assert_array_equal(unpack(packed, *array.shape), array)
    assert [pack(np.array([n]))["type"] for n in (255, 256, 65536)] == ["uint8", "uint16", "uint32"]


def test_packed_bits_begin_each_row_with_a_byte():
    bits = np.array([[1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0, 0, 0]])
    assert unpack(pack_bits(bits), 2, 2).tolist() == [[1, 1], [2, 0]]


def test_content_is_json_and_the_same_each_time(digits):
    first, second = (json.dumps(explorer.content(*digits)) for _ in range(2))
    assert first == second


def test_content_has_what_the_mixture_has(digits):
    dataset, latents = digits
    shown = explorer.content(dataset, latents, "some digits")
    assert (shown["title"], shown["rows"], shown["features"]) == ("some digits", 600, 784)
    assert shown["imageShape"] == [28, 28]
    assert shown["classes"] == ["2", "3"]
    for chain, latent in zip(shown["chains"], latents, strict=True):
        clusters = len(latent.sizes)
        np.testing.assert_array_equal(unpack(chain["counts"], clusters, 784), latent.counts)
        np.testing.assert_array_equal(unpack(chain["alpha"], 784), latent.alpha)
        mixture = Mixture.of_latent(latent)
        np.testing.assert_array_equal(unpack(chain["weights"], clusters + 1), mixture.weights)
        assert chain["leftOut"] == {"clusters": 0, "rows": 0}


def test_members_are_rows_of_their_cluster(digits):
    dataset, latents = digits
    shown = explorer.content(dataset, latents)
    rows = unpack(shown["pool"]["row"], -1)
    np.testing.assert_array_equal(rows[: shown["pool"]["picks"]], np.arange(content_module.PICKS))
    bits = np.unpackbits(unpack(shown["pool"]["x"], -1, 98), axis=1, bitorder="little")
    np.testing.assert_array_equal(bits, dataset.x[rows])
    for chain, latent in zip(shown["chains"], latents, strict=True):
        members = unpack(chain["members"], len(latent.sizes), -1)
        for cluster, places in enumerate(members):
            expected = np.flatnonzero(latent.assignments == cluster)[: content_module.MEMBERS]
            np.testing.assert_array_equal(rows[places[places > 0].astype(int) - 1], expected)


def test_a_run_that_is_too_large_keeps_its_largest_clusters(digits, monkeypatch):
    _dataset, latents = digits
    monkeypatch.setattr(content_module, "CELLS", 2 * 784 * 5)
    for chain, latent in zip(explorer.content(*digits)["chains"], latents, strict=True):
        sizes = unpack(chain["sizes"], 5)
        assert sorted(sizes) == sorted(latent.sizes)[-5:]
        np.testing.assert_array_equal(sizes, latent.sizes[unpack(chain["clusters"], 5)])
        assert chain["leftOut"]["clusters"] == len(latent.sizes) - 5
        assert chain["leftOut"]["rows"] == 600 - sizes.sum()
        assert len(unpack(chain["weights"], -1)) == 6


def test_steps_are_those_of_the_chain(digits):
    _dataset, latents = digits
    states = explorer.content(*digits)["steps"]["states"]
    trace = latents[0].trace
    assert [state["sweep"] for state in states] == [0, 1, 2, 3, 4, 5]
    assert [state["logJoint"] for state in states[1:]] == trace["log_joint"].tolist()
    assert [state["clusters"] for state in states[1:]] == trace["clusters"].tolist()
    sizes = unpack(states[-1]["sizes"], -1)
    np.testing.assert_array_equal(sizes, latents[0].sizes)
    # the last state has places by size
    assert (np.diff(sizes[unpack(states[-1]["places"], -1).argsort()].astype(int)) <= 0).all()


def test_later_steps_are_the_kept_states(digits):
    dataset, _ = digits
    latent = bitmix.sample_chain(dataset.x, 0, sweeps=16, thin=3, initial_clusters=30)
    states = steps_module.steps(dataset, latent)["states"]
    assert [state["sweep"] for state in states] == [*range(11), 12, 15, 16]
    for state in states[1:]:
        assert state["logJoint"] == latent.trace["log_joint"][state["sweep"] - 1]


def test_a_chain_of_other_code_is_not_sampled_again(digits):
    dataset, latents = digits
    other = replace(latents[0], code_sha256="0" * 64)
    assert [state["sweep"] for state in steps_module.steps(dataset, other)["states"]] == [5]


def test_clusters_keep_their_places():
    def state(*assignments):
        z = np.array(assignments)
        return steps_module.Step(0, 0.0, z, np.bincount(z), np.zeros((z.max() + 1, 1)))

    before, after = state(2, 2, 2, 0, 0, 1), state(0, 0, 0, 1, 1, 1)
    places = steps_module._places([before, after])
    assert [place.tolist() for place in places] == [[1, 2, 0], [0, 1]]


def test_missing_features_and_no_labels():
    random = np.random.default_rng(0)
    observed = random.random((50, 9)) < 0.8
    x = (random.random((50, 9)) < 0.5).astype(np.uint8) * observed
    dataset = bitmix.Dataset(x, observed=observed)
    latents = bitmix.sample(x, observed=observed, chains=1, initial_clusters=4)
    shown = explorer.content(dataset, latents)
    assert shown["classes"] == [] and shown["imageShape"] is None
    assert shown["chains"][0]["shares"] is None
    counted = unpack(shown["chains"][0]["observed"], -1, 9)
    np.testing.assert_array_equal(counted, latents[0].observed)
    bits = np.unpackbits(unpack(shown["pool"]["observed"], -1, 2), axis=1, bitorder="little")
    rows = unpack(shown["pool"]["row"], -1)
    np.testing.assert_array_equal(bits[:, :9], observed[rows])


def test_features_keep_their_names():
    x = np.eye(4, 3, dtype=np.uint8)
    dataset = bitmix.Dataset(x)
    latents = bitmix.sample(x, chains=1, initial_clusters=2)
    assert explorer.content(dataset, latents)["names"] is None
    object.__setattr__(dataset, "feature_names", ("a bicycle", "a car", "a pet"))
    assert explorer.content(dataset, latents)["names"] == ["a bicycle", "a car", "a pet"]


def test_clusters_find_partners_by_the_rows_they_share():
    shared = np.array([[5, 4], [6, 0], [0, 0]])
    assert steps_module._partners(shared).tolist() == [1, 0, -1]


def test_rows_of_another_run_are_refused(digits):
    dataset, latents = digits
    with pytest.raises(ValueError, match="chain 0 was sampled from other rows"):
        explorer.content(dataset.first(599), latents)
    with pytest.raises(ValueError, match="at least one Latent"):
        explorer.content(dataset, [])


def test_the_page_loads_nothing_and_names_cannot_end_its_script(digits, tmp_path):
    file = tmp_path / "explore.html"
    explorer.write_page(file, *digits, title="</script><b>")
    text = file.read_text()
    assert "default-src 'none'" in text
    assert not re.search(r"https?://|\bimport\b", text)
    assert text.count("</script>") == 2
    assert "<title>&lt;/script&gt;&lt;b&gt; - bitmix explorer</title>" in text
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', text)[1]
    assert json.loads(found) == explorer.content(*digits, "</script><b>")


def test_the_widget_has_the_same_content(digits):
    widget = explorer.Explorer(*digits, "digits")
    assert widget.content == explorer.content(*digits, "digits")
    assert "export default { render };" in widget._esm
    assert ".bitmix-explorer" in widget._css
