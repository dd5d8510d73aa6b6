"""What axe is told to look at."""

from built import PROGRAMS

AXE = (PROGRAMS / "axe-core" / "axe.min.js").read_text("utf-8")
# All rules of axe but those of WCAG's level AAA, and those that axe itself calls obsolete.
RUN_AXE = """async categories => {
  const rules = axe.getRules().filter(({tags}) =>
    !tags.some(tag => /^wcag2\\d*aaa$|deprecated|obsolete/.test(tag))
    && (!categories || tags.some(tag => categories.includes(tag))));
  const {violations} = await axe.run({
    runOnly: {type: "rule", values: rules.map(rule => rule.ruleId)}, resultTypes: ["violations"],
  });
  return violations.map(({id, nodes}) => [id, nodes.map(node => node.html.slice(0, 200))]);
}"""
# A chapter's code is thousands of colored words. Within a block, words of one class look alike: the
# first of each is looked at, and the others become plain text.
THIN_OUT = """() => {
  for (const code of document.querySelectorAll(".highlight pre")) {
    const seen = new Set();
    for (const word of code.querySelectorAll("span")) {
      const look = word.className + (word.closest("a") ? " in a link" : "");
      if (word.className && !seen.has(look)) seen.add(look);
      else word.replaceWith(...word.childNodes);
    }
    code.normalize();
  }
}"""
