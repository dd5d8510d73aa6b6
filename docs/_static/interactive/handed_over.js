"use strict"; // what a chapter handed over to its page: it is loaded, and its images are shown

// Calls once, when the reader comes near: data is not loaded for those who never get there.
function whenNear(element, load) {
  const near = new IntersectionObserver(entries => {
    if (!entries.some(entry => entry.isIntersecting)) return;
    near.disconnect();
    load();
  }, {rootMargin: "100% 0px"});
  near.observe(element);
}

function loadScript(address) {
  return new Promise((loaded, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = loaded;
    script.onerror = failed;
    document.head.append(script);
  });
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), character => character.charCodeAt(0));
}

// Show an image; `color` gives red, green, blue and opacity of a pixel.
function paint(canvas, {height, width, pixels}, color = value => [value, value, value, 255]) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const shown = new ImageData(width, height);
  pixels.forEach((value, at) => shown.data.set(color(value), 4 * at));
  canvas.getContext("2d").putImageData(shown, 0, 0);
}
