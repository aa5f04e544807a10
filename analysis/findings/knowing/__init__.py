"""What repetition does to what a model knows, and to whether it knows that it does.

Of runs that are told facts (`told`): `exchange`, how often a fact has to be stated beside a pool; `lost`,
knowledge beside test loss; `wordings`, templates against verbatim; `unseen`, confidence in what was never
said; `hallucination`; `dose`, facts that are stated more often on purpose; `capacity`, bits a param;
`self_knowledge`, P(IK) and P(True). Of any run that is asked for it: `calibration`.
"""
