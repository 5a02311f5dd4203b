"""Results as pictures: what the page shows, made of numbers. Knows tensors and PIL, no models and no page."""
