"""Prints the processor time of a pair in seconds, and the mean score: reference.py JOB PAIRS."""

import json
import resource
import sys

JOB, PATH = sys.argv[1:]
PAIRS = json.load(open(PATH))


def user_seconds():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


if JOB == "rouge1+rougeL":
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    run = lambda prediction, reference: [score.fmeasure for score in scorer.score(reference, prediction).values()]
elif JOB == "bleu":
    from sacrebleu.metrics import BLEU

    metric = BLEU(effective_order=True)
    run = lambda prediction, reference: [min(metric.sentence_score(prediction, [reference]).score / 100, 1)]
elif JOB == "chrf":
    from sacrebleu.metrics import CHRF

    metric = CHRF()
    run = lambda prediction, reference: [min(metric.sentence_score(prediction, [reference]).score / 100, 1)]

before = user_seconds()
scores = [score for prediction, reference in PAIRS for score in run(prediction, reference)]
print((user_seconds() - before) / len(PAIRS), sum(scores) / len(scores))
