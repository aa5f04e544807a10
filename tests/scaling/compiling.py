"""What JAX traces, lowers and compiles while a test looks."""

import jax


def noted() -> list[str]:
    """A list that from now on has an event for each; of what XLA compiles, one with `backend_compile`."""
    events: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, _, **about: (
            event.startswith("/jax/core/compile") and events.append(event.rpartition("/")[2])
        )
    )
    return events
