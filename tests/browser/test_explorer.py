"""The explorer in Chromium: its arithmetic, and what mouse, touch and keyboard do."""

import base64
import re
import sys

import numpy as np
import pytest

import bitmix
from bitmix import explorer
from bitmix.explorer.script import module
from bitmix.predict.mixture import feature_means

pytestmark = pytest.mark.browser

SHAPE = 28, 28


@pytest.fixture(scope="session")
def digits(mnist):
    """Return 1,500 digits and three chains of them."""
    dataset = mnist.first(1500)
    return dataset, bitmix.sample(dataset.x, chains=3, seed=1, initial_clusters=40)


@pytest.fixture(scope="session")
def survey():
    """Return answers, some of them missing, with labels in words, and chains of them."""
    random = np.random.default_rng(1)
    kind = random.integers(3, size=400)
    p = random.beta(0.4, 0.4, (3, 12))
    x = (random.random((400, 12)) < p[kind]).astype(np.uint8)
    observed = random.random(x.shape) < 0.9
    words = np.array(["<b>gardeners", "commuters", "students"])
    dataset = bitmix.Dataset(x * observed, words[kind], None, observed)
    chains = bitmix.sample(
        dataset.x, observed=observed, chains=2, seed=2, sweeps=20, thin=2, partition_prior="mfm"
    )
    return dataset, chains


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens the explorer of some chains; nothing may go wrong meanwhile."""
    wrong, contexts = [], []

    def show(run, **options):
        explorer.write_page(tmp_path / "explore.html", *run, title="a <run>")
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        requested = []
        page.goto((tmp_path / "explore.html").as_uri())
        page.locator("#explorer[data-milliseconds]").wait_for()
        assert len(requested) == 1, requested
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


def settle(page):
    """Wait until the explorer has answered the last change."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")


def fact(page, name):
    return page.locator("dl div", has_text=name).locator("dd").first.inner_text()


def hidden(page):
    settle(page)
    return int(fact(page, "Hidden").split(" ")[0])


def said(page):
    """Return what a screen reader says of the pixel under the cursor."""
    settle(page)
    return page.locator(".image-editor [role=status]").inner_text()


# The arithmetic ---------------------------------------------------------------------------------


@pytest.fixture
def run_module(browser):
    """Return a function that calls a function of the explorer's module with its content."""
    page = browser.new_page()

    def run(run, script, argument):
        url = "data:text/javascript;base64," + base64.b64encode(module().encode()).decode()
        setup = "async ({ url, content, argument }) => { const module = await import(url);"
        body = f"const page = await module.load(content); return ({script})(module, page); }}"
        return page.evaluate(
            f"{setup} {body}",
            {"url": url, "content": explorer.content(*run), "argument": argument},
        )

    yield run
    page.close()


PREDICT = """({ predict }, page) => argument.map(({ x, seen }) => {
  const { p, mean, labels } = predict(page, Uint8Array.from(x), Uint8Array.from(seen));
  return { p: p.map((weights) => [...weights]), mean: [...mean], labels: [...labels] };
})"""


@pytest.mark.parametrize("name", ["digits", "survey"])
def test_the_arithmetic_is_that_of_complete(run_module, name, request):
    dataset, latents = request.getfixturevalue(name)
    random = np.random.default_rng(3)
    x = dataset.x[:100]
    share = np.linspace(0, 1, len(x))[:, None]  # from nothing seen to everything seen
    seen = random.random(x.shape) < share
    rows = [
        {"x": row.tolist(), "seen": mask.astype(int).tolist()}
        for row, mask in zip(x, seen, strict=True)
    ]
    answers = run_module((dataset, latents), PREDICT, rows)
    exact = {"rtol": 0, "atol": 1e-9}
    np.testing.assert_allclose(
        [answer["mean"] for answer in answers], bitmix.complete(latents, x, seen), **exact
    )
    labels, _ = bitmix.label_probabilities(latents, dataset.labels, x, seen)
    np.testing.assert_allclose([answer["labels"] for answer in answers], labels, **exact)
    for chain, latent in enumerate(latents):
        p = bitmix.responsibilities(latent, x, seen)
        np.testing.assert_allclose([answer["p"][chain] for answer in answers], p, **exact)


