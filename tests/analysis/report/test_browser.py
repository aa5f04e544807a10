"""The report in a real browser: clicked, filtered, downloaded, read by axe, on a desk, on a phone, on paper."""

import os
import shutil

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from analysis.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(  # a failure in CI, which installs it
        not CHROMIUM and not os.environ.get("CI"), reason="needs chromium on the PATH"
    ),
]
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}
LOSSES = "[data-chart=loss-against-repeats]"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM or "/usr/bin/chromium", args=["--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, report):
    """Opens the report on a screen, in a scheme; afterwards, nothing may have gone wrong in it."""
    contexts, wrong = [], []

    def visit(screen="desktop", scheme="light"):
        width, height = SCREENS[screen]
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                reduced_motion="reduce",
            )
        )
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
        page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
        page.on(
            "request",
            lambda request: request.url.startswith("http") and wrong.append(request.url),
        )
        page.goto(report.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


def draw_all(page):
    """Every chart drawn, also those that nobody has scrolled to."""
    return page.evaluate(
        """() => document.querySelectorAll("[data-chart]").forEach(
            (element) => element.data || draw(element, chartOf(element.dataset.chart)))"""
    )


@pytest.mark.parametrize(("low", "high", "shown"), [(0.5, None, (0.45, 0.5)), (0, 1, (0, 0))])
def test_an_axis_shows_from_where_it_is_asked_and_no_more(opened, low, high, shown):
    """Accuracy from a half on, and not from nothing; what is asked from 0 on begins there."""
    begin, end = opened().evaluate(
        """async ([low, high]) => {
            const element = document.body.appendChild(document.createElement("div"));
            const y = axis({ label: "", log: false, counts: false, low, high });
            await Plotly.newPlot(element, [{ y: [0.6, 0.7] }], { yaxis: y });
            return element._fullLayout.yaxis.range;
        }""",
        [low, high],
    )
    assert shown[0] <= begin <= shown[1] and end >= (high or 0.7)


@pytest.mark.parametrize(
    ("ends", "log", "shown"),
    [
        ((0.0001, 0.1), True, ["10−4", "10−3", "10−2", "10−1"]),
        ((0.0001, 0.0003), False, ["0.0001", "0.00015", "0.0002", "0.00025", "0.0003"]),
        ((10, 10_000), True, ["10", "100", "1000", "10k"]),
    ],
)
def test_an_axis_is_marked_in_numbers_without_units(opened, ends, log, shown):
    """No 100μ for a share of 0.0001, which is how plotly writes it."""
    marks = opened().evaluate(
        """async ([ends, log]) => {
            const element = document.body.appendChild(document.createElement("div"));
            const y = axis({ label: "", log, counts: false, low: null, high: null }, ends);
            await Plotly.newPlot(element, [{ y: ends }], { yaxis: { ...y, range: ends.map((e) => log ? Math.log10(e) : e) } });
            return [...element.querySelectorAll(".ytick text")].map((text) => text.textContent);
        }""",
        [ends, log],
    )
    assert [mark.replace("\u200b", "") for mark in marks] == shown


def measured(page, chart=LOSSES):
    """The solid lines of a chart: name -> y."""
    lines = page.evaluate(
        f"""() => document.querySelector("{chart}").data
            .filter((t) => t.line.dash === "solid" && t.mode === "lines+markers")
            .map((t) => [t.name, Array.from(t.y)])"""
    )
    return dict(lines)


def choose(page, label, value):
    page.locator(".filters").get_by_label(label).select_option(value)


def rows(page):
    return page.locator("#run-rows tr:visible").count()


@pytest.fixture(scope="module")
def results(report):
    return pd.read_parquet(report.parent.parent / "results.parquet")


def test_losses_of_one_fraction_are_on_one_scale_and_sizes_of_all_panels_in_order(
    browser, tables, tmp_path
):
    results, curves = tables(sizes=(24_576, 98_304), fractions=(0.1, 0.5), seeds=(0,))
    decayed = results.assign(weight_decay=1.0, run_id="decayed-" + results.run_id)
    first = results[(results.repeated_fraction != 0.1) | (results.params != 24_576)]
    both = pd.concat([first.assign(weight_decay=0.1), decayed])
    both.to_parquet(tmp_path / "results.parquet")
    curves.to_parquet(tmp_path / "curves.parquet")
    page = browser.new_page()
    page.goto(write_report(tmp_path).as_uri())
    page.locator(LOSSES).scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelector('{LOSSES}').data")
    shown = page.evaluate(
        f"""() => {{
            const {{ annotations, ...layout }} = document.querySelector("{LOSSES}")._fullLayout;
            return annotations.map(({{ text, yref }}) =>
                [text, layout[yref.replace(" domain", "").replace("y", "yaxis")].range]);
        }}"""
    )
    listed = page.locator(f"{LOSSES} .legendtext").all_text_contents()
    page.close()
    assert listed == ["24.6k", "98.3k", "worst repeats"]
    small, large = (
        [span for title, span in shown if f"f = {fraction}" in title] for fraction in (0.1, 0.5)
    )
    assert len(small) == len(large) == 2 and small[0] == small[1] and large[0] == large[1]
    assert small[0][1] - small[0][0] < large[0][1] - large[0][0]


def test_filters_by_size_and_fraction_reach_figures_and_runs(opened):
    page = opened()
    assert set(measured(page)) == {"24.6k", "98.3k", "393k"} and rows(page) == 46
    choose(page, "Size", "98304")
    assert set(measured(page)) == {"98.3k"} and rows(page) == 14
    params = "[data-chart=loss-against-params]"
    page.locator(params).scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelector('{params}').data")
    assert all(len(y) == 1 for y in measured(page, params).values())
    choose(page, "Fraction f", "0.5")
    assert rows(page) == 14  # its controls are kept
    choose(page, "Size", "")
    assert rows(page) == 46 and page.locator("#shown").inner_text() == "46 runs"


def test_the_seed_filter_draws_that_seeds_runs_alone(opened, results):
    page = opened()
    means = measured(page)
    choose(page, "Seed", "1")
    own = results[(results.seed == 1) & (results.params == 98_304) & (results.repeats > 0)]
    alone = measured(page)["98.3k"]
    assert alone == pytest.approx(own.sort_values("repeats").test_loss.to_list())
    assert alone != means["98.3k"] and rows(page) == 23
    choose(page, "Seed", "")
    assert measured(page) == means


def test_a_point_opens_the_runs_behind_it(opened, results):
    page = opened()
    page.locator(LOSSES).scroll_into_view_if_needed()
    x, y = page.evaluate(
        f"""() => {{
            const element = document.querySelector("{LOSSES}"), {{ xaxis, yaxis }} = element._fullLayout;
            const line = element.data.find((t) => t.name === "98.3k"), box = element.getBoundingClientRect();
            return [box.x + xaxis._offset + xaxis.d2p(line.x[2]), box.y + yaxis._offset + yaxis.d2p(line.y[2])];
        }}"""
    )
    page.mouse.click(x, y)
    behind = results[(results.params == 98_304) & (results.repeats == 64)].sort_values("seed")
    title = page.locator("#run-title")
    assert title.inner_text() == behind.run_id.iloc[0]  # hostile markup, shown as text
    page.get_by_role("button", name="seed 1").click()
    assert title.inner_text() == behind.run_id.iloc[1]
    config = page.locator("#run-config").inner_text()
    assert "learning_rate" in config and "0.003" in config
    assert page.evaluate("document.getElementById('run-chart').data.length") == 2
    page.keyboard.press("Escape")
    assert not page.locator("#run").is_visible()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_cell_of_a_map_is_as_wide_as_its_number_which_opens_its_runs(opened, results, screen):
    page = opened(screen)
    place = "[data-chart=multiplier-map]"
    page.locator(place).scroll_into_view_if_needed()
    page.wait_for_function(f"document.querySelector('{place}').data")
    found = page.evaluate(
        f"""() => {{
            const element = document.querySelector("{place}"), {{ xaxis, yaxis }} = element._fullLayout;
            const {{ x, y, text }} = element.data[0], box = element.getBoundingClientRect();
            const numbers = [...element.querySelectorAll(".annotation-text")].slice(0, text.flat().length);
            const wide = xaxis.d2p(1) - xaxis.d2p(0), tall = yaxis.d2p(0) - yaxis.d2p(1);
            return {{
                out: numbers.map((one) => one.getBoundingClientRect())
                    .filter((one) => one.width > wide || one.height > tall).length,
                texts: numbers.map((one) => one.textContent), shown: text.flat(),
                size: y[1], repeats: x[2],
                at: [box.x + xaxis._offset + xaxis.d2p(2), box.y + yaxis._offset + yaxis.d2p(1)],
            }};
        }}"""
    )
    assert found["texts"] == found["shown"] and found["out"] == 0
    page.mouse.click(*found["at"])
    own = results[(results.params == 98_304) & (results.repeats == float(found["repeats"]))]
    assert found["size"] == "98.3k" and page.locator("#run-title").inner_text() in set(own.run_id)


def test_a_figures_runs_are_those_behind_it(opened, results):
    page = opened()
    page.locator("#multiplier-map").get_by_role("button", name="Runs behind it").click()
    assert rows(page) == (results.repeats > 0).sum() == 36
    assert "Where repetition hurts" in page.locator("#behind").inner_text()
    page.get_by_role("button", name="Show all").click()
    assert rows(page) == 46 and not page.locator("#behind").is_visible()


def test_a_run_opens_by_keyboard_from_a_figures_table(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.locator("#loss-against-repeats summary").press("Enter")
    button = page.locator("#loss-against-repeats td button.run").first
    button.press("Enter")
    assert page.locator("#run-title").inner_text() == button.inner_text()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "run"


def test_dark_mode_recolours_the_figures(opened):
    page = opened()
    colours = f"document.querySelector('{LOSSES}').data.map((t) => t.line.color)"
    before = page.evaluate(colours)
    page.get_by_role("button", name="Dark mode").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(colours) != before
    page.get_by_role("button", name="Light mode").click()
    assert page.evaluate(colours) == before


def test_on_paper_every_figure_is_there_and_light_and_the_screen_stays_as_it_was(opened, tmp_path):
    page = opened(scheme="dark")
    page.evaluate(
        """() => document.querySelector(".words").insertAdjacentHTML("beforeend",
            "<details id='folded'><summary>1 more sentence</summary></details>")"""
    )
    look = """() => [document.documentElement.dataset.theme, byId("folded").open,
        [...new Set([...document.querySelectorAll("[data-chart]")].map(
            (element) => element._fullLayout && element._fullLayout.width))]]"""
    assert None in page.evaluate(look)[2]  # not all have been scrolled to
    page.evaluate(f"addEventListener('beforeprint', () => {{ printed = ({look})(); }})")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # as a preview does
    page.pdf(path=tmp_path / "report.pdf", format="A4")
    assert page.evaluate("printed") == ["light", True, [640]]
    theme, unfolded, widths = page.evaluate(look)
    assert theme == "dark" and not unfolded and not {None, 640} & set(widths)


def test_what_is_downloaded_is_what_was_measured(opened, results, tmp_path):
    page = opened()
    for place, name in (("#runs", "runs.csv"), ("#loss-against-repeats", "losses.csv")):
        with page.expect_download() as download:
            page.locator(place).get_by_role("link", name="CSV").click()
        download.value.save_as(tmp_path / name)
    runs, losses = (pd.read_csv(tmp_path / name) for name in ("runs.csv", "losses.csv"))
    assert runs.test_loss.to_list() == pytest.approx(results.test_loss.to_list())
    assert set(runs.corpus) == {"'=cmd()"}  # text, where a spreadsheet would have run it
    cell = losses[(losses.params == 98_304) & (losses.repeats == 64)].iloc[0]
    own = results[(results.params == 98_304) & (results.repeats == 64)]
    assert cell.test_loss == pytest.approx(own.test_loss.mean())
    assert cell.run_ids.split(" <") == [own.run_id.iloc[0], *own.run_id.iloc[1:].str[1:]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_everybody_can_read_it(opened, screen, scheme):
    page = opened(screen, scheme)
    draw_all(page)
    drawn = page.locator("[data-chart]:has(svg.main-svg)")
    assert drawn.count() == page.locator("[data-chart]").count() == 13
    too_wide = page.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll("[data-chart], .card")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.id || e.dataset.chart)"""
    )
    assert too_wide == []
    cut = page.evaluate(
        """() => [...document.querySelectorAll("[data-chart]")].filter((chart) =>
            [...chart.querySelectorAll(".legendtext")].some((name) => name.getBoundingClientRect().right
                > chart.querySelector("svg.main-svg").getBoundingClientRect().right)
        ).map((chart) => chart.dataset.chart)"""
    )
    assert cut == []
    page.locator("#loss-against-repeats summary").click()
    faults = Axe().run(page, {"exclude": [[".main-svg"]]}).response["violations"]
    page.locator("#run-rows button").first.click()
    faults += Axe().run(page, "#run").response["violations"]
    assert not faults, [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in faults]


@pytest.mark.parametrize("screen", SCREENS)
def test_the_first_screen_has_the_number_and_what_was_published(opened, screen):
    page = opened(screen)
    _, height = SCREENS[screen]
    for text in ("h1", ".number >> nth=0", ".interval", ".number >> nth=1"):
        box = page.locator(text).first.bounding_box()
        assert box["y"] + box["height"] < height
    picture = page.locator("[data-chart=headline]").bounding_box()
    assert picture["y"] < height * 0.75
    lines = page.evaluate("document.querySelector('[data-chart=headline]').data.map((t) => t.name)")
    assert "published" in lines and {"24.6k", "98.3k", "393k"} <= set(lines)
