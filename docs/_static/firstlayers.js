"use strict";

// Tables and formulas that are wider than their place scroll. Then they have a name, and the keyboard
// reaches them.
const wide = document.querySelectorAll(".pst-scrollable-table-container, div.math");

function nameWhatScrolls() {
  wide.forEach((place, index) => {
    if (place.scrollWidth > place.clientWidth) {
      const kind = place.classList.contains("math") ? "Formula" : "Table";
      place.tabIndex = 0;
      place.setAttribute("role", "region");
      place.setAttribute("aria-label", `${kind} ${index + 1}, scrolls sideways`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) place.removeAttribute(name);
    }
  });
}

new ResizeObserver(nameWhatScrolls).observe(document.documentElement);

// The search shows the place where it found something, for which it fetches the page. In pages that were
// opened from a folder, browsers forbid that.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What it shows is text, and not the names of other pages in the lists of links above the text.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const {htmlToText} = Search;
  Search.htmlToText = (page, anchor) => htmlToText(page.replace(/<nav\b[^]*?<\/nav>/g, ""), anchor);
});
