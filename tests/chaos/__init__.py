"""A study under faults that come at random: nothing is lost, nothing is counted twice."""
