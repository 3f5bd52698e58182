"""What CI shows of the verdicts: how often they are wrong and how soon they come, on simulated traffic.

`traffic` throws the dice (seeded), `exact` does without them, `rules` says when the product's own code would speak,
and `chance` how far a simulation may stray from what was promised. docs/statistics.md is made from the same parts.
"""
