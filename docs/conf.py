# How Sphinx turns the course into a site. What needs more than a setting lives in _ext, with tests.

import os
import platform
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.config import is_serializable

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

# Chapters are executed side by side, and each of them is to have one core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Set before the chapters import tqdm: the frames of a bar would be printed one after the other.
os.environ["TQDM_DISABLE"] = "1"
os.environ["FIRSTLAYERS_PROGRESS"] = ""  # the exercises of whoever builds are nobody's business

dataset = os.environ.get("FIRSTLAYERS_DATASET") or "digits"
only = os.environ.get("FIRSTLAYERS_ONLY", "")

# -- Project ---------------------------------------------------------------------------------------

project = "First Layers"
author = "The First Layers authors"
copyright = "2026, The First Layers authors, BSD 3-Clause License"
version = release = version_of("firstlayers")

# -- General ---------------------------------------------------------------------------------------

extensions = [
    "callouts",
    "chapter_cards",
    "code_tokens",
    "content_policy",
    "downloads",
    "exercise_folds",
    "feedback",
    "findable",
    "gallery_costs",
    "gallery_dataset",
    "gallery_figures",
    "gallery_jobs",
    "gallery_stamp",  # before sphinx_gallery, whose cache it corrects
    "glossary_links",
    "interactive",
    "inventories",
    "mathml",
    "measured",
    "method_links",
    "notfound.extension",
    "numpydoc",
    "offline",
    "pictures",
    "plain_code",
    "search_entries",
    "shape_colors",
    "site_style",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "tracks",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
nitpicky = True
toc_object_entries = False  # each function has a heading of its own
html_math_renderer = "mathml"

# -- The course ------------------------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "../tutorials",
    "gallery_dirs": "tutorials",
    "filename_pattern": rf"/tutorials/.*(?:{only})" if only else r"/\d\d_\w+\.py$",
    "within_subsection_order": "FileNameSortKey",  # the default sorts by length
    "image_scrapers": (
        "gallery_figures.scraper",
        "interactive.scraper",
        "exercise_folds.scraper",
        "gallery_costs.scraper",
    ),
    "reset_modules": ("matplotlib", "gallery_reset.reset", "gallery_costs.start"),
    "reset_modules_order": "both",
    "matplotlib_animations": False,
    "capture_repr": (),  # what a chapter shows, it prints
    "inspect_global_variables": False,  # fails on torch's lazy modules
    "doc_module": ("firstlayers",),
    "backreferences_dir": "tutorials/backreferences",
    "remove_config_comments": True,
    "show_signature": False,
    "download_all_examples": False,
    "notebook_extensions": set(),  # the extension `downloads` makes them
    # Both would put the time of the run into the pages, and pages that load foreign scripts.
    "write_computation_times": False,
    "min_reported_time": sys.maxsize,
}

# What nearly all chapters import, and the chapters that take longest.
gallery_imports = ["firstlayers.data", "firstlayers.plotting"]
gallery_first = [
    "3_further/02_scale",
    "2_digits/09_train",
    "1_basics/10_training",
    "2_digits/11_draw_a_digit",
    "4_clinic/01_common_mistakes",
    "1_basics/03_data",
    "1_basics/11_save_load",
]

# Processor seconds of a chapter, as promised. Five times as many fail the build.
gallery_budget = 15

# Besides a chapter's own text, this decides what it prints: a change executes all of them again.
gallery_stamp_paths = ["../src/firstlayers", "conf.py", "_ext", "../requirements.lock"]

# Names in the bar of chapters that cannot be read off a file's name.
chapter_labels = {"save_load": "Save & load"}

# Pages that the search should find first for words that headings of other pages have, too.
search_homes = {"tutorials/1_basics/10_training": ["learning rate"]}

glossary_pages = "tutorials/"
# Everyday words that are terms, too: what is meant when. (Python has classes as well.)
glossary_uses = {
    "batch": r"(?<![\w.-])[Bb]atch(?:es)?(?![\w-])(?! normalization)",
    "class": r"(?<=ten )classes|(?<=each )class\b|(?<=true )class\b",
    "module": r"(?<!the )(?<!Python.s )\b[Mm]odules?\b",
    "normalization": r"(?<![Bb]atch )\b[Nn]ormalization\b",
    "step": r"(?<=training )steps?\b|(?<=optimizer )steps?\b",
}

