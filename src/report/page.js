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
    if (narrow()) figure.config.displayModeBar = false;
    Plotly.react(place, figure.data, figure.layout, figure.config);
  }

  const places = Array.from(document.querySelectorAll(".chart"));
  places.forEach(draw);
  document.querySelectorAll("select[data-chart]").forEach((choice) => {
    choice.addEventListener("change", () => {
      const place = document.getElementById(choice.dataset.chart);
      place.dataset.figure = choice.value;
      draw(place);
    });
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => places.forEach(draw));
})();
