"""Rows that are given to a provider as a batch, at its price, and answered within a day.

::

    records    batches, their parts and rows, on disk    lines    a request <-> a line -> a turn
    remote     what the batch APIs have in common        openrouter, bigmodel    how each is spelled
    stored     rows and requests as the disk has them    courier  sends, asks, collects
    job        who waits, and what became of the rows    handle   what the user holds
    submit     rows -> a batch                           listing  ``glm.batches()``
    files      ``glm.read_results``

A part is on disk before its first byte is sent, and its id as soon as there is one. What is known
of a batch is what the disk has; a handle reads it, and any kernel can go on with it.
"""
