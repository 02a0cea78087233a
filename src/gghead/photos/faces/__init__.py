"""Faces of a photograph: where they are, their landmarks, how the head is turned, whether they are sharp."""
