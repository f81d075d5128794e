"""How a page of the report becomes one HTML file: its parts, its tables, its template, and where it is written."""
