"""Parts of a rendered head beside its hair: skin, eyes, mouth, glasses, clothes."""
