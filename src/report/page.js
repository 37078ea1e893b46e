"use strict";
(function () {
  // Draws each figure of the page with the page's own colours, again when the reader's theme changes.
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const narrow = () => window.innerWidth < 600;

  function dress(layout) {
    layout.paper_bgcolor = "rgba(0,0,0,0)";
    layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { color: style("--ink"), family: "system-ui, sans-serif", size: narrow() ? 11 : 12 };
    layout.hoverlabel = { bgcolor: style("--card"), bordercolor: style("--line"), font: { color: style("--ink") } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: style("--soft"), activecolor: style("--accent") };
    // A finger that scrolls the page must not zoom a chart.
    if (window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    for (const key of Object.keys(layout)) {
      if (!/^[xy]axis/.test(key)) continue;
      layout[key].gridcolor = style("--grid");
      layout[key].zerolinecolor = style("--soft");
      layout[key].linecolor = style("--line");
    }
  }

  function draw(place) {
    const source = document.getElementById(place.dataset.figure);
    if (!source) return;
    const figure = JSON.parse(source.textContent);
    dress(figure.layout);
    if (narrow()) {
      figure.config.displayModeBar = false;
      // Long names stand one a line above the chart: they must not take its height.
      const long = figure.data.filter((one) => (one.name || "").length > 10).length;
      if (long > 2) place.style.height = `${300 + 19 * long}px`;
    } else {
      place.style.height = "";
    }
    Plotly.react(place, figure.data, figure.layout, figure.config);
  }

  // A chart in a part that is closed has no size: it is drawn when the part opens.
  const shown = (place) => { const part = place.closest("details"); return !part || part.open; };
  const places = Array.from(document.querySelectorAll(".chart"));
  const drawAll = () => places.filter(shown).forEach(draw);
  drawAll();
  document.querySelectorAll("details").forEach((part) => {
    part.addEventListener("toggle", () => {
      if (part.open) part.querySelectorAll(".chart").forEach(draw);
    });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
