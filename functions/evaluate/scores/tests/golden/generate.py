"""Writes scores.json: what the reference implementations answer, for the tests to compare with.

    python3 -m venv venv && venv/bin/pip install rouge_score==0.1.2 nltk==3.10.4 sacrebleu==2.6.0 \
        rapidfuzz==3.14.6 scikit-learn==1.9.1 transformers==4.57.1
    venv/bin/python generate.py

`transformers` has the scorer of SQuAD 2.0 in a module of its own.
"""

import itertools
import json
import pathlib
import random
import re
from importlib.metadata import version

from nltk.stem.porter import PorterStemmer
from rapidfuzz.distance import Indel, JaroWinkler, Levenshtein
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF, TER
from sklearn.metrics import accuracy_score, f1_score
from transformers.data.metrics.squad_metrics import compute_exact, compute_f1

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
    # A character of value 0, which pads nothing.
    ("a\u0000 a b\u0000c", "a a b\u0000c"),
    ("{\"name\": \"lamp\", \"price\": 12.5}", "{\"name\":\"lamp\",\"price\":12.50}"),
    ("```rust\nfn main() { println!(\"hi\"); }\n```", "fn main() {\n    println!(\"hello\");\n}"),
    ("don't stop; won't stop: can't stop!", "do not stop, will not stop, cannot stop"),
    ("C++ & C# | F* ~ [x] `y` ^z", "C & C | F [x] y z"),
    # intl: punctuation and symbols of other scripts.
    ("\u00abOui\u00bb, dit-il\u2026 10\u00a0\u20ac! \u00bfQu\u00e9? 1\u066b5", "\u00ab Oui \u00bb, dit-il... 10\u20ac ! \u00bf Qu\u00e9 ? 1,5"),
    # chrF++: one punctuation mark of a word is apart, at its end first.
    ("(hi) 'quoted' ...!! - -- a.", "( hi ) quoted !!! -- a"),
    # SQuAD: articles, underscores, letters that only look like part of a word.
    ("The a_an U.S. an the", "usa"),
    ("a", "the"),
    ("\u24d0 a\u0345 the \u00e9a", "a"),
    # TER: blocks that move, near and far, and lengths that differ much.
    ("d e f a b c", "a b c d e f"),
    ("x y a b c z", "a b c x y z q"),
    ("this week the saudis denied information published in the new york times",
     "saudi arabia denied this week information published in the american new york times"),
    ("a b c d e f g h i j k l m n o p", "i j k l m n o p a b c d e f g h"),
    ("a", "b c d e f g h i j k l m n o p q r s t u v w x y z " * 4),
    ("b c d e f g h i j k l m n o p q r s t u v w x y z " * 4, "a z"),
    # ROUGE-Lsum: lines, some empty, some alike.
    ("the cat ran\nthe dog slept\n\nthe end", "the dog ran\nthe cat slept\nan end\n"),
    ("a b c\na b c\na b c", "a b c"),
    ("a b\nc d", "c d\na b\nb a"),
    ("\n\n", "a\n"),
    ("word " * 60, "word " * 40),
    ("a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4, "z y x w v u t s r q p o n m l k j i h g f e d c b a " * 4),
    ("The quick brown fox jumped over the lazy dogs, and then it slept for 12.5 hours in the shade of an old oak tree.",
     "A quick brown fox jumps over the lazy dog; then it sleeps 12.5 hours, in the shade of old oak trees."),
]

# What the made-up pairs are mixed from: every trap above, in pieces.
PIECES = ["a", "cat", "cats", "running", "ran", "skies", "flies", "2", "10", "3.5", "1...2", ".", ",", "..", ".,", "-", "-\n", "\n", " ", " ",
          "&amp;", "&quot;", "&lt;", "&amp;gt;", "<skipped>", "'", "\"", "(", ")", "!", "?", "/", "$", "_", "\u00e9", "\u0130", "\u212a",
          "\u001c", "\u00a0", "\u3000", "\u65e5\u672c", "\U0001f389", "nationalization", "happily", "the", "of", "x-ray", "5-6",
          "\u20ac", "\u2026", "\u00ab", "The", "an"]