SAMPLE = """({ predict, sample }, page) => {
  const { x, seen } = argument, sums = new Float64Array(page.features);
  const [x8, seen8] = [Uint8Array.from(x), Uint8Array.from(seen)];
  const { p } = predict(page, x8, seen8);
  for (let seed = 0; seed < 4000; seed++) {
    sample(page.chains[0], p[0], x8, seen8, seed).forEach((value, d) => (sums[d] += value));
  }
  return [...sums];
}"""


def test_samples_have_the_expected_mean(run_module, digits):
    dataset, latents = digits
    x, seen = dataset.x[0], np.arange(784) < 392
    row = {"x": x.tolist(), "seen": seen.astype(int).tolist()}
    mean = np.array(run_module(digits, SAMPLE, row)) / 4000
    expected = bitmix.complete(latents[:1], x[None], seen)[0]
    np.testing.assert_array_equal(mean[seen], x[seen])
    error = np.sqrt(np.maximum(expected * (1 - expected), 1e-3) / 4000)
    assert np.abs((mean - expected) / error)[~seen].max() < 5


# The page ---------------------------------------------------------------------------------------


def grey(page, label, colour_0, colour_1):
    """Return the pixels of a canvas as shares between two colours, (784,)."""
    script = """(canvas) =>
      [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]"""
    data = page.get_by_label(label, exact=True).evaluate(script)
    red = np.reshape(data, (-1, 4))[:, 0]
    return (red - colour_0) / (colour_1 - colour_0)


def test_the_page_shows_the_completion(show, digits):
    dataset, latents = digits
    page = show(digits)
    seen = np.arange(784) < 392
    completed = bitmix.complete(latents, dataset.x[:1], seen)[0]
    shown = grey(page, "what the model expects", 0xCF, 0x08)
    np.testing.assert_allclose(shown[~seen], completed[~seen], atol=0.5 / (0xCF - 0x08) + 1e-9)
    assert fact(page, "expects to guess right") == f"{right(completed[~seen]):.0%}"
    labels, classes = bitmix.label_probabilities(latents, dataset.labels, dataset.x[:1], seen)
    best = labels[0].argmax()
    assert page.locator(".labels li").first.inner_text().split()[0] == str(classes[best])


def right(p):
    return np.maximum(p, 1 - p).mean()


def test_title_and_labels_are_text(show, survey):
    page = show(survey)
    assert page.get_by_role("heading", level=1).inner_text() == "Explore: a <run>"
    assert "<b>gardeners" in page.locator(".labels").inner_text()


def test_dragging_hides_a_rectangle_and_shows_it_again(show, digits):
    page = show(digits)
    page.get_by_role("button", name="Show all").click()
    assert hidden(page) == 0
    box = page.locator(".editor canvas").bounding_box()

    def drag():
        page.mouse.move(*pixel(box, 2, 3))
        page.mouse.down()
        page.mouse.move(*pixel(box, 20, 20))
        page.mouse.move(*pixel(box, 5, 9))  # back: only the last rectangle counts
        page.mouse.up()

    drag()
    assert hidden(page) == 4 * 7
    cursor = page.locator(".cursor").bounding_box()
    assert cursor["width"] == pytest.approx(box["width"] / SHAPE[1], abs=1)
    page.get_by_role("radio", name="Show", exact=True).check(force=True)
    drag()
    assert hidden(page) == 0


def pixel(box, row, column):
    """Return the middle of a pixel on the screen."""
    side = box["width"] / SHAPE[1]
    return box["x"] + (column + 0.5) * side, box["y"] + (row + 0.5) * side


