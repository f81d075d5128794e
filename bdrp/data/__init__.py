"""Files in, checked tables out: screens, their identifiers, their sources and their splits."""
