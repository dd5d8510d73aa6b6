"use strict"; // what firstlayers.drawing does, number for number

const GRID = 112, INK = 32, BOX = 20, SIDE = 28;

// Draw one straight piece of a stroke into an image of GRID x GRID brightnesses, from 0 to 255. Points
// and the width are parts of the image's side.
function drawPiece(image, [fromX, fromY], [toX, toY], width, erase) {
  const ax = GRID * fromX, ay = GRID * fromY, bx = GRID * toX, by = GRID * toY;
  const dx = bx - ax, dy = by - ay, length = dx * dx + dy * dy;
  const reach = width * GRID / 2 + 0.5;
  const first = (a, b) => Math.max(Math.floor(Math.min(a, b) - reach), 0);
  const last = (a, b) => Math.min(Math.ceil(Math.max(a, b) + reach), GRID);
  for (let row = first(ay, by); row < last(ay, by); row++) {
    for (let column = first(ax, bx); column < last(ax, bx); column++) {
      const x = column + 0.5, y = row + 0.5;
      let along = length ? ((x - ax) * dx + (y - ay) * dy) / length : 0;
      along = Math.min(Math.max(along, 0), 1);
      const offX = x - (ax + along * dx), offY = y - (ay + along * dy);
      const distance = Math.sqrt(offX * offX + offY * offY);
      const ink = Math.floor(Math.min(Math.max(reach - distance, 0), 1) * 255 + 0.5);
      const at = row * GRID + column;
      image[at] = erase ? Math.min(image[at], 255 - ink) : Math.max(image[at], ink);
    }
  }
}

// Draw strokes, each {points, width, erase}, into an empty image.
function rasterize(strokes) {
  const image = new Uint8Array(GRID * GRID);
  for (const {points, width, erase} of strokes)
    points.forEach((point, i) => drawPiece(image, points[Math.max(i - 1, 0)], point, width, erase));
  return image;
}

// Crop an image, scale it, put its center of mass into the middle; null if nothing is drawn.
function prepare(image, width = GRID) {
  const height = image.length / width;
  let top = height, bottom = -1, left = width, right = -1;
  image.forEach((value, at) => {
    if (value < INK) return;
    const row = Math.floor(at / width), column = at % width;
    top = Math.min(top, row);
    bottom = Math.max(bottom, row);
    left = Math.min(left, column);
    right = Math.max(right, column);
  });
  if (bottom < 0) return null;
  const cropped = picture(bottom - top + 1, right - left + 1, (row, column) =>
    image[(top + row) * width + left + column]);
  const scaled = scale(cropped);
  return {cropped, scaled, centered: center(scaled)};
}

function picture(height, width, value) {
  const pixels = new Uint8Array(height * width);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++)
      pixels[row * width + column] = value(row, column);
  return {height, width, pixels};
}

// The longer side becomes 20 pixels. Each new pixel is the mean of what it covers.
function scale({height, width, pixels}) {
  const longer = Math.max(height, width);
  const shrink = side => Math.max(1, Math.floor((2 * BOX * side + longer) / (2 * longer)));
  const newHeight = shrink(height), newWidth = shrink(width);
  return picture(newHeight, newWidth, (newRow, newColumn) => {
    let sum = 0;
    for (const [row, down] of covered(newRow, newHeight, height))
      for (const [column, across] of covered(newColumn, newWidth, width))
        sum += down * across * pixels[row * width + column];
    return Math.floor((2 * sum + height * width) / (2 * height * width));
  });
}

// Which old pixels a new one covers, and how much of each, in parts of an old one.
function covered(at, count, old) {
  const parts = [];
  const start = at * old, end = start + old;
  for (let i = Math.floor(start / count); i * count < end; i++)
    parts.push([i, Math.min(end, (i + 1) * count) - Math.max(start, i * count)]);
  return parts;
}

function center({height, width, pixels}) {
  let mass = 0, down = 0, across = 0;
  pixels.forEach((value, at) => {
    mass += value;
    down += value * Math.floor(at / width);
    across += value * (at % width);
  });
  const place = (sum, side) =>
    Math.min(Math.max(Math.floor((SIDE / 2 * mass - sum) / mass), 0), SIDE - side);
  const top = place(down, height), left = place(across, width);
  return picture(SIDE, SIDE, (row, column) => {
    const r = row - top, c = column - left;
    return r >= 0 && r < height && c >= 0 && c < width ? pixels[r * width + c] : 0;
  });
}