def test_drawing_a_digit(show, digits):
    _, latents = digits
    page = show(digits)
    page.get_by_role("button", name="New drawing").click()
    box = page.locator(".editor canvas").bounding_box()
    page.mouse.move(*pixel(box, 5, 9))
    page.mouse.down()
    for row, column in [(5, 18), (13, 14), (22, 9), (22, 20)]:
        page.mouse.move(*pixel(box, row, column))
    page.mouse.up()
    settle(page)
    ink = grey(page, "what the model expects", 0xFF, 0x16).round().astype(int).reshape(SHAPE)
    assert ink[5, 9:19].all() and ink[22, 9:21].all()
    assert 60 < ink.sum() < 160
    best = max(bitmix.responsibilities(latent, ink.reshape(1, -1)).max() for latent in latents)
    tiles = page.get_by_role("group", name="responsible clusters").get_by_role("button")
    assert tiles.first.inner_text().startswith(percent(best / len(latents)))


def test_the_keyboard_does_everything_to_an_image(show, digits):
    page = show(digits)
    page.get_by_role("button", name="Show all").press("Enter")
    page.locator(".editor").focus()
    page.keyboard.press("ArrowUp")  # from row 15, column 15
    for _ in range(2):
        page.keyboard.press("Shift+ArrowDown")
    page.keyboard.up("Shift")
    assert hidden(page) == 3
    assert said(page).startswith("row 16, column 15: hidden, ")
    page.keyboard.press("s")
    page.keyboard.press("Space")
    assert hidden(page) == 2
    page.keyboard.press("d")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert said(page) == "row 15, column 15: on"


def test_arrow_keys_move_in_a_strip(show, digits):
    page = show(digits)
    picks = page.get_by_role("group", name="rows to pick").get_by_role("button")
    picks.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert hidden(page) == 0
    assert picks.nth(1).evaluate("(button) => button === document.activeElement")
    assert picks.nth(0).get_attribute("tabindex") == "-1"


def test_touch_hides_a_part(show, digits):
    page = show(digits, has_touch=True, viewport={"width": 390, "height": 800})
    page.get_by_role("button", name="Show all").tap()
    page.locator(".editor").scroll_into_view_if_needed()
    box = page.locator(".editor canvas").bounding_box()
    session = page.context.new_cdp_session(page)
    for kind, place in [("Start", (4, 4)), ("Move", (6, 8)), ("Move", (8, 13)), ("End", None)]:
        x, y = pixel(box, *place) if place else (0, 0)
        points = [{"x": x, "y": y}] if place else []
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert hidden(page) == 5 * 10


