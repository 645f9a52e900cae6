"""Plans studies, places their runs on a Ray cluster and records the results; home of the command line."""
