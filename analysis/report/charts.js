// Draws charts with plotly: those points whose runs the filters keep, each leading back to its runs.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const filters = { params: "", repeated_fraction: "", seed: "" };
const drawn = new Map(); // element -> the traces in it, by plotly's curve number
const coarse = matchMedia("(pointer: coarse)").matches; // a finger drags the page, not a chart
const config = { displayModeBar: false, responsive: false };
let sheet = 0; // width of a chart on paper while the page is printed, in pixels

const isDark = () => root.dataset.theme === "dark";
const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

// A control (fraction 0) belongs to every fraction.
function keeps(keys) {
  return Object.entries(filters).every(([key, value]) => {
    const own = keys[key];
    return !value || own === undefined || Number(value) === Number(own) || (key === "repeated_fraction" && own === 0);
  });
}

function keepsRun(place) {
  const { params, repeated_fraction, seed } = data.runs.columns;
  return keeps({ params: params[place], repeated_fraction: repeated_fraction[place], seed: seed[place] });
}

// A series of which the points behind kept runs are left; null where none are.
function filtered(series) {
  if (!keeps(series.keys)) return null;
  if (!series.runs) return series;
  if (series.runs.length === 1 && series.x.length !== 1) return series.runs[0].some(keepsRun) ? series : null;
  const places = series.runs.flatMap((runs, i) => (runs.some(keepsRun) ? [i] : []));
  if (places.length === series.x.length) return series;
  const pick = (list) => list && list.length === series.x.length ? places.map((i) => list[i]) : list;
  const names = ["x", "y", "error", "hover", "runs", "light", "dark"];
  return places.length ? { ...series, ...Object.fromEntries(names.map((name) => [name, pick(series[name])])) } : null;
}

// A panel as the filters leave it; null where nothing measured is left of it.
function remaining(panel) {
  if (!keeps(panel.keys)) return null;
  const traces = panel.traces.map(filtered).filter(Boolean);
  let heat = panel.heat;
  if (heat) {
    const z = heat.z.map((row, i) => row.map((value, j) => (heat.runs[i][j].some(keepsRun) ? value : null)));
    const texts = heat.texts.map((row, i) => row.map((text, j) => (z[i][j] === null ? "" : text)));
    heat = z.flat().some((value) => value !== null) ? { ...heat, z, texts } : null;
  }
  const measured = heat || traces.some((trace) => trace.runs) || (traces.length && !panel.traces.some((trace) => trace.runs));
  return measured ? { ...panel, heat, traces } : null;
}

// The least and the largest of what is above zero along an axis.
function ends(panels, name) {
  const values = panels.flatMap((panel) => panel.traces.flatMap((t) => t[name])).filter((v) => v > 0);
  return values.length ? [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))] : [1, 1];
}

function axis(spec, [least, most] = [1, 1]) {
  const span = Math.log10(most / least);
  const out = {
    title: { text: spec.label, standoff: 8 }, gridcolor: css("--line"), linecolor: css("--line"),
    zeroline: false, automargin: true, type: spec.log ? "log" : "linear", nticks: 7,
    exponentformat: least >= 0.001 ? "B" : spec.log ? "power" : "none", // 10k, but no 100μ
  };
  if (spec.log && span > 2) Object.assign(out, { dtick: Math.ceil(span / 7), minor: { ticks: "outside", dtick: "D1", ticklen: 3, tickcolor: css("--line") } });
  else if (spec.log && span > 0.6) Object.assign(out, { dtick: "D2", tickformat: "~g" }); // 1, 2, 5
  if (spec.counts) out.tickformat = "~s";
  const shown = [spec.low, spec.high].filter((end) => end !== null);
  if (spec.low === 0) out.rangemode = "tozero";
  if (shown.length) out.autorangeoptions = { include: shown };
  return out;
}

function baseLayout(height, titled = true) {
  return {
    height, margin: { l: 10, r: 10, t: titled ? 34 : 12, b: 10 }, hovermode: "closest", annotations: [],
    dragmode: coarse ? false : "zoom",
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: css("--ink") },
    hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
  };
}

