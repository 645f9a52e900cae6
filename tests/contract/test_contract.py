"""One service against every rule; see conftest.py for the options."""


def test_rule(make_worker, case):
    case.rule.check(make_worker)
