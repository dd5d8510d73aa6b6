"""The built site, as it is served on this machine."""

import os
from pathlib import Path
from urllib.request import urlopen

SITE = Path(os.environ["FIRSTLAYERS_TEST_SITE"])
ADDRESS = os.environ["FIRSTLAYERS_SITE_URL"]

CHAPTERS = sorted(
    path.relative_to(SITE).with_suffix("").as_posix()
    for path in SITE.glob("tutorials/*/[0-9][0-9]_*.html")
)


def get(address: str) -> bytes:
    """Download from the site."""
    with urlopen(ADDRESS + address, timeout=30) as answer:
        return answer.read()
