"""Pairs on which the reader is not right yet, with the cause. A list that may only shrink.

Undecided is all that it may be on these: never wrong, never a crash. Who mends one takes it off.
"""

KNOWN = {
    "rows_4-band_4": "query by query on slices of keys: not the same tokens ask and are asked",
}

# Each takes from five seconds to half a minute: tried at a release. Others of their kind are tried
# each time.
LONG = {
    "my_add-my_add_even",
    "local_63-local_64",
    "local_63-mistral",
    "pgl_add-pgl_avg",
    "pgl_mult-my_mult",
    "my_mult-my_max",
    "pgl_add-my_add",
    "llama_meta_grouped-llama",
    "neox_bare-neox_whole",
    "gptj-gptj_whole",
    "rotary_q_bias-rotary_qk_bias",
    "xt_grouped-xt",
    "rotary-rotary_500k",
}
