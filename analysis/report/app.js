// Draws the charts, keeps the filters, opens runs, switches between light and dark.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const filters = { params: "", repeated_fraction: "", seed: "" };
const drawn = new Map(); // element -> chart
const config = { displayModeBar: false, responsive: false };

const isDark = () => root.dataset.theme === "dark";
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

function keeps(keys) {
  return ["params", "repeated_fraction"].every(
    (key) => !filters[key] || keys[key] === undefined || Number(filters[key]) === Number(keys[key]));
}

function decades(panels, name) {
  const values = panels.flatMap((panel) => panel.traces.flatMap((t) => t[name])).filter((v) => v > 0);
  return Math.log10(Math.max(...values) / Math.min(...values));
}

function axis(spec, span) {
  const out = {
    title: { text: spec.label, standoff: 8 }, gridcolor: css("--line"), linecolor: css("--line"),
    zeroline: false, automargin: true, type: spec.log ? "log" : "linear", nticks: 7,
  };
  if (spec.log && span > 2) Object.assign(out, { dtick: 1, minor: { ticks: "outside", dtick: "D1", ticklen: 3, tickcolor: css("--line") } });
  else if (spec.log && span > 0.6) Object.assign(out, { dtick: "D2", tickformat: "~g" }); // 1, 2, 5
  if (spec.counts) out.tickformat = "~s";
  if (spec.low !== null) out.rangemode = "tozero";
  return out;
}

function baseLayout(height) {
  return {
    height, margin: { l: 10, r: 10, t: 34, b: 10 }, hovermode: "closest", annotations: [],
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: css("--ink") },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
  };
}

function lineTrace(series, suffix, seen) {
  const colours = isDark() ? series.dark : series.light;
  const colour = colours.length > 1 ? colours : colours[0];
  const trace = {
    type: "scatter", name: series.name, legendgroup: series.name, x: series.x, y: series.y,
    xaxis: "x" + suffix, yaxis: "y" + suffix,
    mode: [series.dash && "lines", series.symbol && "markers"].filter(Boolean).join("+"),
    showlegend: series.legend && !seen.has(series.name), line: { color: colours[0], dash: series.dash || "solid", width: 1.8 },
    marker: { color: colour, symbol: series.symbol, size: series.ring ? 15 : 7, line: { width: series.ring ? 2 : 0 } },
  };
  if (series.legend) seen.add(series.name);
  if (series.error) trace.error_y = { array: series.error, color: colours[0], thickness: 1.2, width: 3 };
  if (series.hover) Object.assign(trace, { text: series.hover, hovertemplate: "%{text}<extra></extra>" });
  if (series.ring) trace.hoverinfo = "skip";
  return trace;
}

function heatTrace(heat, suffix, first, flat) {
  const ticks = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4];
  return {
    type: "heatmap", x: heat.x, y: heat.y, z: heat.z, text: heat.texts, texttemplate: "%{text}",
    colorscale: "Viridis", zmin: Math.min(...flat), zmax: Math.max(0, ...flat), xgap: 2, ygap: 2,
    xaxis: "x" + suffix, yaxis: "y" + suffix, showscale: first,
    colorbar: { title: { text: heat.label }, thickness: 12, tickvals: ticks.map(Math.log10), ticktext: ticks.map(String) },
    hovertemplate: "N = %{y}, E = %{x}: " + heat.label + " %{text}<extra></extra>",
  };
}

function draw(element, chart) {
  const panels = chart.panels.map((panel) => ({ ...panel, traces: panel.traces.filter((t) => keeps(t.keys)) }))
    .filter((panel) => keeps(panel.keys) && (panel.heat || panel.traces.length));
  const narrow = element.clientWidth < 560;
  const most = element.clientWidth > 850 ? 3 : narrow ? 1 : 2;
  const columns = Math.max(1, Math.min(most, panels.length));
  const rows = Math.max(1, Math.ceil(panels.length / columns));
  const entries = new Set(panels.flatMap((p) => p.traces.filter((t) => t.legend).map((t) => t.name)));
  const below = narrow && entries.size;
  const layout = baseLayout(Math.max(360, 300 * rows + 40) + (below ? 30 * Math.ceil(entries.size / 3) : 0));
  layout.grid = { rows, columns, pattern: "independent", xgap: 0.16, ygap: rows > 1 ? 0.28 : 0 };
  layout.legend = { title: { text: chart.legend }, font: { size: 11.5 }, ...(below ? { orientation: "h", y: -0.22 / rows, yanchor: "top" } : {}) };
  layout.showlegend = entries.size > 0;
  const traces = [], seen = new Set();
  const heats = panels.flatMap((panel) => (panel.heat ? panel.heat.z.flat().filter((z) => z !== null) : [])); // one scale for all
  const spans = { x: decades(panels, "x"), y: decades(panels, "y") };
  panels.forEach((panel, i) => {
    const suffix = i ? String(i + 1) : "";
    if (panel.heat) traces.push(heatTrace(panel.heat, suffix, i === 0, heats));
    for (const series of panel.traces) traces.push(lineTrace(series, suffix, seen));
    const x = axis(chart.x, spans.x), y = axis(chart.y, spans.y);
    if (panel.heat) Object.assign(x, { type: "category" }) && Object.assign(y, { type: "category" });
    else if (i) Object.assign(x, { matches: "x" }) && Object.assign(y, { matches: "y" });
    if (i % columns) delete y.title;
    if (i + columns < panels.length) delete x.title;
    layout["xaxis" + suffix] = x;
    layout["yaxis" + suffix] = y;
    layout.annotations.push({
      text: "<b>" + panel.title + "</b>", showarrow: false, x: 0, y: 1, xref: "x" + suffix + " domain",
      yref: "y" + suffix + " domain", xanchor: "left", yanchor: "bottom", yshift: 6, font: { size: 12.5 },
    });
  });
  drawn.set(element, chart);
  return Plotly.react(element, traces, layout, config);
}

