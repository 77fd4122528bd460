// Draws every <figure data-chart> from the JSON inside it. Without this file the sentence and the table remain.
// It never builds markup from data and writes no style attribute, so it runs under a strict content security policy.
(() => {
  "use strict";

  const library = document.currentScript.dataset.plotly;
  const phone = window.matchMedia("(max-width: 639px)");
  const paper = window.matchMedia("print");
  const drawings = [];
  let loading = null;

  // The library is large, so it is fetched only when a chart comes near the screen.
  function load() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
    return loading;
  }

  const isPlain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

  // Lays one layout over another, key by key; lists replace lists.
  function over(base, top) {
    const result = { ...base };
    for (const [key, value] of Object.entries(top ?? {})) {
      result[key] = isPlain(value) && isPlain(base?.[key]) ? over(base[key], value) : value;
    }
    return result;
  }

  // The same rule as prom/charts/timeline.py: the early weeks are stretched, days before the procedure take half the room.
  const stretched = (day) => (day >= 0 ? Math.sqrt(day) : -Math.sqrt(-day) / 2);
  const scaled = (value) => (typeof value === "number" ? stretched(value) : value);

  function stretch(figure) {
    const { layout } = figure;
    const onDays = (part) => (part.xref ?? "x") === "x";
    figure.data = figure.data.map((trace) => ({ ...trace, x: trace.x?.map(scaled) }));
    layout.shapes = layout.shapes?.map((s) => (onDays(s) ? { ...s, x0: scaled(s.x0), x1: scaled(s.x1) } : s));
    layout.annotations = layout.annotations?.map((a) => (onDays(a) ? { ...a, x: scaled(a.x) } : a));
    layout.xaxis = { ...layout.xaxis, range: layout.xaxis.range.map(scaled), tickvals: layout.xaxis.tickvals.map(scaled) };
  }

  // What is drawn now: the figure, the narrow screen's changes, the chosen view. A trace with a ``meta`` belongs to one
  // width ("wide", "narrow") or to an overlay ("npmle") and is drawn only when that is on.
  function composed(drawing) {
    const { source, time, overlays } = drawing;
    const view = time === source.time ? null : source.views?.[time];
    const layers = [view?.layout, ...(phone.matches ? [source.narrow, view?.narrow] : [])];
    const shown = new Set([...overlays, phone.matches ? "narrow" : "wide"]);
    const figure = {
      data: source.data.filter((trace) => !trace.meta || shown.has(trace.meta)),
      layout: layers.reduce(over, source.layout),
    };
    if (time === "sqrt") stretch(figure);
    return figure;
  }

  function size(drawing) {
    const height = (phone.matches ? drawing.source.narrow?.height : null) ?? drawing.source.layout.height;
    drawing.plot.style.height = `${height}px`;
  }

  function draw(drawing) {
    drawing.wanted = true;
    if (!window.Plotly) return load().then(() => draw(drawing), () => drawing.plot.closest("figure").classList.add("not-drawn"));
    const { data, layout } = composed(drawing);
    size(drawing);
    drawing.plot.classList.add("drawn");
    return window.Plotly.react(drawing.plot, data, layout, drawing.source.config);
  }

  const redraw = () => drawings.forEach((drawing) => (drawing.wanted ? draw(drawing) : size(drawing)));
  // On paper every chart is drawn, also those that were never scrolled to.
  const drawAll = () => drawings.forEach(draw);

  function choose(drawing, button) {
    drawing.time = button.dataset.time;
    for (const other of button.parentElement.querySelectorAll("[data-time]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    draw(drawing);
  }

  function overlay(drawing, box) {
    drawing.overlays[box.checked ? "add" : "delete"](box.dataset.overlay);
    draw(drawing);
  }

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((e) => e.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(drawings.find((drawing) => drawing.plot === entry.target));
      }
    },
    { rootMargin: "300px" },
  );

  for (const frame of document.querySelectorAll("figure[data-chart]")) {
    const text = frame.querySelector('script[type="application/json"]');
    const plot = frame.querySelector(".plot");
    if (!text || !plot) continue;
    const source = JSON.parse(text.textContent);
    const drawing = { plot, source, time: source.time, overlays: new Set(), wanted: false };
    drawings.push(drawing);
    size(drawing);
    watcher.observe(plot);
    frame.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-time]");
      if (button) choose(drawing, button);
    });
    frame.addEventListener("change", (event) => {
      if (event.target.matches("input[data-overlay]")) overlay(drawing, event.target);
    });
  }

  phone.addEventListener("change", redraw);
  paper.addEventListener("change", () => (paper.matches ? drawAll() : redraw()));
  window.addEventListener("beforeprint", drawAll);
  window.addEventListener("afterprint", redraw);
})();
