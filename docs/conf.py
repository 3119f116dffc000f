"""How sphinx builds the documentation: ``make docs``."""

import os
from datetime import date

# Before Keras and TensorFlow are imported by an example.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import skdenoise

project = "skdenoise"
author = "skdenoise developers"
copyright = f"{date.today().year}, {author}"
version = release = skdenoise.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "**/README.*"]
templates_path = ["_templates"]
# `psnr` in a docstring becomes a link where there is such a thing, and code where there is not.
default_role = "autolink"

autodoc_typehints = "none"
autosummary_generate = True
autosummary_imported_members = True
numpydoc_show_class_members = False
numpydoc_validation_checks = set()
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["auto_examples"],
    "filename_pattern": r"/plot_",
    "ignore_pattern": r"/(?!plot_)[^/]*\.py$",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdenoise",),
    "show_memory": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"skdenoise {version}"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {"install": [], "changelog": [], "design": []}


def keep_our_members(app, what, name, member, skip, options):
    """Leave out what scikit-learn adds to an estimator: its own pages describe it."""
    module = getattr(member, "__module__", None) or skdenoise.__name__
    return skip or not module.startswith(skdenoise.__name__)


def setup(app):
    """Connect the filter above."""
    app.connect("autodoc-skip-member", keep_our_members)
