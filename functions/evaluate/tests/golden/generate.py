"""Writes metrics.json: what the reference implementations answer, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install rouge_score==0.1.2 sacrebleu==2.6.0 rapidfuzz==3.14.6
    venv/bin/python generate.py
"""

import json
import pathlib
import random
from importlib.metadata import version

from rapidfuzz.distance import Indel
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU

# Each pair is (prediction, reference). The comments name the trap a pair is there for.
PAIRS = [
    ("The cat sat on the mat.", "The cat sat on the mat."),
    ("the cat is on the mat", "There is a cat on the mat."),
    ("", "something"),
    ("something", ""),
    ("", ""),
    ("   ", "a b c"),
    ("yes", "yes"),
    ("yes", "no"),
    ("one two", "one two three four five six seven"),
    ("one two three four five six seven", "one two"),
    # The stemmer: NLTK's irregular words, short words, y to i, and the steps that disagree with Snowball.
    ("skies dying lying news innings proceed exceeds", "sky die lie new inning proceeding exceed"),
    ("happy happily flies fly tied ties agreed feed", "happiness happy fly flying tie tied agree feeding"),
    ("generalizations radically possibly apology archaeology", "generalization radical possible apologies archaeological"),
    ("sensational traditional rational digitizer conformably", "sensation tradition ration digitize conformable"),
    # Lower-casing that yields ASCII: the Kelvin sign and the dotted capital I. The others must not.
    ("20 \u212A of heat", "20 k of heat"),
    ("\u0130stanbul is large", "istanbul is large"),
    ("\u017ftra\u00dfe \ufb01ne \uff26\uff35\uff2c\uff2c", "strasse fine full"),
    ("na\u00efve caf\u00e9 r\u00e9sum\u00e9", "nai\u0308ve cafe\u0301 re\u0301sume\u0301"),
    ("\u0421\u043e\u0440\u043e\u043a \u0442\u044b\u0441\u044f\u0447 \u043e\u0431\u0435\u0437\u044c\u044f\u043d", "\u0421\u043e\u0440\u043e\u043a \u043e\u0431\u0435\u0437\u044c\u044f\u043d"),
    ("\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002", "\u65e5\u672c\u306e\u9996\u90fd\u306f\u6771\u4eac\u3067\u3059\u3002"),
    ("\U0001f44d\U0001f3fd great \U0001f389", "great \U0001f389"),
    # 13a: runs of stops and commas between digits, non-overlapping matches.
    ("1...2", "1 . . .2"),
    ("1..2 and 3,,4 and 5.,.6", "1. .2 and 3, ,4 and 5 . , .6"),
    ("It cost $3,500.00, or 2.5%.", "It costs $3,500.00 or 2.5 %."),
    ("v1.2.3-rc.4 (2024-05-06)", "v1.2.3-rc4 (2024-05-07)"),
    ("pages 10-20 and A-B", "pages 10 - 20 and A-B"),
    # 13a: entities in order, so that a doubly escaped one is undone only once for some.
    ("&amp;lt;b&amp;gt; &quot;x&quot; &lt;", "<b> \"x\" <"),
    ("a <skipped> b", "a  b"),
    # 13a: hyphen at a line's end joins; but the text is stripped at its end first.
    ("exam-\nple of hyphen-\n", "example of hyphen-"),
    ("line one\nline two\r\nline three", "line one line two line three"),
    # Python's idea of white space: information separators, no-break, ideographic.
    ("a\u001cb\u001dc\u001ed\u001fe", "a b c d e"),
    ("a\u00a0b\u3000c\u2028d\u0085e\u200bf", "a b c d e f"),
    ("tail\u001f\u001c ", "tail"),
    ("{\"name\": \"lamp\", \"price\": 12.5}", "{\"name\":\"lamp\",\"price\":12.50}"),
    ("fn main() { println!(\"hi\"); }", "fn main() {\n    println!(\"hello\");\n}"),
    ("don't stop; won't stop: can't stop!", "do not stop, will not stop, cannot stop"),
    ("C++ & C# | F* ~ [x] `y` ^z", "C & C | F [x] y z"),
    ("word " * 60, "word " * 40),
    ("a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4, "z y x w v u t s r q p o n m l k j i h g f e d c b a " * 4),
    ("The quick brown fox jumped over the lazy dogs, and then it slept for 12.5 hours in the shade of an old oak tree.",
     "A quick brown fox jumps over the lazy dog; then it sleeps 12.5 hours, in the shade of old oak trees."),
]

# What the made-up pairs are mixed from: every trap above, in pieces.
PIECES = ["a", "cat", "cats", "running", "ran", "skies", "flies", "2", "10", "3.5", "1...2", ".", ",", "..", ".,", "-", "-\n", "\n", " ", " ",
          "&amp;", "&quot;", "&lt;", "&amp;gt;", "<skipped>", "'", "\"", "(", ")", "!", "?", "/", "$", "_", "\u00e9", "\u0130", "\u212a",
          "\u001c", "\u00a0", "\u3000", "\u65e5\u672c", "\U0001f389", "nationalization", "happily", "the", "of", "x-ray", "5-6"]


def made_up(count):
    mix = random.Random(20)
    for _ in range(count):
        words = [mix.choice(PIECES) for _ in range(mix.randrange(1, 30))]
        other = [w if mix.random() < 0.8 else mix.choice(PIECES) for w in words]
        glue = mix.choice(["", " ", " "])
        yield glue.join(words), glue.join(other)


def main():
    pairs = PAIRS + list(made_up(120))
    rouge = rouge_scorer.RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    sentence = BLEU(effective_order=True)
    rows = []
    for prediction, reference in pairs:
        scores = rouge.score(reference, prediction)
        rows.append({
            "prediction": prediction,
            "reference": reference,
            "rouge1": scores["rouge1"].fmeasure,
            "rougeL": scores["rougeL"].fmeasure,
            "bleu": sentence.sentence_score(prediction, [reference]).score,
            "tokens_13a": sentence._preprocess_segment(prediction).split(),
            "indel": Indel.normalized_similarity(prediction, reference),
        })
    corpus = BLEU().corpus_score([p for p, _ in pairs], [[r for _, r in pairs]]).score
    out = {
        "made_with": {name: version(name) for name in ["rouge_score", "nltk", "sacrebleu", "rapidfuzz"]},
        "corpus_bleu": corpus,
        "rows": rows,
    }
    path = pathlib.Path(__file__).with_name("metrics.json")
    rows = ",\n".join(json.dumps(row) for row in out.pop("rows"))
    head = json.dumps(out)[:-1]
    path.write_text(f'{head}, "rows": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
