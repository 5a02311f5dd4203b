"""Recipes that made the bundled checkpoints: tokenizers and transformers from a folder or zip of class
folders.
"""
