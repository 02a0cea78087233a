"""The web page on which heads are looked at: state, pictures, page, and the watching of runs."""
