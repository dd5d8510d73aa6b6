"use strict";
// Softmax of four logits at a temperature.

function softmax(logits, temperature) {
  const largest = Math.max(...logits); // without it, the powers of large logits would be infinite
  const powers = logits.map(logit => Math.exp((logit - largest) / temperature));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map(power => power / sum);
}

const picture = document.querySelector(".fl-softmax svg");
const [classes, left, full] = [[0, 1, 2, 3], 56, 200]; // a bar of probability 1 is 200 wide
const bars = classes.map(k => {
  const y = 14 + 46 * k;
  draw(picture, "text", {class: "fl-tick-y", x: left - 8, y: y + 18}, `class ${k}`);
  draw(picture, "rect", {class: "fl-room", x: left, y, width: full, height: 28});
  const bar = draw(picture, "rect", {x: left, y, height: 28});
  const text = draw(picture, "text", {class: "fl-number", x: left + full + 8, y: y + 19});
  return {bar, text};
});

startExperiment(
  "softmax",
  ({temperature, ...logits}) => {
    const probabilities = softmax(classes.map(k => logits[`logit-${k}`]), temperature);
    const largest = Math.max(...probabilities);
    const first = classes.filter(k => probabilities[k] === largest);
    bars.forEach(({bar, text}, k) => {
      bar.setAttribute("width", (full * probabilities[k]).toFixed(2));
      bar.setAttribute("class", first.includes(k) ? "fl-largest" : "fl-bar");
      text.textContent = fixed(probabilities[k], 4);
    });
    const sum = probabilities.reduce((total, p) => total + p, 0);
    const names = new Intl.ListFormat("en").format(first.map(String));
    const shared = `Classes ${names} share the largest.`;
    return [
      `Probabilities: ${probabilities.map(p => fixed(p, 4)).join(", ")}`,
      `Their sum: ${fixed(sum, 4)}`,
      first.length > 1 ? shared : `The largest is that of class ${names}.`,
    ].join("\n");
  },
  {temperature: position => 10 ** (position / 20)}, // a slider with equal steps for equal factors
);
