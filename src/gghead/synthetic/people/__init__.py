"""Whole heads, and their portraits with everything known of them."""
