"""Where the shared survival cases lie, and the trial that most tests here use."""

import pathlib

CASES = pathlib.Path(__file__).parents[2] / "../shared/cases/survival"

# Freireich 1963: weeks in remission of 42 children with leukaemia, on 6-mercaptopurine or placebo.
TREATED = [
    *[(6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1)],
    *[(17, 0), (19, 0), (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)],
]
PLACEBO = [(week, 1) for week in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]
TIME = [week for week, _ in TREATED + PLACEBO]
EVENT = [seen for _, seen in TREATED + PLACEBO]
GROUP = [0] * len(TREATED) + [1] * len(PLACEBO)
