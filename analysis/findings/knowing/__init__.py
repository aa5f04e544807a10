"""What repetition does to what a model knows, and to whether it knows that it does.

Of runs that are told facts (`told`): `exchange`, how often a fact has to be stated beside a pool;
`lost`, knowledge beside test loss; `calibration`, of any run that is asked for it; `hallucination`;
`dose`, facts that are stated more often on purpose; `capacity`, bits a param.
"""
