"""How good is a model? Figures on photos that it has not seen: `python -m explorer evaluate`."""
