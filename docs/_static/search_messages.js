"use strict";

// Readers look for a message as they have it: with the type of the error in front, with their own numbers,
// perhaps a whole traceback. If the clinic has an entry for it, then that is found first, and all else by
// the words that do not change. The search page brings the table of entries, errorMessages.
document.addEventListener("DOMContentLoaded", () => {
  const {query} = Search;

  const entryOf = words => errorMessages.entries.find(
    ({patterns}) => patterns.some(pattern => new RegExp(pattern, "i").test(words))
  );

  // The message alone: without what stands in front of it, and without the numbers at its end.
  const plain = words => words.replace(/^[\w.]*(Error|Exception|Warning): /, "").replace(/ \([^()]*\)$/, "");

  Search.query = whole => {
    const words = whole.trim().replace(/\s+/g, " ");
    const entry = entryOf(words);
    if (entry) {
      Scorer.score = ([page, , anchor, , score, , kind]) =>
        kind === "title" && page === errorMessages.page && anchor === `#${entry.anchor}` ? 1000 : score;
    }
    query(entry ? entry.title : plain(words));
  };
});
