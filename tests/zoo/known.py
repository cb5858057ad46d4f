"""Pairs on which the reader is not right yet, with the cause. A list that may only shrink.

Undecided is all that it may be on these: never wrong, never a crash. Who mends one takes it off.
"""

KNOWN = {
    "rows_4-band_4": "query by query on slices of keys: not the same tokens ask and are asked",
}
