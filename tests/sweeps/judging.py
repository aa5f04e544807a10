"""How hypotheses of recorded studies are judged: by a rule from the tables, which gives a verdict and the
sentence that it stands on, as the study's page has to say it."""

HELD, NOT, PART, OPEN = "Held", "Not held", "Held in part", "Open"


def interval(value, low, high, form="+.3f"):
    """With what it is 95 % of."""
    return "{} (95 %: {} to {})".format(*(format(each, form) for each in (value, low, high)))


def judged(hypotheses, found, number):
    """What the page says of the hypothesis of that number; each says what it is in its docstring."""
    hypothesis = hypotheses[number - 1]
    verdict, text = hypothesis(found)
    return f"{number}. *{' '.join(hypothesis.__doc__.split())}* {verdict}: {text}."


def are_those_set_down(hypotheses, home):
    """Whether there are as many as the study's folder has set down."""
    set_down = (home / "PREREGISTRATION.md").read_text().partition("## Hypotheses")[2]
    there = [f"\n{number}. " in set_down for number in range(1, len(hypotheses) + 2)]
    return there == [True] * len(hypotheses) + [False]
