"""How sphinx builds the documentation: ``make docs``."""

import os
from datetime import date
from pathlib import Path

# Before Keras and TensorFlow are imported by an example.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sphinx.util.docutils import SphinxRole
from sphinx.util.nodes import make_refnode

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
default_role = "name"
smartquotes = False  # default="unet" is code

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
    "filename_pattern": r"(^|/)plot_",
    "ignore_pattern": r"(^|/)(?!plot_)[^/]*\.py$",
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
html_sidebars = {"install": [], "guide": [], "changelog": [], "design": []}


# Shown as code instead of a link, so that the build needs no network.
OTHER_PROJECTS = {"keras", "matplotlib", "numpy", "scipy", "skimage", "sklearn"}


class Name(SphinxRole):
    """`psnr` in a docstring: a link where there is such a thing, and code where there is not."""

    def run(self):
        """Make the node, marked as one that may lead nowhere."""
        role = self.env.domains.python_domain.role("obj")
        found, messages = role(
            "obj", self.rawtext, self.text, self.lineno, self.inliner, self.options, self.content
        )
        for node in found:
            node["may_lead_nowhere"] = True
        return found, messages


def find_by_last_name(app, env, node, content):
    """Resolve `psnr`, `metrics.psnr` and `skdenoise.metrics.psnr` alike, if only one is meant."""
    if node.get("refdomain") != "py":
        return None
    package, _, _ = node["reftarget"].partition(".")
    _, _, name = node["reftarget"].rpartition(".")
    known = env.domains.python_domain.objects
    matches = [path for path in known if path.endswith(f".{name}") and not known[path].aliased]
    if len(matches) == 1 and package not in OTHER_PROJECTS:
        entry = known[matches[0]]
        page = node["refdoc"]
        return make_refnode(app.builder, page, entry.docname, entry.node_id, content, matches[0])
    if node.get("may_lead_nowhere") or package in OTHER_PROJECTS:
        return content
    return None


def keep_our_members(app, what, name, member, skip, options):
    """Leave out what scikit-learn adds to an estimator: its own pages describe it."""
    module = getattr(member, "__module__", None) or skdenoise.__name__
    return skip or not module.startswith(skdenoise.__name__)


def write_model_cards(app):
    """Write ``models.md``: the cards of the weights that come with the package."""
    lines = ["# Trained weights", "", "`skdenoise models` prints this page, too.", ""]
    for card in skdenoise.model_cards():
        lines += [f"## {card.pop('name')}", ""]
        for name, value in card.items():
            if value in (None, []):
                continue
            if isinstance(value, dict):
                value = "; ".join(f"{key}: {found}" for key, found in value.items())
            elif isinstance(value, list):
                value = "; ".join(map(str, value))
            lines += [name, f": {f'`{value}`' if name == 'command' else value}", ""]
    Path(app.srcdir, "models.md").write_text("\n".join(lines), encoding="utf-8")


def setup(app):
    """Connect what stands above."""
    app.add_role("name", Name())
    app.connect("autodoc-skip-member", keep_our_members)
    app.connect("missing-reference", find_by_last_name)
    app.connect("builder-inited", write_model_cards)
