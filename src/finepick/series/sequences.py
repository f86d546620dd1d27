"""Sets that are meant to be merged, not chosen from: exposure brackets, panoramas, focus stacks."""

from __future__ import annotations

def split_sequences(members, lookup):
    return [(None, [i for _, i in members])]
