"""What all rooms need of the machine: whole files, child processes, cores, a quiet TensorFlow."""
