"""`make demo`: five releases of the digits model on a real cluster, under steady traffic. Two are good."""
