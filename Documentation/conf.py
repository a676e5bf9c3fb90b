# SPDX-License-Identifier: GPL-2.0
project = "kvmcore"
author = "The kvmcore authors"
copyright = author
extensions = ["sphinx.ext.graphviz"]
graphviz_output_format = "svg"
html_theme = "alabaster"
html_theme_options = {"description": "a small drop-in /dev/kvm", "page_width": "1100px"}
exclude_patterns = ["_build"]
