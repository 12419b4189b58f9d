"""Writes comparison.json: the numbers of the comparison, by the formulas themselves, term by term.

    python3 comparison.py > comparison.json

It needs nothing but Python, draws no random number, and shares no shortcut with the crate: the recursion is
over whole tables, sums are over all outcomes, and the integral is the trapezoid rule over all rows.
"""

import json
import math

GRID = [(j - 0.5) / 64 for j in range(1, 65)]
WEIGHTS = {
    "scores": [(1 - c * c) ** -0.5 for c in GRID],
    "binary": [1 - c * c for c in GRID],
}
SAMPLES = {
    "sine": [round(0.05 + 0.2 * math.sin(1.7 * i), 6) for i in range(1, 101)],
    "skew": [-0.45 if i % 10 == 0 else 0.05 for i in range(1, 101)],
    "ties": [0.0] * 100,
    "binary": [1, 0, 0, -1, 0, 1, 0, 0, 0, 1] * 10,
}


def log_sum(logs):
    most = max(logs)
    return most + math.log(sum(math.exp(log - most) for log in logs))


def log_e(wins, losses):
    beta = math.lgamma(wins + 2) + math.lgamma(losses + 2) - math.lgamma(wins + losses + 4)
    return beta + math.log(6) + (wins + losses) * math.log(2)


def above(differences, bound, kind):
    weights = WEIGHTS[kind]
    total = sum(weights)
    return log_sum([
        math.log(v / total) + sum(math.log(1 + c * ((1 + d) / (1 + bound) - 1)) for d in differences)
        for c, v in zip(GRID, weights)
    ])


def evidence(differences, bound, kind):
    negated = [-d for d in differences]
    return log_sum([above(differences, bound, kind), above(negated, -bound, kind)]) - math.log(2)


def interval(differences, kind):
    mean = sum(differences) / len(differences)
    ends = []
    for outside in (-1 + 1e-9, 1 - 1e-9):
        inside = mean
        for _ in range(50):
            middle = (inside + outside) / 2
            if evidence(differences, middle, kind) >= math.log(20):
                outside = middle
            else:
                inside = middle
        ends.append(inside)
    return ends


def coin_table(rows):
    chances, spent, table = [1.0], 0.0, {}
    for differing in range(1, rows + 1):
        chances = [(lost + won) / 2 for lost, won in zip(chances + [0.0], [0.0] + chances)]
        wins = [w for w in range(differing + 1) if 2 * w >= differing]
        need = next((w for w in wins if log_e(w, differing - w) >= math.log(20)), differing + 1)
        for w in range(need, differing + 1):
            spent += 2 * chances[w]
            chances[w] = chances[differing - w] = 0.0
        end, error = differing + 1, spent
        while end - 1 > differing / 2 and error + 2 * chances[end - 1] <= 0.04:
            end -= 1
            error += 2 * chances[end]
        table[differing] = {"need": need, "end": end, "error_stop": spent, "error_end": error, "go_on": list(chances)}
    return table


def tango(wins, losses, rows, margin):
    d = -margin
    a, b, c = 2 * rows, -wins - losses + (2 * rows - wins + losses) * d, -losses * d * (1 - d)
    q = (math.sqrt(b * b - 4 * a * c) - b) / (2 * a)
    return (wins - losses - rows * d) / math.sqrt(rows * (2 * q + d * (1 - d)))


def not_worse(wins, losses, rows, margin):
    observed = tango(wins, losses, rows, margin) - 1e-9
    region = [
        (w, l) for w in range(rows + 1) for l in range(rows + 1 - w) if tango(w, l, rows, margin) >= observed
    ]
    log = lambda p, n: 0.0 if n == 0 else n * math.log(p) if p > 0 else -math.inf
    choose = lambda w, l: (
        math.lgamma(rows + 1) - math.lgamma(w + 1) - math.lgamma(l + 1) - math.lgamma(rows - w - l + 1)
    )
    best = 0.0
    for k in range(201):
        win = k / 200 * (1 - margin) / 2
        loss, tie = win + margin, 1 - 2 * win - margin
        best = max(best, sum(
            math.exp(choose(w, l) + log(win, w) + log(loss, l) + log(tie, rows - w - l)) for w, l in region
        ))
    return best


def pseudo_row(differences, bound):
    a = [d - bound for d in differences] + [-1 - bound]
    scale, total = 1 / math.sqrt(sum(x * x for x in a)), 0.0
    for step in range(5001):
        t = math.exp(-30 + step * 0.01) * scale
        size = sum(0.5 * math.log1p((x * t) ** 2) for x in a)
        ends = 0.5 if step in (0, 5000) else 1
        total += ends * math.sin(sum(math.atan(x * t) for x in a)) * math.exp(-size) * 0.01
    return 0.5 - total / math.pi


def power(rows, discordance, gap, table):
    win, chances, stopped = 0.5 + gap / (2 * discordance), [1.0], 0.0
    found = [0.0, 0.0]
    for differing in range(1, rows + 1):
        chances = [
            lost * (1 - win) + won * win for lost, won in zip(chances + [0.0], [0.0] + chances)
        ]
        need, end = table[differing]["need"], table[differing]["end"]
        for w in range(need, differing + 1):
            stopped += chances[w]
            chances[w] = chances[differing - w] = 0.0
        weight = math.comb(rows, differing) * discordance**differing * (1 - discordance) ** (rows - differing)
        found[0] += weight * stopped
        found[1] += weight * (stopped + sum(chances[end:]))
    return found


def main():
    table = coin_table(500)
    counts = [(0, 0), (5, 0), (9, 0), (10, 1), (20, 5), (36, 14), (66, 34), (260, 88)]
    tallies = [
        (0, 0, 10, 0.05), (0, 0, 76, 0.05), (0, 0, 200, 0.02), (5, 4, 100, 0.05), (3, 0, 50, 0.05),
        (12, 7, 200, 0.05), (0, 0, 30, 0.1),
    ]
    pseudo = [
        ("sine", 0.0), ("sine", -0.05), ("skew", -0.02), ("ties", 0.0), ("ties", -0.05), ("binary", -0.02),
    ]
    powers = [(100, 0.25, 0.15), (200, 0.25, 0.05)]
    print(json.dumps({
        "log_e": [[*count, log_e(*count)] for count in counts],
        "table": [
            [d, table[d]["need"], table[d]["end"], table[d]["error_stop"], table[d]["error_end"]]
            for d in (5, 6, 7, 8, 9, 10, 20, 30, 50, 80, 100, 200, 300, 500)
        ],
        "bets": {
            name: {
                "differences": sample,
                **{f"log_e_{kind}": evidence(sample, 0.0, kind) for kind in WEIGHTS},
                "above_5": above(sample, -0.05, "scores"),
                "above_2": above(sample, -0.02, "scores"),
                "above_5_binary": above(sample, -0.05, "binary"),
                **{f"interval_{kind}": interval(sample, kind) for kind in WEIGHTS},
            }
            for name, sample in SAMPLES.items()
        },
        "not_worse": [[*tally, tango(*tally), not_worse(*tally)] for tally in tallies],
        "pseudo_row": [[name, bound, pseudo_row(SAMPLES[name], bound)] for name, bound in pseudo],
        "power": [[*plan, *power(*plan, table)] for plan in powers],
    }, indent=1))


main()
