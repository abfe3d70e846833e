"""Columns of cells with contexts: chances of the right object by trying all wrong features, for each kind of connection."""
import itertools
import numpy as np

OBJECTS = np.array([[0, 1, 2], [2, 1, 0], [0, 3, 2], [2, 3, 0]])
F, K, STEPS = 4, 4, 3


def learnt():
    """Winners of each object: the next unused cell of the feature; lateral weights to the next winner, apical ones to the object."""
    used, lateral, apical = np.zeros(F, int), np.zeros((F*K, F*K)), np.zeros((len(OBJECTS), F*K))
    for o, features in enumerate(OBJECTS):
        before = None
        for f in features:
            c, used[f] = f*K + used[f], used[f] + 1
            apical[o, c] = 1
            if before is not None:
                lateral[before, c] = 1
            before = c
    return lateral, apical


LATERAL, APICAL = learnt()


def decision(seen, lateral, feedback):
    """Object that gets most votes; seen: features of each column and step. Apical dendrites hear the votes of the other columns."""
    active, votes = [np.zeros(F*K) for _ in seen], np.zeros((len(seen), len(OBJECTS)))
    for t in range(STEPS):
        others = votes.sum(0) - votes
        for m, features in enumerate(seen):
            mini = np.arange(F*K)//K == features[t]
            cells = mini & (active[m] @ LATERAL > 0.5) if lateral else mini & False
            if feedback and not cells.any() and others[m].max() > 0:
                cells = mini & ((others[m] > 0.95*others[m].max()) @ APICAL > 0.5)
            active[m] = np.where(cells if cells.any() else mini, 1.0, 0.0)
            heard = APICAL @ active[m]
            votes[m] += heard/max(heard.sum(), 1)
    return int(np.argmax(votes.sum(0).round(6)))


def chance(columns, lateral, feedback, wrong):
    """Of all objects, each feature replaced by one of the other three with probability `wrong`."""
    total, known = 0.0, {}
    for o, features in enumerate(OBJECTS):
        for seen in itertools.product(range(F), repeat=STEPS*columns):
            p = np.prod([1 - wrong if seen[k] == features[k % STEPS] else wrong/(F - 1) for k in range(len(seen))])
            if p > 0:
                if seen not in known:
                    known[seen] = decision(np.reshape(seen, (columns, STEPS)), lateral, feedback)
                total += p*(known[seen] == o)
    return total/len(OBJECTS)


if __name__ == '__main__':
    for wrong in (0, 0.2, 0.4):
        print('wrong', wrong, 'one column, forward', round(chance(1, False, False, wrong), 4), 'with lateral', round(chance(1, True, False, wrong), 4),
              'two columns', round(chance(2, True, False, wrong), 4), 'with feedback', round(chance(2, True, True, wrong), 4))
