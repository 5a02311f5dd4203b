"""Questions asked of codebooks, token maps and pictures. Pure functions of tensors; no models, no page."""
