"use strict"; // a training that was recorded, played back: frame by frame, or by itself until the end

const PAUSE = 250; // milliseconds a frame

// Weights come as bytes: 128 is 0, and 127 more or less is the largest weight of all frames.
const RED = [224, 72, 77], BLUE = [47, 127, 211];
function weightColor(value) {
  const size = Math.min(1, Math.abs(value) / 127);
  return [...(value > 0 ? RED : BLUE), Math.round(255 * size ** 0.7)];
}

function startWatching(section) {
  const find = name => section.querySelector(name);
  const slider = find("[type=range]"), play = find(".fl-watch-play");
  const [seen, heard] = section.querySelectorAll(".fl-says, [role=status]");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let data, frames, playing, resting;

  // -- Places for six pictures each, which are there before the frames are --------------------------

  function addFigure(parent) {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    [canvas.width, canvas.height] = [28, 28];
    canvas.setAttribute("aria-hidden", "true");
    caption.textContent = "–";
    figure.append(canvas, caption);
    find(parent).append(figure);
    return {figure, canvas, caption};
  }

  const ofSix = parent => Array.from({length: 6}, () => addFigure(parent));
  const units = ofSix(".fl-watch-units"), images = ofSix(".fl-watch-images");
  for (const image of images) {
    // Ten bars above the classes' numbers. The caption says what they say.
    const chart = draw(image.figure, "svg", {class: "fl-chart", viewBox: "0 0 100 52", "aria-hidden": "true"});
    image.bars = Array.from({length: 10}, (_, label) => {
      draw(chart, "text", {class: "fl-tick-x", x: 10 * label + 5, y: 50}, label);
      return draw(chart, "rect", {x: 10 * label + 1, width: 8});
    });
    image.caption.before(chart);
  }

  // -- One frame ------------------------------------------------------------------------------------

  const percent = part => `${(100 * part).toFixed(1)}%`;

  function sentence(at) {
    return `Step ${data.steps[at]} of ${data.steps.at(-1)}: `
      + `${percent(data.accuracies[at])} of ${data.count} test images are right.`;
  }

  function show() {
    const at = slider.valueAsNumber;
    const sinceStart = find("[type=radio]:checked").value === "change";
    units.forEach(({canvas}, unit) => {
      const pixels = Array.from(frames[at].subarray(784 * unit, 784 * unit + 784), (byte, pixel) =>
        byte - (sinceStart ? frames[0][784 * unit + pixel] : 128));
      paint(canvas, {height: 28, width: 28, pixels}, weightColor);
    });
    images.forEach(({caption, bars}, k) => {
      const scores = data.scores[at][k];
      const best = scores.indexOf(Math.max(...scores));
      bars.forEach((bar, label) => {
        bar.setAttribute("y", 38 - 36 * scores[label]);
        bar.setAttribute("height", 36 * scores[label]);
        bar.setAttribute("class", label === best ? "fl-largest" : "fl-bar");
      });
      const label = data.classes[data.labels[k]];
      caption.textContent = `label ${label}, answer ${data.classes[best]}, ${percent(scores[best])}`;
    });
    const step = `step ${data.steps[at]}`;
    slider.nextElementSibling.textContent = step;
    slider.setAttribute("aria-valuetext", step);
    seen.textContent = sentence(at);
    find(".fl-watch-back").disabled = at === 0;
    find(".fl-watch-on").disabled = at === data.steps.length - 1;
    // What is read aloud waits until the frames, or the hand, are at rest.
    clearTimeout(resting);
    if (playing === undefined) resting = setTimeout(() => (heard.textContent = seen.textContent), 300);
  }

  function go(at) {
    slider.value = at;
    show();
  }

  // -- Playing --------------------------------------------------------------------------------------

  function pause() {
    clearInterval(playing);
    playing = undefined;
    play.textContent = "Play";
    if (data) show();
  }

  function start() {
    if (slider.value === slider.max) go(0);
    play.textContent = "Pause";
    playing = setInterval(() => {
      go(slider.valueAsNumber + 1);
      if (slider.value === slider.max) pause();
    }, PAUSE);
  }

  function mind() {
    pause();
    play.hidden = calm.matches;
    find(".fl-watch-calm").hidden = !calm.matches;
  }

  play.addEventListener("click", () => (playing === undefined ? start() : pause()));
  for (const [name, by] of [["back", -1], ["on", 1]]) {
    find(`.fl-watch-${name}`).addEventListener("click", () => {
      pause();
      go(slider.valueAsNumber + by);
    });
  }
  slider.addEventListener("input", pause);
  for (const radio of section.querySelectorAll("[type=radio]")) {
    radio.addEventListener("input", () => data && show());
  }
  document.addEventListener("visibilitychange", () => document.hidden && pause());
  calm.addEventListener("change", mind);

  // -- The frames -----------------------------------------------------------------------------------

  async function load() {
    try {
      await loadScript(section.dataset.frames);
      data = forThePage;
    } catch {
      seen.textContent = heard.textContent =
        "The frames could not be loaded. Load the page again to try once more.";
      return;
    }
    frames = data.weights.map(bytesOf);
    data.units.forEach((unit, k) => (units[k].caption.textContent = `unit ${unit}`));
    data.images.forEach((image, k) => paint(images[k].canvas, {height: 28, width: 28, pixels: bytesOf(image)}));
    slider.max = data.steps.length - 1;
    slider.disabled = play.disabled = false;
    go(data.steps.length - 1);
  }

  mind();
  whenNear(section, load);
}

startWatching(document.getElementById("interactive-watch"));
