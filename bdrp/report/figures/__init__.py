"""How the figures of all pages look, and how one becomes SVG; each figure lives beside the page that shows it."""