function lineTrace(series, suffix, entries, seen) {
  const colours = isDark() ? series.dark : series.light;
  const colour = colours.length > 1 ? colours : colours[0];
  const trace = {
    type: "scatter", name: series.name, legendgroup: series.name, legendrank: entries.indexOf(series.name), x: series.x, y: series.y,
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
  const ticks = [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4];
  const log = heat.log, low = Math.min(...flat), high = log ? Math.max(0, ...flat) : Math.max(...flat);
  const gap = heat.x.length > 30 ? 0 : 2; // many cells are thinner than the gaps
  return {
    type: "heatmap", x: heat.x, y: heat.y, z: heat.z, text: heat.texts, colorscale: "Viridis", zmin: low, zmax: high, xgap: gap, ygap: gap,
    xaxis: "x" + suffix, yaxis: "y" + suffix, showscale: first,
    colorbar: {
      title: { text: heat.label }, thickness: 12,
      ...(log ? { tickvals: ticks.map(Math.log10), ticktext: ticks.map(String) } : {}),
    },
    hovertemplate: heat.hover + ": " + heat.label + " %{text}<extra></extra>",
  };
}

// The values on the cells, as annotations: white on the dark ones (plotly's own choice is hard to read on
// the middle), upright where a cell is too narrow for the longest.
function heatTexts(heat, suffix, low, high, width, height) {
  const cells = heat.z.flatMap((row, i) => row.map((z, j) => ({ z, x: j, y: i, text: heat.texts[i][j] })));
  const longest = 0.62 * Math.max(...cells.map((c) => c.text.length)); // in sizes of the font
  const upright = 11 * longest > width / heat.x.length - 4;
  const size = upright ? Math.min(11, (height / heat.y.length - 4) / longest) : 11;
  return cells.filter((c) => c.text).map((c) => ({
    x: c.x, y: c.y, text: c.text, xref: "x" + suffix, yref: "y" + suffix, showarrow: false, textangle: upright ? -90 : 0,
    font: { size, color: (c.z - low) / (high - low || 1) < 0.45 ? "#fff" : "#111" },
  }));
}

// A panel's title on as many lines as its width asks for.
function wrapped(title, width) {
  const lines = [""];
  for (const word of title.split(" ")) {
    const longer = lines[lines.length - 1] ? lines[lines.length - 1] + " " + word : word;
    if (longer.length * 7 > width && lines[lines.length - 1]) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function draw(element, chart) {
  const panels = chart ? chart.panels.map(remaining).filter(Boolean) : [];
  if (!panels.length) {
    if (element.data) Plotly.purge(element);
    element.textContent = "No run of this choice in this figure.";
    drawn.set(element, []);
    return;
  }
  if (!element.data) element.textContent = "";
  const width = sheet || element.clientWidth;
  const narrow = width < 560;
  const most = width > 850 || (sheet && panels.length > 4 && !panels[0].heat) ? 3 : narrow ? 1 : 2;
  const columns = Math.max(1, Math.min(most, panels.length));
  const rows = Math.max(1, Math.ceil(panels.length / columns));
  const entries = new Set(panels.flatMap((p) => p.traces.filter((t) => t.legend).map((t) => t.name)));
  const below = (sheet || columns < 3) && entries.size;
  const titled = panels.some((panel) => panel.title);
  // A panel of a map stands beside the scale of its colours.
  const across = panels[0].heat ? (width - 175) / columns * (columns > 1 ? 0.88 : 1) : 0.84 * width / columns - 40;
  const titles = panels.map((panel) => wrapped(panel.title, across));
  const extra = 15 * (Math.max(...titles.map((lines) => lines.length)) - 1); // lines beyond the first
  const tall = sheet ? Math.max(150, Math.min(240, 760 / rows - extra)) : 300; // a panel; on paper most figures fit a page
  const layout = baseLayout(Math.max(tall + 60, (tall + extra) * rows + 40) + (below ? 24 * (1 + Math.ceil(entries.size / (narrow ? 3 : 5))) : 0), titled);
  layout.width = width;
  layout.margin.t += extra;
  layout.grid = { rows, columns, pattern: "independent", xgap: 0.16, ygap: rows > 1 ? 0.28 + extra / tall : 0 };
  layout.legend = { title: { text: chart.legend, side: "top" }, font: { size: 11.5 }, ...(below ? { orientation: "h", y: -0.22 / rows, yanchor: "top" } : {}) };
  layout.showlegend = entries.size > 0;
  const traces = [], sources = [], seen = new Set();
  const heats = panels.flatMap((panel) => (panel.heat ? panel.heat.z.flat().filter((z) => z !== null) : [])); // one scale for all
  const reach = { x: ends(panels, "x"), y: ends(panels, "y") };
  panels.forEach((panel, i) => {
    const suffix = i ? String(i + 1) : "";
    if (panel.heat) {
      const trace = heatTrace(panel.heat, suffix, i === 0, heats);
      traces.push(trace);
      sources.push(panel.heat);
      layout.annotations.push(...heatTexts(panel.heat, suffix, trace.zmin, trace.zmax, across, 0.75 * tall));
    }
    for (const series of panel.traces) {
      traces.push(lineTrace(series, suffix, chart.entries, seen));
      sources.push(series);
    }
    const x = axis(chart.x, reach.x), y = axis(chart.y, reach.y);
    if (panel.heat) Object.assign(x, { type: "category" }) && Object.assign(y, { type: "category" });
    else {
      const first = panels.findIndex((other) => other.scale === panel.scale);
      if (i) x.matches = "x";
      if (first < i) y.matches = "y" + (first ? first + 1 : "");
    }
    if (i % columns) delete y.title;
    if (i + columns < panels.length) delete x.title;
    layout["xaxis" + suffix] = x;
    layout["yaxis" + suffix] = y;
    layout.annotations.push({
      text: "<b>" + titles[i].join("<br>") + "</b>", align: "left", showarrow: false, x: 0, y: 1, xref: "x" + suffix + " domain",
      yref: "y" + suffix + " domain", xanchor: "left", yanchor: "bottom", yshift: 6, font: { size: 12.5 },
    });
  });
  const fresh = !element.data;
  drawn.set(element, sources);
  Plotly.react(element, traces, layout, config);
  if (fresh) element.on("plotly_click", (event) => openRuns(runsAt(element, event.points[0])));
}

// The places of the runs behind a point that was clicked.
function runsAt(element, point) {
  const { runs } = drawn.get(element)[point.curveNumber];
  if (!runs) return [];
  const at = point.pointNumber;
  return Array.isArray(at) ? runs[at[0]][at[1]] : runs[runs.length === 1 ? 0 : at];
}

// The places of all runs behind a figure as it is drawn now.
function runsBehind(chart) {
  const panels = chart ? chart.panels.map(remaining).filter(Boolean) : [];
  const places = panels.flatMap((panel) => [
    ...panel.traces.flatMap((trace) => (trace.runs || []).flat()),
    ...(panel.heat ? panel.heat.runs.flat(2) : []),
  ]);
  return new Set(places.filter(keepsRun));
}
