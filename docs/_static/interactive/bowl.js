"use strict";
// Gradient descent on the loss w², whose gradient is 2 w.

function descend(start, learningRate, steps) {
  const places = [start];
  for (let step = 0; step < steps; step++) {
    const w = places[step];
    places.push(w - learningRate * 2 * w);
  }
  return places;
}

// What became of it, in words.
function verdict(places, learningRate) {
  if (learningRate > 1) return "It diverges: farther out with each jump.";
  if (learningRate === 1) return "Exactly back and forth, never closer.";
  if (learningRate > 0.5) return "Side to side, and still it converges.";
  if (learningRate === 0.5) return "It is at the bottom after one step.";
  const [start, end] = [places[0], places.at(-1)];
  return end > start / 10 ? "Too low: it is still far away." : "It converges.";
}

const chart = makeChart(
  document.querySelector(".fl-bowl svg"),
  {from: -3, to: 3, ticks: [-3, -2, -1, 0, 1, 2, 3], name: "weight w"},
  {from: 0, to: 9, ticks: [0, 2, 4, 6, 8], name: "loss w²"},
);
const [bowl, path] = [chart.line("fl-line"), chart.line("fl-path")];
const dots = Array.from({length: 21}, () => chart.dot("fl-dot", 4));
chart.trace(bowl, Array.from({length: 121}, (_, k) => k / 20 - 3).map(w => [w, w ** 2]));

startExperiment("bowl", ({rate}) => {
  const places = descend(2, rate, 20);
  chart.trace(path, places.map(w => [w, w ** 2]));
  places.forEach((w, k) => chart.put(dots[k], w, w ** 2));
  const end = places.at(-1);
  return [
    `Factor: 1 \u2212 2 · ${fixed(rate, 2)} = ${fixed(1 - 2 * rate, 2)}`,
    `After 20 steps: w = ${short(end)}`,
    `Loss: ${short(end ** 2)}`,
    verdict(places, rate),
  ].join("\n");
});
