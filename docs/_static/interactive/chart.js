"use strict";
// What the experiments in the chapters share: numbers, a chart, and the way from controls to words.

// A minus sign is read aloud, which a hyphen is not everywhere.
const withMinus = text => text.replaceAll("-", "\u2212");

// Always as many decimals, so that nothing moves while a number changes. (-0 + 0 is 0.)
function fixed(value, decimals) {
  return withMinus((Number(value.toFixed(decimals)) + 0).toFixed(decimals));
}

// As many digits as it takes, and no more than so many; the very small and large ones as 1.5e-10.
function short(value, digits = 4) {
  const size = Math.abs(value);
  const far = size >= 1e5 || (size > 0 && size < 1e-4);
  const text = far ? value.toExponential(digits - 1) : Number(value.toPrecision(digits));
  return withMinus(String(text));
}

// Adds an element of SVG. Its look comes from classes, because the page's policy forbids styles.
function draw(parent, name, attributes, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

// Draws axes, and returns what draws in their coordinates. `x` and `y` are {from, to, ticks, name}.
function makeChart(svg, x, y) {
  const {width, height} = svg.viewBox.baseVal;
  const [left, right, top, bottom] = [34, width - 8, 26, height - 38];
  const across = value => left + ((value - x.from) / (x.to - x.from)) * (right - left);
  const up = value => bottom - ((value - y.from) / (y.to - y.from)) * (bottom - top);
  const rule = (tick, ends) => draw(svg, "line", {class: tick ? "fl-grid" : "fl-zero", ...ends});
  for (const tick of x.ticks) {
    const place = across(tick);
    rule(tick, {x1: place, x2: place, y1: top, y2: bottom});
    draw(svg, "text", {class: "fl-tick-x", x: place, y: bottom + 15}, short(tick));
  }
  for (const tick of y.ticks) {
    const place = up(tick);
    rule(tick, {x1: left, x2: right, y1: place, y2: place});
    draw(svg, "text", {class: "fl-tick-y", x: left - 6, y: place + 4}, short(tick));
  }
  draw(svg, "text", {class: "fl-tick-x", x: (left + right) / 2, y: height - 4}, x.name);
  draw(svg, "text", {x: 2, y: 11}, y.name);
  // A picture in the picture cuts off what leaves the axes.
  const size = {width: right - left, height: bottom - top};
  const viewBox = [left, top, size.width, size.height].join(" ");
  const inner = draw(svg, "svg", {x: left, y: top, ...size, viewBox});
  const within = (value, {from, to}) => Math.max(from, Math.min(to, value));
  return {
    line: look => draw(inner, "path", {class: look}),
    dot: (look, r) => draw(svg, "circle", {class: look, r}),
    trace(path, points) {
      const places = points.map(([a, b]) => `${across(a).toFixed(2)},${up(b).toFixed(2)}`);
      path.setAttribute("d", places.length ? `M${places.join("L")}` : "");
    },
    // A dot that would lie outside stays at the edge, and is hollow.
    put(dot, a, b) {
      const [nearA, nearB] = [within(a, x), within(b, y)];
      dot.classList.toggle("fl-outside", nearA !== a || nearB !== b);
      dot.setAttribute("cx", across(nearA).toFixed(2));
      dot.setAttribute("cy", up(nearB).toFixed(2));
    },
  };
}

// Connects the controls of an experiment with `show`. It gets their values, by name, draws, and
// returns what there is to say. `scales` are for sliders whose position is not yet their value.
function startExperiment(name, show, scales = {}) {
  const section = document.getElementById(`interactive-${name}`);
  const [seen, heard] = section.querySelectorAll(".fl-says, [role=status]");
  let timer;
  function update(pause = 300) {
    const values = {};
    for (const input of section.querySelectorAll("[type=radio]:checked")) {
      values[input.name] = input.value;
    }
    for (const input of section.querySelectorAll("[type=range]")) {
      const scale = scales[input.name];
      values[input.name] = scale ? scale(input.valueAsNumber) : input.valueAsNumber;
      const text = short(values[input.name], 3);
      input.nextElementSibling.textContent = text;
      if (scale) input.setAttribute("aria-valuetext", text);
    }
    seen.textContent = show(values);
    // What is read aloud waits until the hand rests.
    clearTimeout(timer);
    timer = setTimeout(() => (heard.textContent = seen.textContent), pause);
  }
  section.addEventListener("input", () => update());
  section.querySelector("button").addEventListener("click", () => {
    for (const input of section.querySelectorAll("input")) {
      [input.value, input.checked] = [input.defaultValue, input.defaultChecked];
    }
    update();
  });
  update(0);
}