function redraw() {
  for (const [element, chart] of drawn) draw(element, chart);
}

function filterRuns() {
  let shown = 0, all = 0;
  for (const row of document.querySelectorAll("#run-rows tr")) {
    const keep = Object.entries(filters).every(([key, value]) => {
      const own = row.dataset[key];
      return !value || own === value || (key === "repeated_fraction" && own === "0");
    });
    row.hidden = !keep;
    all += 1;
    shown += keep;
  }
  document.getElementById("shown").textContent = shown === all ? `${all} runs` : `${shown} of ${all} runs`;
}

function openRun(id) {
  const run = data.runs[id], dialog = document.getElementById("run");
  document.getElementById("run-title").textContent = id;
  const list = document.getElementById("run-config");
  list.replaceChildren(...Object.entries(run.row).filter(([, value]) => value !== null).flatMap(([key, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = key;
    dd.textContent = String(value);
    return [dt, dd];
  }));
  dialog.showModal();
  const colours = isDark() ? ["#e6e8eb", "#7fd1c4", "#ffb38a"] : ["#24292f", "#1f7a6d", "#b65a1e"];
  const traces = Object.keys(run.curves).filter((key) => key !== "tokens").map((key, i) => ({
    type: "scatter", mode: "lines", name: key.replace("_", " "), x: run.curves.tokens, y: run.curves[key],
    line: { color: colours[i], width: 1.8, dash: ["solid", "dash", "dot"][i] },
  }));
  const layout = baseLayout(280);
  layout.xaxis = axis({ label: "training tokens", log: false, counts: true, low: null });
  layout.yaxis = axis({ label: "loss (nats per token)", log: false, counts: false, low: null });
  const target = document.getElementById("run-chart");
  target.hidden = traces.length === 0;
  if (traces.length) Plotly.react(target, traces, layout, config);
}

function setTheme(theme) {
  root.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light mode" : "Dark mode";
  document.getElementById("theme").setAttribute("aria-pressed", String(theme === "dark"));
  redraw();
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
document.getElementById("theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
document.querySelectorAll("[data-filter]").forEach((select) => select.addEventListener("change", () => {
  filters[select.dataset.filter] = select.value;
  redraw();
  filterRuns();
}));
document.addEventListener("click", (event) => {
  if (event.target.matches("button.run")) openRun(event.target.dataset.run);
});
const charts = new Map(data.charts.map((chart) => [chart.key, chart]));
for (const element of document.querySelectorAll("[data-chart]")) {
  if (charts.get(element.dataset.chart).panels.length > 1) element.closest(".card").classList.add("wide");
}
// Charts are drawn as they come near the window, so that a long report opens at once.
const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  near.unobserve(entry.target);
  draw(entry.target, charts.get(entry.target.dataset.chart));
}), { rootMargin: "900px" });
document.querySelectorAll("[data-chart]").forEach((element) => near.observe(element));
let pending;
addEventListener("resize", () => { clearTimeout(pending); pending = setTimeout(redraw, 150); });
filterRuns();

// Served while a sweep is running, the page looks for a newer self.
if (location.protocol.startsWith("http")) {
  let stamp;
  setInterval(async () => {
    const reply = await fetch(location.pathname, { method: "HEAD", cache: "no-store" }).catch(() => null);
    const now = reply && reply.headers.get("Last-Modified");
    if (now && stamp && now !== stamp) location.reload();
    stamp = now || stamp;
  }, 5000);
}
