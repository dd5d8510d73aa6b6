"use strict"; // the drawing area, and all that follows from a drawing

const UNDO_STEPS = 50; // images of 12.5 kB each

// How far the ink of each pixel moves the lead of class k over the mean of all classes: brightness times
// gradient. The gradient goes backwards through the layers, and only through units that are on.
function contributions(pixels, [fc1, fc2, fc3], {hidden1, hidden2, logits}, k) {
  const lead = logits.map((_, unit) => (unit === k ? 1 : 0) - 1 / logits.length);
  const back = (gradient, {weight}, inputs, isOn) => inputs.map((input, i) =>
    isOn(input) ? gradient.reduce((sum, g, unit) => sum + g * weight[unit * inputs.length + i], 0) : 0);
  const ofHidden2 = back(lead, fc3, hidden2, value => value > 0);
  const ofHidden1 = back(ofHidden2, fc2, hidden1, value => value > 0);
  const gradient = back(ofHidden1, fc1, pixels, value => value > 0);
  return gradient.map((g, i) => g * pixels[i] / 255 / 0.5);
}

// Weights come as whole numbers of 16 bits, which are multiples of 1 / scale.
function layersOf({layers, scale}) {
  const numbers = text => Float32Array.from(new Int16Array(bytesOf(text).buffer), v => v / scale);
  return layers.map(({weight, bias}) => ({weight: numbers(weight), bias: numbers(bias)}));
}

// Where the browser can, it checks that the weights are those that the chapter exported.
async function isWhole({layers, sha256}) {
  if (!globalThis.crypto?.subtle) return true;
  const parts = layers.flatMap(({weight, bias}) => [bytesOf(weight), bytesOf(bias)]);
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  return sha256 === Array.from(new Uint8Array(digest), b => b.toString(16).padStart(2, "0")).join("");
}

