"""Does a model know what it knows? Two stages after a run that was told facts (Kadavath et al. 2022).

`p_ik` measures a head on the frozen trunk: will the model's answer to this question be right? `p_true`
fine-tunes the model to grade its own answers. Half of the entities of every rung of exposures are
judges, which heads and graders learn from; the other half is asked. None is both.

What they leave, each row with `run_id` (the stage's; its row in the results has `of`, the run that is
measured, and that run's `seed`), `step` and `tokens`:

`p_ik`: a row a condition.
    predictor: `head`; beside it `confidence`, the highest probability of a value, and `agreement`, the
        probability that two answers agree.
    target: what the head learns, `exact` p(correct) or the share of right `samples`; `none`.
    trained_on: judges that it learns from, `all`, or those that were `told`; `nothing`.
    group: entities asked about, `all`, `told` (exposures above 0) or `never_seen`.
    after: what stands before the question, `nothing` or a passage of the `pool`.
    known_share: questions whose answer is right more often than not, as a share.
    auroc: of the prediction against that; null where all are, or none is.
    n, rms_ce, rms_ce_floor, ece, brier, accuracy, confidence_gap: of the prediction against one answer
        a question, sampled at temperature 1 (`reliability.measure`).
`p_ik_exposures`: a row a predictor, target, trained_on, after and exposures.
    n, prediction (mean), probability (mean exact p(correct)), known_share, auroc, brier.
`p_ik_reliability`: a row a bin of each condition of `p_ik`: bin, n, confidence, accuracy.

`p_true`: a row a condition, of one fresh answer a question, sampled at temperature 1.
    predictor: `p_true`; beside it `probability`, the answer's own, and `agreement`, the share of the
        shown samples that are the answer.
    shown: own samples that stand before the answer, 5 or 0.
    group: as above.
    auroc: of the prediction against the answer's being right; null where all are, or none is.
    n, rms_ce, rms_ce_floor, ece, brier, accuracy, confidence_gap: likewise.
`p_true_exposures`: a row a predictor, shown and exposures.
    n, prediction (mean), accuracy, auroc, brier.
`p_true_reliability`: a row a bin of each condition of `p_true`: bin, n, confidence, accuracy.

In the results: `p_ik_auroc`, `p_ik_brier`, `p_ik_rms_ce`, `p_ik_rms_ce_floor`, `p_ik_n` (head, exact,
trained on all, asked about all, after nothing) and `confidence_auroc`; `p_true_auroc`, `p_true_brier`,
`p_true_rms_ce`, `p_true_rms_ce_floor`, `p_true_n` (samples shown, all), `p_true_unshown_auroc` and
`probability_auroc`.
"""
