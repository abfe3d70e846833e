"""Writes golden files: head lines that say where the numbers come from and what may differ, then a table."""
import os

DATE = '2026-11-22'
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')


def write(deck, name, origin, tool, rules, columns, rows, keys=0, analysis=None):
    """columns: names; rows: sequences of numbers, the first `keys` of them `.step` values. Operating points have no abscissa."""
    folder = os.path.join(ROOT, deck)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name + '.csv'), 'w') as out:
        out.write(f'# origin: {origin}\n# tool: {tool}\n# date: {DATE}\n')
        for rule in rules:
            rule, _, reason = rule.partition(' reason: ')
            out.write(f'# {rule}\n' + (f'# reason: {reason}\n' if reason else ''))
        out.write(f'# analysis = {analysis or name}\n')
        if (analysis or name) == 'op':
            out.write('# independent = 0\n')
        if keys:
            out.write(f'# step = {keys}\n')
        out.write(','.join(columns) + '\n')
        for row in rows:
            out.write(','.join(repr(float(x)) if k < keys else f'{x:.11g}' for k, x in enumerate(row)) + '\n')
