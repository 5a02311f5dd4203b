"""Generate: runs, branches, painting, and what can be taken along."""
