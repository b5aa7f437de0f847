"""The algebra of shapes: symbolic sizes, the annotation language and shape arithmetic."""
