"""The rendered face back in the picture."""