def test_a_narrow_page_has_no_horizontal_scrolling(show, digits, survey):
    for run in (digits, survey):
        page = show(run, viewport={"width": 360, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360


def test_a_cluster_shows_its_size_its_labels_and_its_members(show, digits):
    dataset, latents = digits
    page = show(digits)
    page.get_by_role("group", name="responsible clusters").get_by_role("button").first.click()
    heading = page.locator(".detail h3")
    assert heading.evaluate("(element) => element === document.activeElement")
    cluster, chain = map(int, re.findall(r"\d+", heading.inner_text()))
    latent = latents[chain]
    assert f"{latent.sizes[cluster]} rows" in page.locator(".detail").inner_text()
    mean = grey(page, f"the mean of cluster {cluster} of chain {chain}", 0xFF, 0x16)
    np.testing.assert_allclose(mean, feature_means(latent)[cluster], atol=0.5 / (0xFF - 0x16))
    members = page.get_by_role("group", name="members of").get_by_role("button")
    rows = [
        int(re.search(r"row ([\d,]+)", name)[1].replace(",", ""))
        for name in members.evaluate_all("(all) => all.map((one) => one.ariaLabel)")
    ]
    assert rows == np.flatnonzero(latent.assignments == cluster)[: len(rows)].tolist()
    members.first.click()
    assert hidden(page) == 0
    shown = grey(page, "what the model expects", 0xFF, 0x16)
    np.testing.assert_array_equal(shown, dataset.x[rows[0]])


def test_the_slider_steps_through_the_sweeps(show, digits):
    _, latents = digits
    page = show(digits)
    slider = page.get_by_role("slider", name="sweep")
    said = page.locator("section", has=slider).locator("[role=status]")
    trace = latents[0].trace
    for sweep in (4, 3, 2, 1):
        slider.press("ArrowLeft")
        clusters, log_joint = trace["clusters"][sweep - 1], trace["log_joint"][sweep - 1]
        assert said.inner_text().startswith(f"Sweep {sweep}: {clusters} clusters, ")
        assert f"Log joint {log_joint:,.0f} nats" in said.inner_text()
        tiles = page.get_by_role("group", name="the clusters of chain 0").get_by_role("button")
        assert tiles.count() == clusters
    slider.press("ArrowLeft")
    assert said.inner_text().startswith("The start: 40 clusters, ")


def test_switches_have_three_states(show, survey):
    _dataset, latents = survey
    page = show(survey)
    page.get_by_role("button", name="All unknown").click()
    assert hidden(page) == 12
    switch = page.get_by_role("radiogroup", name="feature 3", exact=True)
    switch.get_by_role("radio", name="unknown").focus()
    page.keyboard.press("ArrowLeft")
    assert hidden(page) == 11
    x, seen = np.zeros((1, 12), np.uint8), np.arange(12) == 2
    off = bitmix.complete(latents, x, seen)[0]
    numbers = page.locator(".switches .number")
    assert numbers.nth(2).inner_text() == ""
    assert numbers.nth(3).inner_text() == percent(off[3])
    page.keyboard.press("ArrowLeft")
    settle(page)
    on = bitmix.complete(latents, x + 1, seen)[0]
    assert numbers.nth(3).inner_text() == percent(on[3]) != percent(off[3])


def test_many_features_are_searched_for(show):
    random = np.random.default_rng(0)
    dataset = bitmix.Dataset((random.random((60, 250)) < 0.5).astype(np.uint8))
    page = show((dataset, bitmix.sample(dataset.x, chains=1, initial_clusters=5)))
    switches = page.locator(".switches li")
    assert switches.count() == 200
    assert "50 more features: type" in page.locator("main").inner_text()
    page.get_by_role("searchbox", name="Find a feature").fill("RE 24")
    settle(page)
    assert switches.count() == 11  # 24, 240 to 249
    switches.last.get_by_role("radio", name="on").check(force=True)
    assert hidden(page) == 124


def test_the_page_says_what_is_left_out(show, digits, monkeypatch):
    _, latents = digits
    monkeypatch.setattr(sys.modules["bitmix.explorer.content"], "CELLS", 3 * 784 * 5)
    clusters = sum(len(latent.sizes) - 5 for latent in latents)
    rows = sum(np.sort(latent.sizes)[:-5].sum() for latent in latents)
    text = show(digits).locator("main > p").last.inner_text()
    assert f"{clusters} small clusters with {rows / 4500:.0%} of the rows did not fit" in text


def percent(p):
    return f"{p:.1%}" if 0 < p < 0.0995 else f"{p:.0%}"


def test_the_dark_theme_is_dark(show, digits):
    dataset, _ = digits
    page = show(digits, color_scheme="dark")
    assert (
        page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    )
    shown = grey(page, "what the model expects", 0x0C, 0xF4)
    np.testing.assert_array_equal(shown[:392], dataset.x[0, :392])


def test_how_long_an_answer_takes(show, digits, capsys):
    """Print it. Timings depend on the machine, so nothing is compared."""
    page = show(digits)
    times = []
    for name in ["Hide all", "Show all", "Hide lower half"] * 5:
        page.get_by_role("button", name=name).click()
        settle(page)
        times.append(float(page.locator("#explorer").get_attribute("data-milliseconds")))
    with capsys.disabled():
        print(f"\nan answer of {len(digits[1])} chains: {np.median(times):.0f} ms")
    assert len(times) == 15
