"""What the demo and the scenario tests share: child processes and private devices."""
