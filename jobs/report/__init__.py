"""The report: a folder of HTML pages about one lake that open without a network and without a script."""
