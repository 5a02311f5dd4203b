"""The model chip: which models there are, what they need, and one page for each choice."""
