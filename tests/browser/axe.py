"""axe, which looks at a page for whatever shuts somebody out."""

from built import PROGRAMS
from playwright.sync_api import Page
from visit import wait_until

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


def run_axe(page: Page, theme: str, categories: list[str] | None = None) -> dict[str, list[str]]:
    """Look at the page as it is when the reader's system prefers a theme."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    wait_until(page, f"document.documentElement.dataset.theme === '{theme}'")
    return dict(page.evaluate(RUN_AXE, categories))
