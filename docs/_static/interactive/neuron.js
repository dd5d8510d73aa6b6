"use strict";
// One neuron with one input: y = f(w · x + b).

const activations = {
  step: z => (1 + Math.sign(z)) / 2, // as in the chapter, one half at 0
  sigmoid: z => 1 / (1 + Math.exp(-z)),
  tanh: Math.tanh,
  ReLU: z => Math.max(0, z),
};

function neuron(x, w, b, activation) {
  return activations[activation](w * x + b);
}

const chart = makeChart(
  document.querySelector(".fl-neuron svg"),
  {from: -4, to: 4, ticks: [-4, -2, 0, 2, 4], name: "input x"},
  {from: -1.25, to: 2.25, ticks: [-1, 0, 1, 2], name: "output y"},
);
const places = Array.from({length: 321}, (_, k) => k / 40 - 4);
const [zero, curve, dot] = [chart.line("fl-mark"), chart.line("fl-line"), chart.dot("fl-dot", 6)];

const inBrackets = text => (text.startsWith("\u2212") ? `(${text})` : text);

// The sliders go in quarters, which have no rounding error: a sum of 0 is exactly 0.
startExperiment("neuron", ({weight: w, bias: b, input: x, activation}) => {
  const [z, y] = [w * x + b, neuron(x, w, b, activation)];
  chart.trace(zero, w === 0 ? [] : [[-b / w, -9], [-b / w, 9]]);
  chart.trace(curve, places.map(place => [place, neuron(place, w, b, activation)]));
  chart.put(dot, x, y);
  const sum = short(z, 6);
  return [
    `w · x + b = ${short(w)} · ${inBrackets(short(x))} + ${inBrackets(short(b))} = ${sum}`,
    `y = ${activation}(${sum}) = ${fixed(y, 4)}`,
    w === 0 ? `The sum is ${short(b)} for every x.` : `The sum is 0 at x = ${short(-b / w)}.`,
  ].join("\n");
});
