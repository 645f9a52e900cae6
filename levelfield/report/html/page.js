
"use strict";
(() => {
  const charts = new Map(JSON.parse(document.getElementById("charts").textContent).map((chart) => [chart.key, chart]));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  const THEMES = {
    light: { text: "#1b2026", soft: "#56606b", ground: "#ffffff" },
    dark: { text: "#e4e8ec", soft: "#9ba6b2", ground: "#0f1318" },
  };
  const TITLE = 34; // pixels
  const HEAD = 28; // more of an image, for what it rests on
  const FOOT = 10;
  const PRINTED_WIDTH = 690; // CSS pixels: the width of a sheet between its margins

  function template(theme, ground) {
    const { text, soft } = THEMES[theme];
    const axis = { color: soft, gridcolor: "rgba(128,128,128,.18)", zerolinecolor: "rgba(128,128,128,.4)", title: { font: { color: text } } };
    return {
      layout: {
        font: { color: text, family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif" },
        paper_bgcolor: ground, plot_bgcolor: ground, xaxis: axis, yaxis: axis,
        legend: { traceorder: "normal" }, // Plotly turns it round where areas are filled
        hoverlabel: { bgcolor: THEMES[theme].ground, font: { color: text } },
        // A finger that scrolls the page must not zoom a chart.
        dragmode: touch.matches ? false : "zoom",
      },
      data: { heatmap: [{ textfont: { color: text } }], bar: [{ error_x: { color: soft }, error_y: { color: soft } }] },
    };
  }

  // The traces of a figure whose head has grown by so many pixels, and whose whole height has changed from one value to another.
  function traces(data, by, before, after) {
    const own = structuredClone(data);
    for (const { colorbar } of own) {
      if (colorbar?.yref === "container") colorbar.y = 1 - ((1 - colorbar.y) * before + by) / after;
      // Plotly draws the last line of the title of a lying bar onto the bar; and one line is too long for a telephone.
      if (colorbar?.orientation === "h" && colorbar.title) colorbar.title.text = `${colorbar.title.text.replace("; ", ";<br>")}<br> `;
    }
    return own;
  }

  const theme = () => (dark.matches ? "dark" : "light");
  const plots = () => [...document.querySelectorAll(".plot")];
  const drawn = () => plots().filter((node) => node.classList.contains("js-plotly-plot"));

  function draw(node) {
    if (node.classList.contains("js-plotly-plot") || node.closest("[hidden]")) return;
    const { data, layout } = charts.get(node.dataset.chart);
    const own = structuredClone(layout);
    delete own.title; // it stands above, where it can wrap
    const height = own.height ?? 360;
    const title = data.some((trace) => trace.colorbar?.yref === "container") ? TITLE / 2 : TITLE;
    const by = Math.max(16, (own.margin?.t ?? 74) - title) - (own.margin?.t ?? 74);
    own.margin = { ...own.margin, t: (own.margin?.t ?? 74) + by };
    own.height = height + by;
    own.template = template(theme(), "rgba(0,0,0,0)");
    try {
      Plotly.newPlot(node, traces(data, by, height, own.height), own, { displaylogo: false, responsive: true, modeBarButtons: [["zoom2d", "pan2d", "resetScale2d"]] });
    } catch (error) {
      node.textContent = "This chart cannot be drawn here; its data can be saved.";
      node.classList.add("failed");
      console.error(error);
    }
  }

  function save(name, type, content) {
    const link = document.createElement("a");
    link.href = content instanceof Blob ? URL.createObjectURL(content) : content;
    link.download = `${name}.${type}`;
    link.click();
    if (content instanceof Blob) setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // An image goes its own way: on white ground, with its title, and with what it rests on.
  async function image(chart, format) {
    const layout = structuredClone(chart.layout);
    const before = layout.height ?? 360;
    const height = before + HEAD + FOOT;
    Object.assign(layout, { template: template("light", "#ffffff"), height, width: 1000, autosize: false });
    layout.margin = { ...layout.margin, t: (layout.margin?.t ?? 74) + HEAD, l: 16, r: 20, b: (layout.margin?.b ?? 48) + FOOT };
    layout.title = { ...layout.title, pad: { l: 16, t: 6 }, subtitle: { text: chart.basis, font: { size: 12, color: THEMES.light.soft } } };
    const figure = { data: traces(chart.data, HEAD, before, height), layout };
    const address = await Plotly.toImage(figure, { format, width: 1000, height, scale: format === "png" ? 2 : 1 });
    if (format === "png") return bytes(address);
    return new Blob([decodeURIComponent(address.slice(address.indexOf(",") + 1))], { type: "image/svg+xml" });
  }

  function bytes(address) {
    const text = atob(address.slice(address.indexOf(",") + 1));
    return new Blob([Uint8Array.from(text, (character) => character.charCodeAt(0))], { type: "image/png" });
  }

  async function saved(button) {
    const chart = charts.get(button.dataset.of);
    const type = button.dataset.save;
    const content = type === "csv" ? new Blob([chart.csv], { type: "text/csv" }) : await image(chart, type);
    save(chart.file, type, content);
  }

  // A group shows the one chart that has what was chosen in each of its switches or, where there is none such, another one with this choice.
  function choose(button) {
    const group = button.closest(".group");
    for (const other of button.parentElement.querySelectorAll("button")) press(other, other === button);
    const chosen = [...group.querySelectorAll("button[aria-pressed=true]")].map((pressed) => pressed.dataset.choice).join("|");
    const figures = [...group.querySelectorAll("figure")];
    const choices = (figure) => figure.dataset.choices.split("|");
    const shown = figures.find((one) => one.dataset.choices === chosen) ?? figures.find((one) => choices(one).includes(button.dataset.choice));
    for (const one of group.querySelectorAll("button[data-choice]")) press(one, choices(shown).includes(one.dataset.choice));
    for (const one of figures) one.hidden = one !== shown;
    const node = shown.querySelector(".plot");
    draw(node);
    Plotly.Plots.resize(node);
  }

  function press(button, pressed) {
    button.setAttribute("aria-pressed", String(pressed));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.save) saved(button);
    else if (button?.dataset.choice) choose(button);
  });

  const recolour = (name, change) => {
    for (const node of drawn()) Plotly.relayout(node, { template: template(name, "rgba(0,0,0,0)"), ...change(node) });
  };
  dark.addEventListener("change", () => recolour(theme(), () => ({})));

  let folded = [];
  addEventListener("beforeprint", () => {
    plots().forEach(draw);
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
    recolour("light", () => ({ width: PRINTED_WIDTH }));
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
    recolour(theme(), () => ({ width: null, autosize: true }));
  });

  // One after the other, so that the page can be read meanwhile.
  const waiting = plots();
  (function next() {
    const node = waiting.shift();
    if (!node) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    draw(node);
    setTimeout(next);
  })();
})();
