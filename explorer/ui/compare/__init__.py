"""Compare: next-scale beside raster, orders, tokenizers."""
