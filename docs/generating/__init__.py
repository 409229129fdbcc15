"""What writes the reference pages: one module per page, each from the code that the page tells of."""