function startDrawing(section) {
  const find = name => section.querySelector(`.fl-draw-${name}`);
  const pad = find("canvas"), says = find("says"), penSays = find("pen"), eraser = find("eraser");
  const steps = Object.fromEntries(
    ["cropped", "scaled", "centered", "hidden1", "hidden2", "why"].map(name => [
      name, {canvas: find(name), text: find(name).parentElement.querySelector("span")}]));
  const image = new Uint8Array(GRID * GRID);
  const undo = [];
  const pen = {at: [0.5, 0.5], pointer: null, isDown: false};
  let data, layers, prepared, result, frame, settled;

  // -- What follows from the drawing ---------------------------------------------------------------

  function changed() {
    frame ??= requestAnimationFrame(show);
  }

  function show() {
    frame = undefined;
    paint(pad, {height: GRID, width: GRID, pixels: image});
    if (document.activeElement === pad) drawPen();
    prepared = prepare(image);
    result = prepared && layers ? forward(Array.from(prepared.centered.pixels), layers) : null;
    const best = result ? result.probabilities.indexOf(Math.max(...result.probabilities)) : -1;
    showSteps();
    showUnits("hidden1", result?.hidden1, 8);
    showUnits("hidden2", result?.hidden2, 4);
    showAnswer(best);
    showWhy(best);
    clearTimeout(settled);
    if (result) settled = setTimeout(report, 400);
    else report();
  }

  function showSteps() {
    for (const name of ["cropped", "scaled", "centered"]) {
      const part = prepared?.[name] ?? {height: 1, width: 1, pixels: [0]};
      paint(steps[name].canvas, part);
      steps[name].text.textContent = prepared ? `${part.height} × ${part.width} pixels` : "–";
    }
  }

  function showUnits(name, units, height) {
    const width = steps[name].canvas.width;
    const largest = units ? Math.max(...units, 1e-9) : 1;
    const pixels = units ? units.map(value => 255 * value / largest) : new Array(height * width).fill(0);
    paint(steps[name].canvas, {height, width, pixels});
    const on = units?.filter(value => value > 0).length;
    steps[name].text.textContent = units ? `${on} of ${units.length} units are on` : "–";
  }

  function showAnswer(best) {
    rows.forEach(({row, bar, probability, logit}, k) => {
      row.classList.toggle("fl-draw-best", k === best);
      bar.value = result ? result.probabilities[k] : 0;
      probability.textContent = result ? percent(result.probabilities[k]) : "–";
      logit.textContent = result ? result.logits[k].toFixed(2).replace("-", "−") : "–";
    });
  }

  function showWhy(best) {
    const {canvas, text} = steps.why;
    if (!result) {
      paint(canvas, {height: SIDE, width: SIDE, pixels: new Array(SIDE * SIDE).fill(0)}, () => [0, 0, 0, 0]);
      text.textContent = "–";
      return;
    }
    const pixels = contributions(Array.from(prepared.centered.pixels), layers, result, best);
    const largest = Math.max(...pixels.map(Math.abs), 1e-9);
    paint(canvas, {height: SIDE, width: SIDE, pixels}, value => [
      ...(value > 0 ? [224, 72, 77] : [47, 127, 211]), 255 * Math.sqrt(Math.abs(value) / largest)]);
    text.textContent = `red ink speaks for ${data.classes[best]}, blue ink against it`;
  }

  const percent = value => value > 0.9995 ? ">99.9%" : `${(100 * value).toFixed(1)}%`;

  // In words, once the pen rests: screen readers read it aloud.
  function report() {
    if (!prepared) return tell("Nothing drawn yet.");
    if (!result) return; // what is being loaded stands there
    const {probabilities, hidden1, hidden2} = result;
    const [first, second] = probabilities.map((p, k) => [p, k]).sort((a, b) => b[0] - a[0]);
    const words = first[0] < 0.6 ? "It hesitates" : "It reads";
    const next = second[0] < 0.0005 ? "No other class gets 0.1%."
      : `Next: ${data.classes[second[1]]}, ${percent(second[0])}.`;
    tell(`${words}: ${data.classes[first[1]]}, ${percent(first[0])}. ${next}`);
    const list = units => units.map(value => value.toFixed(2)).join(", ");
    find("numbers1").textContent = list(hidden1);
    find("numbers2").textContent = list(hidden2);
  }

  function tell(words) {
    if (says.textContent !== words) says.textContent = words;
  }

  // -- Drawing -------------------------------------------------------------------------------------

  function remember() {
    undo.push(image.slice());
    if (undo.length > UNDO_STEPS) undo.shift();
  }

  function draw(to) {
    drawPiece(image, pen.at, to, find("width").value / 100, eraser.ariaPressed === "true");
    pen.at = to;
    changed();
  }

  // Where the area is now: it may have moved or changed its size since the stroke began.
  function place(event) {
    const {left, top, width, height} = pad.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  pad.addEventListener("pointerdown", event => {
    if (event.button !== 0 || pen.pointer !== null) return;
    pen.pointer = event.pointerId;
    pad.setPointerCapture(event.pointerId);
    remember();
    pen.at = place(event);
    draw(pen.at);
  });
  pad.addEventListener("pointermove", event => {
    if (event.pointerId !== pen.pointer) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) draw(place(move));
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
    pad.addEventListener(end, event => {
      if (event.pointerId === pen.pointer) pen.pointer = null;
    });

  const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  pad.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      const far = event.shiftKey ? 8 / GRID : 2 / GRID;
      const to = pen.at.map((at, axis) => Math.min(Math.max(at + far * arrow[axis], 0.02), 0.98));
      if (pen.isDown) draw(to);
      pen.at = to;
    } else if (event.key === " ") {
      pen.isDown = !pen.isDown;
      if (pen.isDown) {
        remember();
        draw(pen.at);
      }
    } else if (event.key === "Escape") pen.isDown = false;
    else return;
    event.preventDefault(); // else the page would scroll
    sayPen();
    changed();
  });
  pad.addEventListener("focus", changed);
  pad.addEventListener("blur", () => {
    pen.isDown = false;
    penSays.textContent = "";
    changed();
  });

  let saying;
  function sayPen() {
    clearTimeout(saying);
    const [x, y] = pen.at.map(at => Math.round(100 * at));
    saying = setTimeout(() => {
      penSays.textContent = `${pen.isDown ? "Pen down" : "Pen up"}, ${x} from the left, ${y} from the top.`;
    }, 300);
  }

  function drawPen() {
    if (pen.pointer !== null || !pad.matches(":focus-visible")) return;
    const context = pad.getContext("2d");
    context.strokeStyle = "#f0a35e";
    context.fillStyle = "#f0a35e";
    context.beginPath();
    context.arc(pen.at[0] * GRID, pen.at[1] * GRID, Math.max(find("width").value / 200 * GRID, 3), 0, 7);
    context.stroke();
    if (pen.isDown) context.fill();
  }

  // -- Buttons -------------------------------------------------------------------------------------

  find("undo").addEventListener("click", () => {
    const before = undo.pop();
    if (before) image.set(before);
    changed();
  });
  find("clear").addEventListener("click", () => {
    if (image.some(value => value)) remember();
    image.fill(0);
    changed();
  });
  eraser.addEventListener("click", () => {
    eraser.ariaPressed = eraser.ariaPressed === "true" ? "false" : "true";
  });
  find("width").addEventListener("input", ({target}) => {
    target.setAttribute("aria-valuetext", `${target.value} percent of the side`);
    changed();
  });

  // Another image of this class at each click. A pixel of it is four by four of ours.
  function showSample(row) {
    const small = bytesOf(data.samples[row.k][row.turn++ % data.samples[row.k].length]);
    const times = GRID / SIDE;
    remember();
    image.forEach((_, at) => {
      const r = Math.floor(at / GRID / times), c = Math.floor(at % GRID / times);
      image[at] = small[r * SIDE + c];
    });
    changed();
  }

  // A row of the table and a button for each class. They are there before their names are, so that
  // nothing moves when the weights come.
  function makeRow(_, k) {
    const row = find("bars").tBodies[0].insertRow();
    const [head, bar, probability, button] = ["th", "progress", "span", "button"].map(
      name => document.createElement(name));
    head.scope = "row";
    row.append(head);
    row.insertCell().append(bar, probability);
    button.type = "button";
    button.disabled = true;
    find("samples").append(button);
    const made = {row, head, bar, probability, logit: row.insertCell(), button, k, turn: 0};
    button.addEventListener("click", () => showSample(made));
    nameRow(made, k);
    return made;
  }

  function nameRow({head, bar, button}, name) {
    head.textContent = button.textContent = name;
    bar.setAttribute("aria-label", `probability of ${name}`);
  }

  // -- The network ---------------------------------------------------------------------------------

  async function loadWeights() {
    tell("The network is being loaded …");
    try {
      await loadScript(section.dataset.weights);
      if (!await isWhole(forThePage)) throw new Error("the weights differ from what was exported");
      data = forThePage;
      layers = layersOf(data);
    } catch {
      tell("The network could not be loaded. Load the page again to try once more.");
      return;
    }
    rows.forEach((row, k) => {
      nameRow(row, data.classes[k]);
      row.button.disabled = false;
    });
    find("weights").textContent = data.about;
    show();
    report();
  }

  const rows = Array.from({length: 10}, makeRow);
  show();
  whenNear(section, loadWeights);
}

for (const section of document.querySelectorAll(".fl-draw")) startDrawing(section);
