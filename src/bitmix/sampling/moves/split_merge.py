"""Split, merge and repartition: Metropolis-Hastings proposals for many rows at once."""

import numpy as np

from bitmix import kernel


def split_merge(mixture, settings, bit_generator, proposals=None):
    """Make proposals (Jain and Neal 2004; see bitmix/kernel/split_merge.pyx).

    There are `settings.proposals` of them. If that is "auto", the chain gives their number.

    Report how many splits, merges and repartitions (two clusters divided anew) were proposed and
    accepted, what they added to the log joint, and how much work they were.
    """
    number = settings.proposals if proposals is None else proposals
    tally, gain, work = np.zeros((3, 2), int), 0.0, 0
    if number:
        tally, gain, work = kernel.split_merge(mixture, bit_generator, number)
    return {
        f"{kind}_{what}": int(tally[row, column])
        for row, kind in enumerate(("splits", "merges", "repartitions"))
        for column, what in enumerate(("proposed", "accepted"))
    } | {"split_merge_gain": gain, "split_merge_work": work}
