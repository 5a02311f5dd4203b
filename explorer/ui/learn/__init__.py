"""Learn: short pages that work in the live panels."""
