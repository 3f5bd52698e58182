"""A benchmark's result as one page to read in a browser. Pure: values in, HTML out.

It decides nothing: verdicts come in as `tollgate.decide` made them. Whatever a result says is untrusted, and reaches
the page only through `markup.tag`, which escapes it. No script, no font and no image is loaded from anywhere.
"""
