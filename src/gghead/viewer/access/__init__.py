"""Who may open the page, and what a browser may say to it."""