def made_up(count):
    mix = random.Random(20)
    for _ in range(count):
        words = [mix.choice(PIECES) for _ in range(mix.randrange(1, 30))]
        other = [w if mix.random() < 0.8 else mix.choice(PIECES) for w in words]
        if mix.random() < 0.4:
            # A block moves.
            start = mix.randrange(len(other))
            block = other[start:start + 4]
            del other[start:start + 4]
            at = mix.randrange(len(other) + 1)
            other[at:at] = block
        glue = mix.choice(["", " ", " "])
        yield glue.join(words), glue.join(other)


def long_pairs():
    """Longer than 128 words, so that bits no longer fit one integer, and one of thousands."""
    mix = random.Random(7)
    words = ["w%d" % n for n in range(50)] + ["running", "flies", "nations", "end.\n", "next,"]
    for length in [63, 64, 65, 127, 128, 129, 300, 1500]:
        one = [mix.choice(words) for _ in range(length)]
        other = [w if mix.random() < 0.7 else mix.choice(words) for w in one]
        yield " ".join(one), " ".join(other)


ROOTS = ["nation", "act", "general", "relat", "happ", "fl", "tr", "hop", "fil", "controll", "sky", "y", "yy", "yyy", "toy", "syzyg", "feed",
         "agre", "conflat", "troubl", "siz", "fall", "hiss", "fizz", "fail", "analog", "geolog", "log", "radic", "form", "electr", "good",
         "adjust", "commun", "adopt", "rat", "ceas", "roll", "rowe", "own", "a", "e", "owl", "x9", "42", "1990", "sens", "vil", "opera",
         "dying", "lying", "tying", "news", "inning", "outing", "canning", "how", "proceed", "exceed", "succeed", "skies", "gen", "all"]
SUFFIXES = ["", "s", "es", "ies", "ied", "ed", "eed", "ing", "ings", "y", "ly", "ally", "alli", "ationally", "ational", "ization", "izer",
            "fulness", "fulli", "fully", "ousness", "ousli", "iveness", "ivity", "iviti", "ability", "biliti", "bli", "ogi", "logi", "alism",
            "aliti", "eli", "entli", "anci", "enci", "icate", "ative", "alize", "iciti", "ical", "ful", "ness", "ance", "ence", "er", "able",
            "ible", "ant", "ement", "ment", "ent", "ion", "sion", "tion", "ou", "ism", "ate", "iti", "ous", "ive", "ize", "e", "ll", "l", "yed",
            "ying", "sses", "ss", "tional", "ation", "ator", "at", "bl", "iz"]


def code_tokens(text):
    fence = re.search(r"^[^\S\n]*```[^\n]*\n(.*?)(?:^[^\S\n]*```[^\S\n]*$|\Z)", text, re.S | re.M)
    text = fence.group(1) if fence else text
    return re.findall(r"\w+|[^\w\s]", text)