# Bold words at the start of a paragraph, which are all that a notebook needs, and their look here.
callouts = {
    "Predict, then run": "predict",
    "Your turn": "exercise",
    "Remember": "remember",
}

# The repository on GitHub, for links that report something about a page, and that open a chapter at
# Colab (from the branch that the site is published from) and at Binder.
course_repository = os.environ.get("FIRSTLAYERS_REPOSITORY", "")

# -- API reference and links -----------------------------------------------------------------------

autosummary_generate = False  # the pages are few, and generating them imports PyTorch every time
autodoc_preserve_defaults = True
autodoc_typehints = "none"  # the docstrings say more: shapes, dtypes and units
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
# Plain words in the descriptions of types. numpydoc would link some of them to Python's glossary.
plain_words = {"callable", "class", "function", "iterable", "mapping", "path", "sequence"}
numpydoc_xref_aliases = {
    **{word: word for word in (*plain_words, "bool")},
    "Exercise": "firstlayers.exercises.registry.Exercise",
}
numpydoc_xref_ignore = {"inputs", "labels", "of", "optional", "or", "to", "type", *plain_words}
inventory_sources = ["../tutorials/**/*.py", "../src/firstlayers/*.py", "*.rst", "api/*.rst"]
intersphinx_disabled_reftypes = ["std:*"]  # names of Python objects only, not :doc: and :ref:

# Only a data set that was asked for may be downloaded.
offline_allow_network = dataset != "digits"
if not offline_allow_network:
    sphinx_gallery_conf["reset_modules"] += ("offline.guard_worker",)

# -- HTML ------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "First Layers"
html_baseurl = os.environ.get("FIRSTLAYERS_SITE_URL", "")
html_static_path = ["_static"]
html_css_files = ["firstlayers.css"]
site_style_first = ["_static/styles/theme.css", "_static/styles/pydata-sphinx-theme.css"]
# The theme's script sets it on each block of code, and measures the page between any two.
site_style_without = ["tabindex"]
site_style_apart = ["_static/mathml.css"]  # for pages with formulas
html_js_files = ["firstlayers.js"]
html_domain_indices = False  # one package has no need of a list of modules
html_favicon = "_static/logo.svg"
html_scaled_image_link = False  # a figure is shown at its size, so there is nothing to enlarge
html_show_sourcelink = False
html_copy_source = False
html_context = {
    # For tabs, and for tags of chapters: there are none.
    "unused_scripts": ["_static/design-tabs.js", "_static/sg-tags.js"],
    "default_mode": "auto",
    "tagline": "neural networks with PyTorch, from a matrix to a trained model",
    "executed_with": (
        f"Executed with Python {platform.python_version()}, PyTorch "
        f"{version_of('torch')} and the data set “{dataset}”."
    ),
}
html_theme_options = {
    "logo": {
        "text": "First Layers",
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
    },
    "search_bar_text": "Search the course",
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "article_header_start": ["breadcrumbs", "chapter-bar"],
    "secondary_sidebar_items": ["page-toc", "chapter-downloads", "feedback-link"],
    "article_footer_items": ["chapter-downloads", "feedback-link"],
    "footer_start": ["copyright"],
    "footer_end": ["executed-with"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
findable_title = f"{html_title}: {html_context['tagline']}"
findable_picture = "tutorials/1_basics/images/home-predictions.png"
findable_descriptions = {
    "search": "Search the course: chapters, terms, functions and error messages.",
    "genindex": "All terms and all names of the package firstlayers, from A to Z.",
}
pages_without_neighbors = "index install data notebooks exercises glossary contributing 404 search"
html_sidebars = {page: [] for page in pages_without_neighbors.split()}
copybutton_selector = (
    "div.highlight-Python pre, div.highlight-python pre, div.highlight-console pre"
)
copybutton_prompt_text = "$ "
notfound_urls_prefix = None
if html_baseurl:
    from urllib.parse import urlsplit

    notfound_urls_prefix = urlsplit(html_baseurl).path.rstrip("/") + "/"

assert is_serializable(sphinx_gallery_conf)  # or every build would start from scratch
