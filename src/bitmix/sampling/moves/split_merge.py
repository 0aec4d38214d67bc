"""Split, merge and repartition: Metropolis-Hastings proposals for many rows at once."""

from bitmix import kernel


def split_merge(mixture, settings, bit_generator):
    """Make `settings.proposals` proposals (Jain and Neal 2004; see bitmix/kernel/split_merge.pyx).

    Report how many splits, merges and repartitions (two clusters divided anew) were proposed and
    accepted.
    """
    tally = kernel.split_merge(mixture, bit_generator, settings.proposals)
    return {
        f"{kind}_{what}": int(tally[row, column])
        for row, kind in enumerate(("splits", "merges", "repartitions"))
        for column, what in enumerate(("proposed", "accepted"))
    }
