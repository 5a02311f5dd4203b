"""Codebook: all codes on one plane, and how they are used."""
