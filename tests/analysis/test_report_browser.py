"""The report in a real browser: drawn, filtered, opened run by run, in light and dark.

Chromium is driven by a script put at the end of the page, whose findings are read back from the DOM.
"""

import html
import json
import os
import re
import shutil
import subprocess

import pytest

from analysis.report import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(  # a failure in CI, which installs it
    not CHROMIUM and not os.environ.get("CI"), reason="needs chromium on the PATH"
)

PROBE = """
<script>
const found = { errors: [] };
addEventListener("error", (event) => found.errors.push(event.message));
const traces = (key) => document.querySelector(`[data-chart=${key}]`).data ?? [];
const choose = (filter, value) => {
  const select = document.querySelector(`[data-filter=${filter}]`);
  select.value = value;
  select.dispatchEvent(new Event("change"));
};
const visible = () => [...document.querySelectorAll("#run-rows tr")].filter((row) => !row.hidden).length;
addEventListener("load", () => setTimeout(() => {
  const all = document.querySelectorAll("[data-chart]");
  for (const element of all) if (!element.data) draw(element, charts.get(element.dataset.chart));
  found.ready = performance.now();
  found.drawn = [...all].filter((element) => element.querySelector("svg.main-svg")).length;
  found.sizes = traces("loss-against-repeats").filter((t) => t.showlegend).length;
  found.rows = visible();
  choose("params", "98304");
  found.filteredSizes = traces("loss-against-repeats").filter((t) => t.showlegend).length;
  found.filteredRows = visible();
  choose("params", "");
  choose("seed", "1");
  found.seedRows = visible();
  choose("seed", "");
  const before = traces("loss-against-repeats")[0].line.color;
  document.getElementById("theme").click();
  found.theme = document.documentElement.dataset.theme;
  found.recoloured = before !== traces("loss-against-repeats")[0].line.color;
  document.querySelector("button.run").click();
  const dialog = document.getElementById("run");
  found.open = dialog.open;
  found.title = document.getElementById("run-title").textContent;
  found.run = document.querySelector("button.run").dataset.run;
  found.curves = document.getElementById("run-chart").data.length;
  found.requests = performance.getEntriesByType("resource").map((entry) => entry.name);
  found.wide = document.documentElement.scrollWidth > innerWidth;
  found.unlabelled = [...document.querySelectorAll("button, select, a")].filter(
    (e) => !(e.textContent.trim() || e.ariaLabel || e.closest("label"))).length;
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
}, 300));
</script>
"""


@pytest.fixture(scope="module", params=["1280,900", "400,800"], ids=["desktop", "phone"])
def found(request, tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    results, curves = tables(noise=0.003)
    results["run_id"] = results.run_id + "<img src=x onerror=alert(1)>"
    curves["run_id"] = curves.run_id + "<img src=x onerror=alert(1)>"
    results.to_parquet(folder / "results.parquet")
    curves.to_parquet(folder / "curves.parquet")
    page = write_report(folder)
    page.write_text(page.read_text().replace("</body>", PROBE + "</body>"))
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={folder / 'profile'}", f"--window-size={request.param}"),
            *("--virtual-time-budget=8000", "--dump-dom", f"file://{page}"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    match = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, flags=re.S)
    assert match, done.stderr[-2000:]
    return json.loads(html.unescape(match[1]))


def test_every_figure_is_drawn_without_an_error(found):
    assert found["errors"] == [] and found["drawn"] == 12


def test_filters_reach_figures_and_runs(found):
    assert (found["sizes"], found["filteredSizes"]) == (4, 2)  # sizes and the rings
    assert (found["rows"], found["filteredRows"], found["seedRows"]) == (46, 14, 23)


def test_a_run_opens_with_its_curves_and_its_name_as_text(found):
    assert found["open"] and found["curves"] == 2
    assert found["title"] == found["run"] and "<img" in found["title"]


def test_dark_mode_recolours_the_figures(found):
    assert found["theme"] == "dark" and found["recoloured"]


def test_nothing_is_fetched_and_nothing_overflows(found):
    assert found["requests"] == [] and not found["wide"] and found["unlabelled"] == 0
