"""One prompt over the rows of a table.

::

    rows      what was given -> rows, by number           answers   each ended turn, on disk
    requests  a row -> its request, and that one's key    budget    reserved before, settled after
    plan      which rows to ask; what became of each      feed      prompts, written ahead
    job       sends them, so many at a time               tally     the figures
    backend   where rows are asked: here, or elsewhere    cluster   on the workers of a Dask client
    worker    what those do with a row                    places    what they share of an account
    results   a job -> replies, a frame                   run       map, amap, imap
    votes     answers -> the distinct ones, counted       scores    sweeps and votes, summed up
    live      what calls that are asked now share         batch     the same as a provider's batch

The request about a row is prepared once and filled for each row. A row's place is free for the next
one when its answer is on disk.
"""
