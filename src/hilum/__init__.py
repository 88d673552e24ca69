"""hilum: find earlier chest X-rays with the same finding in the same anatomical region.

Importing it fixes the arithmetic of this process and of those it starts: see `REPEATABLE`.
"""

import os

# What Intel's documentation of MKL asks for where a run must repeat bit by bit ("Obtaining Numerically Reproducible
# Results"). Set over what the environment says, because the bytes of a checkpoint depend on code, data and params
# alone, and here, because OpenMP reads its variables once, when torch is loaded. AUTO keeps the fastest instructions
# of the processor; the same bytes on another kind of processor are not promised.
REPEATABLE = {
    "MKL_CBWR": "AUTO",  # fixed cache sizes, deterministic reductions, static scheduling
    "MKL_DYNAMIC": "FALSE",  # as many threads as params.yaml says, however busy the machine is
    "OMP_DYNAMIC": "FALSE",  # likewise; with TRUE, GNU OpenMP looks at the load average
}
os.environ.update(REPEATABLE)

# How long a thread of GNU OpenMP turns in a circle before it sleeps. Never changes a byte. With its own 300,000 turns
# two trainings on the same 2 cores come down to 17 images/s each, where one alone does 103; with 10,000 they do 44, and
# one alone 96, so that a refresh beside a training does not stand still.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
