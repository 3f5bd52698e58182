"""The report page in a real browser: what a person would see, on a phone and a desk, in both colour schemes."""
