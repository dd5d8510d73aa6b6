"use strict"; // the network of the chapter, in lists of numbers

function linear(x, {weight, bias}) {
  return Array.from(bias, (b, unit) => {
    let sum = b;
    const row = unit * x.length;
    for (let i = 0; i < x.length; i++)
      sum += weight[row + i] * x[i];
    return sum;
  });
}

function relu(x) {
  return x.map(v => Math.max(v, 0));
}

function softmax(logits) {
  const max = Math.max(...logits);
  const e = logits.map(z => Math.exp(z - max));
  const sum = e.reduce((a, b) => a + b);
  return e.map(v => v / sum);
}

function forward(pixels, [fc1, fc2, fc3]) {
  const x = pixels.map(
    v => (v / 255 - 0.5) / 0.5);
  const hidden1 = relu(linear(x, fc1));
  const hidden2 = relu(linear(hidden1, fc2));
  const logits = linear(hidden2, fc3);
  return {
    hidden1, hidden2, logits,
    probabilities: softmax(logits),
  };
}
