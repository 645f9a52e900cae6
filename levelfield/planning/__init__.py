"""From a study to what it runs, for how long and under which id: what the command line and the page share. Nothing is started here."""
