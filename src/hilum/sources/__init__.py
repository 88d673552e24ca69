"""Where studies come from: the MIMIC-CXR(-JPG) layout, what of it is new, and what is to be forgotten."""
