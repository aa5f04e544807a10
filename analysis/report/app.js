// The page around the charts: filters, the table of runs, one run's config and curves, light and dark.
const byId = (id) => document.getElementById(id);
let figure = ""; // whose runs alone the table shows; all where empty

// Of one seed, a figure is what that seed's runs alone say.
const chartOf = (key) => (data.charts[filters.seed] || data.charts[""])[key];

const show = (element) => draw(element, chartOf(element.dataset.chart));

function redraw() {
  for (const element of drawn.keys()) show(element);
}

function filterRuns() {
  const behind = figure && runsBehind(chartOf(figure));
  let shown = 0, all = 0;
  for (const row of document.querySelectorAll("#run-rows tr")) {
    const place = Number(row.dataset.run);
    row.hidden = !(keepsRun(place) && (!behind || behind.has(place)));
    all += 1;
    shown += !row.hidden;
  }
  byId("shown").textContent = shown === all ? `${all} runs` : `${shown} of ${all} runs`;
  byId("behind").hidden = !figure;
  byId("behind-title").textContent = figure && byId(`${figure}-title`).textContent;
}

function showRunsOf(key) {
  figure = key;
  filterRuns();
  byId("runs").scrollIntoView();
  byId("runs-title").focus({ preventScroll: true });
}

function openRuns(places) {
  if (!places.length) return;
  const others = byId("run-others");
  others.hidden = places.length < 2;
  others.replaceChildren(...places.map((place) => {
    const button = document.createElement("button");
    const seed = data.runs.columns.seed[place], name = seed === null ? data.runs.columns.run_id[place] : `seed ${seed}`;
    Object.assign(button, { type: "button", className: "run", textContent: name });
    button.addEventListener("click", () => fillRun(place));
    button.dataset.place = place;
    return button;
  }));
  const dialog = byId("run");
  if (!dialog.open) dialog.showModal();
  fillRun(places[0]);
}

function fillRun(place) {
  const { columns, curves } = data.runs;
  byId("run-title").textContent = columns.run_id[place];
  for (const button of byId("run-others").children) button.setAttribute("aria-pressed", String(button.dataset.place === String(place)));
  const facts = Object.entries(columns).map(([key, values]) => [key, values[place]]).filter(([, value]) => value !== null);
  byId("run-config").replaceChildren(...facts.flatMap(([key, value]) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = key;
    dd.textContent = String(value);
    return [dt, dd];
  }));
  const colours = isDark() ? ["#e6e8eb", "#7fd1c4", "#ffb38a"] : ["#24292f", "#1f7a6d", "#b65a1e"];
  const own = curves[place];
  const traces = Object.keys(own).filter((key) => key !== "tokens").map((key, i) => ({
    type: "scatter", mode: "lines", name: key.replace("_", " "), x: own.tokens, y: own[key],
    line: { color: colours[i], width: 1.8, dash: ["solid", "dash", "dot"][i] },
  }));
  const layout = baseLayout(280, false);
  layout.xaxis = axis({ label: "training tokens", log: false, counts: true, low: null });
  layout.yaxis = axis({ label: "loss (nats per token)", log: false, counts: false, low: null });
  layout.legend = { orientation: "h", y: 1.02, yanchor: "bottom" };
  const target = byId("run-chart");
  target.hidden = traces.length === 0;
  if (traces.length) Plotly.react(target, traces, layout, config);
}

function setTheme(theme) {
  root.dataset.theme = theme;
  byId("theme").textContent = theme === "dark" ? "Light mode" : "Dark mode";
  redraw();
}

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
byId("theme").addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
document.querySelectorAll("[data-filter]").forEach((select) => select.addEventListener("change", () => {
  filters[select.dataset.filter] = select.value;
  redraw();
  filterRuns();
}));
document.addEventListener("click", (event) => {
  const { run, figure: key } = event.target.dataset;
  if (event.target.matches("button.run[data-run]")) openRuns([Number(run)]);
  else if (key !== undefined) showRunsOf(key);
});

// Charts are drawn as they come near the window, so that a long report opens at once.
const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  near.unobserve(entry.target);
  show(entry.target);
}), { rootMargin: "400px" });
for (const element of document.querySelectorAll("[data-chart]")) near.observe(element);
let pending, width = innerWidth;
addEventListener("resize", () => { // a phone's bars that come and go change the height alone
  clearTimeout(pending);
  pending = setTimeout(() => width !== innerWidth && ((width = innerWidth), redraw()), 150);
});
// On paper every sentence and every chart is there, none wider than a page, in the colours of light.
let theme, folded;
addEventListener("beforeprint", () => {
  if (sheet) return; // a preview that is drawn anew
  [sheet, theme, folded] = [640, root.dataset.theme, [...document.querySelectorAll(".words details:not([open])")]];
  for (const sentences of folded) sentences.open = true;
  root.dataset.theme = "light";
  document.querySelectorAll("[data-chart]").forEach(show);
});
addEventListener("afterprint", () => {
  sheet = 0;
  for (const sentences of folded) sentences.open = false;
  setTheme(theme);
});
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