def main():
    pairs = PAIRS + list(made_up(160)) + list(long_pairs())
    kinds = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    stemmed = rouge_scorer.RougeScorer(kinds, use_stemmer=True)
    plain = rouge_scorer.RougeScorer(kinds, use_stemmer=False)
    sentence = {tok: BLEU(effective_order=True, tokenize=tok) for tok in ["13a", "intl", "char", "none"]}
    rows = []
    for prediction, reference in pairs:
        with_stemmer = stemmed.score(reference, prediction)
        without = plain.score(reference, prediction)
        bleu = {tok: metric.sentence_score(prediction, [reference]).score for tok, metric in sentence.items()}
        rows.append({
            "prediction": prediction,
            "reference": reference,
            "rouge1": with_stemmer["rouge1"].fmeasure,
            "rouge2": with_stemmer["rouge2"].fmeasure,
            "rouge_l": with_stemmer["rougeL"].fmeasure,
            "rouge_lsum": with_stemmer["rougeLsum"].fmeasure,
            "rouge1_unstemmed": without["rouge1"].fmeasure,
            "rouge2_unstemmed": without["rouge2"].fmeasure,
            "rouge_l_unstemmed": without["rougeL"].fmeasure,
            "rouge_lsum_unstemmed": without["rougeLsum"].fmeasure,
            "bleu": bleu["13a"],
            "bleu_intl": bleu["intl"],
            "bleu_char": bleu["char"],
            "bleu_none": bleu["none"],
            "chrf": CHRF().sentence_score(prediction, [reference]).score,
            "chrf_plus_plus": CHRF(word_order=2).sentence_score(prediction, [reference]).score,
            "ter": TER().sentence_score(prediction, [reference]).score,
            "squad_exact": compute_exact(reference, prediction),
            "token_f1": compute_f1(reference, prediction),
            "indel": Indel.normalized_similarity(prediction, reference),
            "levenshtein": Levenshtein.normalized_similarity(prediction, reference),
            "jaro_winkler": JaroWinkler.normalized_similarity(prediction, reference),
            "code": Indel.normalized_similarity(code_tokens(prediction), code_tokens(reference)),
            "tokens_13a": sentence["13a"]._preprocess_segment(prediction).split(),
        })

    predictions, references = [p for p, _ in pairs], [[r for _, r in pairs]]
    settings = {}
    for tok, smooth, effective, lower in itertools.product(
            ["13a", "intl", "char", "none"], ["exp", "floor", "add-k", "none"], [False, True], [False, True]):
        metric = BLEU(tokenize=tok, smooth_method=smooth, effective_order=effective, lowercase=lower)
        words = [tok, "unsmoothed" if smooth == "none" else smooth, "effective" * effective, "lowercase" * lower]
        sentences = [metric.sentence_score(p, [r]).score for p, r in pairs]
        corpus = metric.corpus_score(predictions, references).score
        settings[" ".join(word for word in words if word)] = {
            "signature": str(metric.get_signature()), "corpus": corpus, "sentences": sentences}

    corpora = {}
    for name, metric in [("chrf", CHRF()), ("chrf++", CHRF(word_order=2)), ("ter", TER())]:
        score = metric.corpus_score(predictions, references)
        corpora[name] = {"name": score.name, "signature": str(metric.get_signature()), "value": score.score}

    labels = []
    mix = random.Random(3)
    for classes, count in [(2, 40), (3, 60), (12, 200), (90, 300)]:
        expected = ["label %d" % min(int(mix.expovariate(0.4)), classes - 1) for _ in range(count)]
        answered = [e if mix.random() < 0.7 else mix.choice(["label %d" % mix.randrange(classes), "other"]) for e in expected]
        labels.append({
            "predictions": answered,
            "references": expected,
            "accuracy": accuracy_score(expected, answered),
            "micro_f1": f1_score(expected, answered, average="micro", zero_division=0),
            "macro_f1": f1_score(expected, answered, average="macro", zero_division=0),
        })

    stemmer = PorterStemmer()
    words = sorted({root + suffix for root in ROOTS for suffix in SUFFIXES})
    words = [word for word in words if len(word) > 3]
    mix.shuffle(words)
    stems = [[word, stemmer.stem(word)] for word in sorted(words[:1500])]

    packages = ["rouge_score", "nltk", "sacrebleu", "rapidfuzz", "scikit-learn", "transformers"]
    out = {"made_with": {name: version(name) for name in packages}, "corpus": corpora, "bleu_settings": settings,
           "labels": labels, "stems": stems}
    path = pathlib.Path(__file__).with_name("scores.json")
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in out.items())
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(f'{{{head},\n"rows": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
