"""Recipes that made the bundled checkpoints: tokenizers and transformers from class folders of photos."""
