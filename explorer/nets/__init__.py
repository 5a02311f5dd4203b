"""Published architectures in plain torch, one file each, with the parameter names of the released files."""
