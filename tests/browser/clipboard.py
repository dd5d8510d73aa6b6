"""What a reader pastes after having copied something."""

from playwright.sync_api import Page


def pasted(page: Page) -> str:
    """Paste into a text field of another page, and return what comes."""
    other = page.context.new_page()
    other.set_content("<textarea autofocus></textarea>")
    other.locator("textarea").focus()
    other.keyboard.press("Control+v")
    text = other.locator("textarea").input_value()
    other.close()
    return text
