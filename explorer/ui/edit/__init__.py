"""Edit: other tokens into a picture, and what comes of it."""
