"""Work over many pictures: for the verbs that take a folder, and for what is derived from the weights."""
