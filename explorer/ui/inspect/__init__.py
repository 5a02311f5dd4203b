"""Inspect: the tokens of a picture, what each scale adds, how surprised the generator is."""
