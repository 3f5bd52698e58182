"""Result files of other load generators, as a `BenchmarkRun`. Pure: parsed files in, documents out.

What a file does not tell is not made up: a latency that does not run from the schedule, or that is known as a summary
only, certifies nothing (`uncertified` of the stage).
"""
